/** Where this browser may save, as the vault last said; remembered for when it is away. */

import { Problem } from "./messages";
import { call } from "./vault";

/** `default` is the one to choose where nothing is said. */
export interface Collections {
  readonly collections: readonly string[];
  readonly default: string;
}

const COLLECTIONS = "collections";
const NONE: Collections = { collections: [], default: "" };
/** What a vault gives to a browser for which nothing else was said. */
const USUAL = "web";

/** Ask the vault: nowhere, where this browser was not given that. */
export async function askCollections(): Promise<Collections> {
  try {
    const said = await call<Collections>("collections", {});
    await chrome.storage.local.set({ [COLLECTIONS]: said });
    return said;
  } catch (error) {
    if (error instanceof Problem) return NONE;
    throw error;
  }
}

/** Return what the vault said last. */
export async function remembered(): Promise<Collections> {
  const { [COLLECTIONS]: said } = await chrome.storage.local.get<{ [COLLECTIONS]?: Collections }>(COLLECTIONS);
  return said ?? NONE;
}

/** Return the collection for what is saved without a choice. */
export async function usualCollection(): Promise<string> {
  return (await remembered()).default || USUAL;
}
