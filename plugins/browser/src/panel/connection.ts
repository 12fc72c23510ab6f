/** What the doctor found, as a card: the cause, what it means, what to do, and a click where one can do it. */

import type { Diagnosis, Step } from "../doctor";
import { element } from "../dom";
import { ask } from "../messages";

const STEPS: Readonly<Record<Step, string>> = {
  allow: "Allow",
  move: "Use that port",
  pair: "Pair this browser",
  again: "Look again",
};
const LOOPBACK = "http://127.0.0.1/*";

/** Examine the connection and show what is wrong in `place`, or nothing there where all is well. */
export async function showConnection(place: HTMLElement, changed: () => void): Promise<Diagnosis> {
  const found = await ask("doctor", {});
  place.hidden = found.cause === "fine";
  const named = `${found.cause} ${found.address ?? ""}`;
  if (place.dataset.shown === named) return found; // somebody may be typing in it
  place.dataset.shown = named;
  place.replaceChildren(...(found.cause === "fine" ? [] : [card(found, changed)]));
  return found;
}

function card(found: Diagnosis, changed: () => void): HTMLElement {
  const click = element("button", { type: "button", class: "first" }, STEPS[found.step]);
  click.addEventListener("click", () => void take(found).then(changed, changed));
  const severe = found.cause === "impostor" || found.cause === "stranger";
  return element(
    "div",
    { class: `notice ${severe ? "bad" : "warn"}`, "data-cause": found.cause },
    element("h2", {}, found.title),
    element("p", {}, found.meaning),
    element("p", {}, found.remedy),
    ...(found.command === undefined ? [] : [element("p", {}, element("code", {}, found.command))]),
    element("div", { class: "row" }, click),
    ...(found.movable ? [elsewhere(changed)] : []),
  );
}

/** A vault at another port: the number is all that can be said, since it is on this computer. */
function elsewhere(changed: () => void): HTMLElement {
  const port = element("input", {
    id: "port",
    inputmode: "numeric",
    pattern: "[0-9]{2,5}",
    required: true,
    autocomplete: "off",
    placeholder: "7117",
  });
  const form = element("form", { class: "row tight" }, port, element("button", { type: "submit" }, "Use"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void ask("move", { address: `http://127.0.0.1:${Number(port.value)}` }).then(changed, changed);
  });
  return element(
    "details",
    {},
    element("summary", {}, "It runs at another port"),
    element("label", { for: "port" }, "Port"),
    form,
  );
}

async function take({ step, address }: Diagnosis): Promise<void> {
  if (step === "allow") await chrome.permissions.request({ origins: [LOOPBACK] });
  if (step === "move" && address !== undefined) await ask("move", { address });
  if (step === "pair") await chrome.action.openPopup();
}
