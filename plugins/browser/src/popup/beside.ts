/** The search beside the page. Firefox has another way: `beside.firefox.ts`. */

/** Open it. The browser wants a click for that. */
export async function openBeside(): Promise<void> {
  await chrome.sidePanel.open({ windowId: chrome.windows.WINDOW_ID_CURRENT });
}
