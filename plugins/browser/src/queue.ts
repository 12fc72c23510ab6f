/**
 * What was captured and is not in the vault yet.
 *
 * An item is on the disk before anything is sent, and goes when the vault has said that it has it. Its id is the
 * request's idempotency key: a worker that is killed in between sends the same item again, and the vault takes it once.
 */

import { answer, transaction } from "./database";

export const MOST_ITEMS = 500;
export const MOST_BYTES = 64 * 2 ** 20;

/** What an item is listed by. `problem` tells why the vault refused it: it then waits for its owner, not for the vault. */
export interface Item {
  readonly id: string;
  readonly kind: string;
  readonly title: string;
  readonly url: string;
  readonly collection: string;
  /** ISO 8601. */
  readonly captured: string;
  readonly bytes: number;
  readonly problem?: string;
}

/** The queue cannot take more; the message says what to do. */
export class Full extends Error {}

/** Keep an item and the body that will be sent for it. The same id again changes nothing. Throws Full. */
export function put(item: Omit<Item, "bytes" | "problem">, body: string): Promise<Item> {
  const kept: Item = { ...item, bytes: new TextEncoder().encode(body).length };
  return transaction(["items", "bodies"], "readwrite", async (within) => {
    const items = within.objectStore("items");
    const there: Item[] = await answer(items.getAll());
    const same = there.find((one) => one.id === item.id);
    if (same) return same;
    refuseOverflow([...there, kept]);
    items.add(kept);
    within.objectStore("bodies").add(body, item.id);
    return kept;
  });
}

function refuseOverflow(items: readonly Item[]): void {
  const hint = "Start or unlock your vault so that they can be sent, or delete some of them.";
  if (items.length > MOST_ITEMS) throw new Full(`${MOST_ITEMS} items are waiting already. ${hint}`);
  const bytes = items.reduce((sum, one) => sum + one.bytes, 0);
  if (bytes > MOST_BYTES) throw new Full(`More than ${MOST_BYTES / 2 ** 20} MB would be waiting. ${hint}`);
}

/** Return what is kept, oldest first. */
export async function list(): Promise<readonly Item[]> {
  const items: Item[] = await transaction(["items"], "readonly", (within) =>
    answer(within.objectStore("items").getAll()),
  );
  return items.sort((one, other) => one.captured.localeCompare(other.captured) || one.id.localeCompare(other.id));
}

/** Return the body of an item, undefined when it is gone. */
export function body(id: string): Promise<string | undefined> {
  return transaction(["bodies"], "readonly", (within) => answer(within.objectStore("bodies").get(id)));
}

/** What the vault said when it took an item: kept for the last few, for a page that asks again. */
export interface Done {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly seenBy: readonly string[] | null;
}

const MOST_DONE = 50;

/** Take an item out because the vault has it, and note what it said. */
export function finish(done: Done): Promise<void> {
  return transaction(["items", "bodies", "done"], "readwrite", async (within) => {
    within.objectStore("items").delete(done.id);
    within.objectStore("bodies").delete(done.id);
    const store = within.objectStore("done");
    store.put(done);
    const all: Done[] = await answer(store.getAll());
    for (const { id } of all.sort((one, other) => other.time - one.time).slice(MOST_DONE)) store.delete(id);
  });
}

/** Return what the vault said of an item; undefined for one that it has not, or long ago. */
export function finished(id: string): Promise<Done | undefined> {
  return transaction(["done"], "readonly", (within) => answer(within.objectStore("done").get(id)));
}

/** Take an item out: its owner does not want it any more. */
export function remove(id: string): Promise<void> {
  return transaction(["items", "bodies"], "readwrite", async (within) => {
    within.objectStore("items").delete(id);
    within.objectStore("bodies").delete(id);
  });
}

/** Note why the vault refused an item, or with undefined that it is to be tried again. */
export function mark(id: string, problem: string | undefined): Promise<void> {
  return transaction(["items"], "readwrite", async (within) => {
    const items = within.objectStore("items");
    const found: Item | undefined = await answer(items.get(id));
    if (!found) return;
    const { problem: _, ...rest } = found;
    items.put(problem === undefined ? rest : { ...rest, problem });
  });
}

/** What became of an attempt: taken by the vault; refused for good, and why; or not now, so the rest can wait too. */
export type Sent = { taken: Done } | { refused: string } | { later: string };

/** Send what waits, oldest first, one at a time. Stops at the first that has to wait. Tells how many were taken. */
export async function flush(send: (item: Item, body: string) => Promise<Sent>): Promise<number> {
  let taken = 0;
  for (const item of await list()) {
    if (item.problem !== undefined) continue;
    const content = await body(item.id);
    if (content === undefined) continue;
    const sent = await send(item, content);
    if ("later" in sent) break;
    if ("refused" in sent) await mark(item.id, sent.refused);
    else {
      await finish(sent.taken); // a worker killed before this line sends the item again, and the vault knows its key
      taken += 1;
    }
  }
  return taken;
}
