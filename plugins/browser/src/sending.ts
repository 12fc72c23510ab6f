/** Sending what waits: one at a time, by whoever comes first, and again when the vault is back. */

import { showBadge } from "./badge";
import { Problem } from "./messages";
import { flush, type Item, list, type Sent } from "./queue";
import { call } from "./vault";

/** What is sent for an item, as it was read: the body of `capture`, SPEC.md §4. */
export interface Draft {
  readonly key: string;
  readonly kind: "page" | "selection" | "link" | "file" | "conversation";
  readonly url: string;
  readonly captured: string;
  readonly collection: string;
  readonly title: string;
  readonly labels: readonly string[];
  readonly text?: string;
  readonly highlights?: readonly string[];
  readonly language?: string;
  readonly author?: string;
  readonly published?: string;
  readonly file?: { readonly type: string; readonly data: string };
  readonly conversation?: unknown;
}

export const ALARM = "send";
const EVERY_MINUTES = 0.5;
const LOCK = "send";
/** What another time will not change: the owner has to look at it. */
const REFUSALS = new Set([
  "bad_request",
  "too_large",
  "not_allowed",
  "not_found",
  "denied",
  "in_console",
  "key_reused",
]);

/** Send what waits. Return why something still does, in words for a person; nothing where nothing does. */
export function deliver(): Promise<string> {
  return navigator.locks.request(LOCK, async () => {
    let why = "";
    await flush(async (item, body) => {
      const sent = await send(item, body);
      if ("later" in sent) why = sent.later;
      return sent;
    });
    await keepTrying();
    await showBadge();
    return why;
  });
}

async function send(item: Item, body: string): Promise<Sent> {
  try {
    const { seen_by } = await call<{ seen_by: readonly string[] | null }>("capture", body);
    return { taken: { id: item.id, time: Date.now(), seenBy: seen_by } };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return REFUSALS.has(error.code) ? { refused: error.message } : { later: error.message };
  }
}

/** Make sure that a worker is woken to send: before anything is put, since this one may be ended at the next line. */
export async function wakeLater(): Promise<void> {
  if (await chrome.alarms.get(ALARM)) return; // made anew each time it would never ring
  await chrome.alarms.create(ALARM, { periodInMinutes: EVERY_MINUTES });
}

/** The alarm stands while something waits for the vault. */
async function keepTrying(): Promise<void> {
  const waits = (await list()).some(({ problem }) => problem === undefined);
  if (waits) await wakeLater();
  else await chrome.alarms.clear(ALARM);
}
