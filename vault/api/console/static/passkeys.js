// Passkeys: making one, and having one sign the approval that a form says.

import { part, place, send } from "./frame.js";

const trouble = document.getElementById("trouble");

/** Say what went wrong where a screen reader hears it; a person who closed the browser's own dialog knows it. */
function tell(error) {
  if (!trouble) return;
  const said = {
    NotAllowedError: "No passkey was used. You can try again.",
    InvalidStateError: "This device is registered already.",
  };
  trouble.textContent = said[error.name] ?? error.message;
  trouble.hidden = false;
}

const answered = async (asked) => {
  const answer = await asked;
  if (!answer.ok) throw new Error("The vault refused that. Load the page again.");
  return answer.json();
};

/** Put the authenticator's answer into the form and send it, with the button that was pressed. */
function finish(form, credential, button) {
  form.elements.assertion.value = JSON.stringify(credential.toJSON());
  form.dataset.ready = "1";
  form.requestSubmit(button);
}

const making = document.getElementById("make");
making?.addEventListener("submit", async (event) => {
  if (making.dataset.ready) return;
  event.preventDefault();
  try {
    const options = PublicKeyCredential.parseCreationOptionsFromJSON(await answered(part("/settings/passkeys/offer")));
    finish(making, await navigator.credentials.create({ publicKey: options }), event.submitter);
  } catch (error) {
    tell(error);
  }
});

const deciding = document.querySelector("form[data-assent]");
deciding?.addEventListener("submit", async (event) => {
  if (event.submitter?.name !== "passkey" || deciding.dataset.ready) return;
  event.preventDefault();
  try {
    const asked = await answered(send(deciding.dataset.assent, new FormData(deciding)));
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(asked);
    const credential = await navigator.credentials.get({ publicKey: options });
    finish(deciding, credential, deciding.querySelector('button[value="approve"]'));
  } catch (error) {
    tell(error);
  }
});
for (const button of document.querySelectorAll("button[data-passkey]")) button.hidden = !window.PublicKeyCredential;
