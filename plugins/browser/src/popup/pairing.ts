/** Pairing, as the popup shows it. The worker does it: the popup may be closed meanwhile. */

import { element, part } from "../dom";
import { ask, type State } from "../messages";
import { notice } from "./notice";

const LOOK_MS = 2000;

/** Show the form, or the words, or nothing of it. */
export function showPairing(state: State): void {
  const unpaired = state.standing === "unpaired" || state.standing === "ended";
  part("pairing", HTMLElement).hidden = !unpaired;
  part("words-part", HTMLElement).hidden = state.standing !== "waiting";
  part("address", HTMLInputElement).value ||= state.address;
  if (!state.words) return;
  part("words", HTMLElement).replaceChildren(...state.words.words.map((word) => element("li", {}, word)));
  part("pair-command", HTMLElement).textContent = `ownvault extension pair ${state.words.words.join(" ")}`;
  part("words-until", HTMLElement).textContent =
    `The question ends at ${new Date(state.words.until).toLocaleTimeString()}.`;
}

/** Let the owner pair and think better of it; while the words are shown, look whether the vault has decided. */
export function startPairing(show: () => Promise<void>): void {
  part("pair-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    // Asked within the click, as browsers want it; where it was given at installation nothing is shown.
    void chrome.permissions
      .request({ origins: ["http://127.0.0.1/*"] })
      .catch(() => false) // then it is not reached, and that is said
      .then(() => ask("pair", { address: part("address", HTMLInputElement).value.trim() }))
      .then(show)
      .catch(notice);
  });
  part("cancel", HTMLElement).addEventListener("click", () => void ask("cancel", {}).then(show).catch(notice));
  setInterval(() => {
    if (!part("words-part", HTMLElement).hidden) void show().catch(notice);
  }, LOOK_MS);
}
