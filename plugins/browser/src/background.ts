/** The worker: hears the browser and our own pages, and hands on. It may be ended at any time and keeps nothing in itself. */

import { showBadge } from "./badge";
import { capture, mustShow } from "./capturing";
import { examine, move } from "./evidence";
import { makeMenus, ordered } from "./menus";
import { type Order, type Problem, serve } from "./messages";
import { beginPairing, cancelPairing, unpair } from "./pairing";
import { forViews, watchRequests } from "./panel/serving";
import { list, mark, remove } from "./queue";
import { judge, setRule, siteRules } from "./rules";
import { ALARM, deliver } from "./sending";
import { look } from "./standing";
import { call } from "./vault";

serve({
  state: look,
  pair: ({ address }) => beginPairing(address),
  cancel: cancelPairing,
  unpair,
  judge: async ({ url }) => judge(url, await siteRules()),
  rules: siteRules,
  rule: async ({ site, rule }) => {
    await setRule(site, rule);
    return null;
  },
  capture,
  waiting: list,
  retry: async ({ id }) => {
    for (const item of await list()) if (id === undefined || item.id === id) await mark(item.id, undefined);
    await deliver();
    return list();
  },
  discard: async ({ id }) => {
    await remove(id);
    await showBadge();
    return list();
  },
  vault: ({ name, body }) => call(name, body),
  doctor: examine,
  move: ({ address }) => move(address),
  ...forViews,
});

watchRequests();
// Nothing that we put into a page may read it. Firefox has no such switch, and gives such scripts no more than that.
void chrome.storage.local.setAccessLevel?.({ accessLevel: "TRUSTED_CONTEXTS" });
chrome.runtime.onInstalled.addListener(() => {
  void makeMenus();
  void deliver(); // an update ends the worker, too
});
chrome.runtime.onStartup.addListener(() => void deliver());
chrome.alarms.onAlarm.addListener(({ name }) => {
  if (name === ALARM) void deliver();
});
chrome.contextMenus.onClicked.addListener((clicked, tab) => {
  const order = ordered(clicked, tab, crypto.randomUUID());
  if (order) void saveFromMenu(order);
});

/** Save what a click in the menu says; where the site asks first, or it went wrong, show the popup in a window. */
async function saveFromMenu(order: Order): Promise<void> {
  if (await mustShow(order)) return openPopup(order);
  const { id } = order;
  try {
    const { where } = await capture(order);
    await flash(where === "vault" ? "✓" : "…");
  } catch (error) {
    await flash("!");
    console.warn(`ownvault: ${id} was not saved: ${(error as Problem).code}`);
    await openPopup(order);
  }
}

async function openPopup({ tab, what, url }: Order): Promise<void> {
  const asked = new URLSearchParams({ tab: String(tab), what, ...(url === undefined ? {} : { url }) });
  await chrome.windows.create({ type: "popup", url: `popup.html?${asked}`, width: 380, height: 560 });
}

/** Show a sign on the button for a moment. */
async function flash(text: string): Promise<void> {
  await chrome.action.setBadgeText({ text });
  setTimeout(() => void showBadge(), 2500);
}
