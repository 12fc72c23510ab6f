/** The side panel: search and insert, save a conversation, and what the site beside it has seen. */

import { part } from "../dom";
import { notice } from "../popup/notice";
import { showRequests } from "../popup/requests";
import { showConnection } from "./connection";
import { showConversation } from "./conversation";
import { showTarget, startSearch } from "./search";
import { showSeen } from "./seen";
import { pageBeside, whenPageChanges } from "./site";
import { startTabs } from "./tabs";

/** How often a panel that is seen looks for requests. The vault neither records that nor stays open for it. */
const EVERY_MS = 5000;

let view = "search";

/** Show how it stands, and the view that is chosen. */
async function show(): Promise<void> {
  const { cause } = await showConnection(part("doctor", HTMLElement), () => void show().catch(notice));
  part("site", HTMLElement).textContent = (await pageBeside())?.host ?? "";
  await showTarget();
  part("views", HTMLElement).hidden = cause !== "fine";
  if (cause !== "fine") return;
  await showRequests(part("requests", HTMLElement));
  await showView();
}

/** The requests take one line here until they are opened: the panel is for searching. */
function showCount(): void {
  const count = part("requests", HTMLElement).querySelector("h2")?.textContent ?? "";
  part("requests-count", HTMLElement).textContent = count;
  part("requests-part", HTMLElement).hidden = count === "";
}

async function showView(): Promise<void> {
  if (view === "conversation") await showConversation();
  if (view === "seen") await showSeen();
}

/** Look for new requests, and for the cause when there is no asking. What else is shown stays as it is. */
async function look(): Promise<void> {
  const isWell = !part("views", HTMLElement).hidden;
  await showRequests(part("requests", HTMLElement)).then(
    () => (isWell ? undefined : show()),
    () => (isWell ? show() : undefined),
  );
}

startTabs(part("tabs", HTMLElement), (panel) => {
  view = panel;
  part("notice", HTMLElement).hidden = true; // it was about the view before
  void showView().catch(notice);
});
startSearch();
new MutationObserver(showCount).observe(part("requests", HTMLElement), { childList: true });
void whenPageChanges(() => void show().catch(notice));
setInterval(() => {
  if (!document.hidden) void look();
}, EVERY_MS);
show()
  .catch(notice)
  .finally(() => document.body.setAttribute("data-shown", ""));
