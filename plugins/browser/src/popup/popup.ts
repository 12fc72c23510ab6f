/** The popup: what waits for the owner, what this tab can give, and how it stands with the vault. */

import { part } from "../dom";
import { ask, type State } from "../messages";
import { showConnection } from "../panel/connection";
import { openBeside } from "./beside";
import { notice, tell } from "./notice";
import { showPairing, startPairing } from "./pairing";
import { showRequests } from "./requests";
import { showSave, startSave } from "./save";
import { showWaiting, startWaiting } from "./waiting";

const STANDING: Readonly<Record<State["standing"], string>> = {
  unpaired: "not paired",
  waiting: "waiting for your approval",
  open: "vault open",
  locked: "vault locked",
  away: "vault not running",
  foreign: "not your vault",
  ended: "pairing ended",
};

/** Where the doctor is asked what is wrong. */
const TROUBLED: ReadonlySet<State["standing"]> = new Set(["locked", "away", "foreign", "ended"]);

/** Look how it stands and show it. */
async function show(): Promise<void> {
  const state = await ask("state", {});
  const standing = part("standing", HTMLElement);
  standing.dataset.standing = state.standing;
  standing.textContent = STANDING[state.standing];
  if (state.standing === "foreign") tell(state.detail, "bad");
  const doctor = part("doctor", HTMLElement);
  doctor.hidden = true;
  if (TROUBLED.has(state.standing)) await showConnection(doctor, () => void show().catch(notice));
  part("open-panel", HTMLElement).hidden = state.rights.length === 0;
  showPairing(state);
  showWaiting(state.waiting);
  await showSave(state);
  if (state.standing === "open" && state.rights.includes("decide")) await showRequests(part("requests", HTMLElement));
}

startPairing(show);
startSave();
startWaiting();
part("open-settings", HTMLElement).addEventListener("click", () => void chrome.runtime.openOptionsPage());
part("open-panel", HTMLElement).addEventListener("click", () => void openBeside().then(() => window.close(), notice));
show()
  .catch(notice)
  .finally(() => document.body.setAttribute("data-shown", "")); // everything there is to see is there
