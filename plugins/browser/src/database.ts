/** The extension's own database. It stays in this browser: nothing of it is ever synchronised. */

const NAME = "ownvault";
const VERSION = 1;

/**
 * What is kept: the pairing, what waits to be sent (heads to list, bodies to send), what became of the last that were
 * sent, and the owner's rules for sites.
 */
export type Store = "pairing" | "items" | "bodies" | "done" | "rules";

let opened: Promise<IDBDatabase> | undefined;

/** Open the database, once in the life of this page or worker. */
export function database(): Promise<IDBDatabase> {
  opened ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("pairing");
      asked.result.createObjectStore("items", { keyPath: "id" });
      asked.result.createObjectStore("bodies");
      asked.result.createObjectStore("done", { keyPath: "id" });
      asked.result.createObjectStore("rules", { keyPath: "site" });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => {
      opened = undefined;
      reject(asked.error);
    };
  });
  return opened;
}

/**
 * Do one transaction: all of it is on the disk when the promise resolves, or nothing of it.
 *
 * `work` may only await requests of this transaction.
 */
export async function transaction<T>(
  stores: readonly Store[],
  mode: IDBTransactionMode,
  work: (within: IDBTransaction) => Promise<T>,
): Promise<T> {
  const within = (await database()).transaction(stores, mode, { durability: "strict" });
  const done = new Promise<void>((resolve, reject) => {
    within.oncomplete = () => resolve();
    within.onabort = () => reject(within.error ?? new Error("the browser's database gave up"));
  });
  try {
    const [result] = await Promise.all([work(within), done]);
    return result;
  } catch (error) {
    if (within.error === null) abort(within);
    throw error;
  }
}

function abort(within: IDBTransaction): void {
  try {
    within.abort();
  } catch {
    // it is over already
  }
}

/** Return what a request of a transaction answers. */
export function answer<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}
