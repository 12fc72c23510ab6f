// Shows what a form would grant or leave while it is filled in. Without this the Preview button does the same.

import { swap } from "./frame.js";

const PAUSE = 350; // milliseconds without a change before the vault is asked

for (const form of document.querySelectorAll("form[data-preview]")) {
  const shown = form.querySelector("#preview");
  let waiting;
  let asking = new AbortController();

  const ask = async () => {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const body = new URLSearchParams(new FormData(form));
    body.delete("passphrase");
    shown.setAttribute("aria-busy", "true");
    const came = await swap(shown, form.dataset.preview, { method: "POST", body, signal });
    if (signal.aborted) return; // a later change is looked at already
    if (!came) shown.textContent = "This could not be looked at now. The Preview button tries again.";
    shown.removeAttribute("aria-busy");
  };

  form.addEventListener("input", ({ target }) => {
    if (target.type === "password") return;
    clearTimeout(waiting);
    waiting = setTimeout(ask, PAUSE);
  });

  // Whoever chooses a collection means these, not every one.
  form.addEventListener("change", ({ target }) => {
    if (target.name === "collections" && target.checked && form.elements.reach) form.elements.reach.value = "some";
  });
}
