/** The search beside the page, as Firefox has it. `build.mjs` takes this file in place of `beside.ts`. */

declare const browser: { readonly sidebarAction: { open(): Promise<void> } };

/** Open it. The browser wants a click for that. */
export async function openBeside(): Promise<void> {
  await browser.sidebarAction.open();
}
