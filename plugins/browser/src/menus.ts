/** The entries in the browser's own menu. A click there lets the extension read that one tab. */

import type { Order } from "./messages";

type Menu = {
  readonly id: Order["what"];
  readonly title: string;
  readonly contexts: [`${chrome.contextMenus.ContextType}`];
};

const MENUS: readonly Menu[] = [
  { id: "page", title: "Save page to my vault", contexts: ["page"] },
  { id: "selection", title: "Save selection to my vault", contexts: ["selection"] },
  { id: "link", title: "Save link to my vault", contexts: ["link"] },
];

/** Make the entries; once after each installation or update, as browsers keep them. */
export async function makeMenus(): Promise<void> {
  await chrome.contextMenus.removeAll();
  for (const menu of MENUS) chrome.contextMenus.create({ ...menu, documentUrlPatterns: ["http://*/*", "https://*/*"] });
}

/** Return what a click asks for; undefined where there is no tab to read. */
export function ordered(
  clicked: chrome.contextMenus.OnClickData,
  tab: chrome.tabs.Tab | undefined,
  id: string,
): Order | undefined {
  if (tab?.id === undefined) return undefined;
  return {
    ...{ id, tab: tab.id, what: clicked.menuItemId as Order["what"], collection: "", labels: [], shown: false },
    ...(clicked.linkUrl === undefined ? {} : { url: clicked.linkUrl }),
    ...(clicked.selectionText === undefined ? {} : { words: clicked.selectionText }),
  };
}
