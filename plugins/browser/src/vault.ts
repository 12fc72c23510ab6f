/**
 * Calls to the vault: POST with JSON, a token bound to our key, and a fresh proof of it. Only the worker calls.
 *
 * SPEC.md §1 to §3. Before anything else is sent, whoever answers has to greet as the vault that is pinned.
 */

import { answer, transaction } from "./database";
import type { PublicKey } from "./keys";
import { Problem } from "./messages";
import { proof } from "./proof";
import { greeted, newNonce } from "./transcripts";

export type Right = "capture" | "search" | "decide";

/** A pairing that was approved, or waits to be. What cannot sign with the other half of `serverKey` is not that vault. */
export interface Pairing {
  readonly address: string;
  readonly key: CryptoKeyPair;
  readonly jwk: PublicKey;
  readonly serverKey: string;
  /** Under way: its id, the words, and until when. */
  readonly open?: { readonly id: string; readonly words: readonly string[]; readonly until: number };
  readonly refresh?: string;
  readonly name?: string;
  readonly rights?: readonly Right[];
  /** The vault knows us no more. Key and queue are kept until the owner pairs anew. */
  readonly ended?: boolean;
}

/** What the vault answers when tokens are asked for. */
export interface Tokens {
  readonly access_token: string;
  readonly expires_in: number;
  readonly refresh_token: string | null;
  readonly browser: { readonly id: string; readonly name: string };
  readonly rights: readonly Right[];
}

/** Who answers at an address, checked as far as a key is pinned. Locked, a vault cannot sign: that it is ours is not known. */
export type Greeting =
  | { readonly state: "locked" }
  | {
      readonly state: "unlocked";
      readonly own: boolean;
      readonly serverKey: string;
      readonly time: number;
      readonly version: string;
    };

const THIS = "this";
const ANSWER_MS = 25_000; // a browser ends a worker that waits longer; what was sent is then sent again
const SPARE_MS = 30_000;
const TOKEN = "token";

/** Where the pinned vault has greeted this worker. Gone with the worker, and whenever a call did not come through. */
let met = "";
let metAt = 0;
/** How long a greeting is believed, in milliseconds: the vault may end unseen, and another program take its port. */
const BELIEVED_MS = 2000;

/** Return the pairing, approved or under way; undefined for none. */
export function pairing(): Promise<Pairing | undefined> {
  return transaction(["pairing"], "readonly", (within) => answer(within.objectStore("pairing").get(THIS)));
}

/** Keep a pairing in place of any other; undefined keeps none. */
export async function keepPairing(kept: Pairing | undefined): Promise<void> {
  met = "";
  await chrome.storage.session.remove(TOKEN);
  await transaction(["pairing"], "readwrite", async (within) => {
    const store = within.objectStore("pairing");
    if (kept) store.put(kept, THIS);
    else store.delete(THIS);
  });
}

/** Ask the vault that this browser is paired with. Throws Problem: the vault's own code, `unreachable` or `foreign`. */
export async function call<T>(name: string, body: unknown): Promise<T> {
  const own = await pairing();
  if (own?.refresh === undefined || own.ended)
    throw new Problem("unpaired", "This browser is not paired.", "Pair it first.");
  await meet(own);
  try {
    return await post<T>(own, name, body, await accessToken(own));
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "token_refused") throw error;
    met = "";
    await meet(own); // who refuses could be somebody else: only the vault's own word ends a pairing
    await chrome.storage.session.remove(TOKEN);
    return post<T>(own, name, body, await accessToken(own)).catch((again) => endedBy(own, again));
  }
}

/** Make sure, a moment before anything is sent, that who answers is the vault that is pinned. */
async function meet(own: Pairing): Promise<void> {
  if (met === own.address && performance.now() - metAt < BELIEVED_MS) return;
  const greeting = await greet(own.address, own.serverKey);
  if (greeting.state === "locked") throw new Problem("locked", "Your vault is locked.", "Unlock it: ownvault unlock");
  if (!greeting.own)
    throw new Problem("foreign", "Something else answers where your vault should be.", "Nothing was sent to it.");
  [met, metAt] = [own.address, performance.now()];
}

/** Ask whoever answers at an address to greet. Throws Problem `unreachable`, or `strange` where it is no vault. */
export async function greet(address: string, pinned: string | undefined): Promise<Greeting> {
  const nonce = newNonce();
  type Said = { server_key: string; nonce: string; address: string; time: number; version: string; signature: string };
  try {
    const said = await exchange<Said>(`${address}/extension/hello`, { nonce }, {});
    const { server_key, time, version, signature } = said;
    const same = said.nonce === nonce && said.address === address && (pinned === undefined || pinned === server_key);
    const own = same && (await greeted(address, nonce, time, server_key, signature));
    return { state: "unlocked", own, serverKey: server_key, time, version };
  } catch (error) {
    if (error instanceof Problem && error.code === "locked") return { state: "locked" };
    throw error;
  }
}

async function accessToken(own: Pairing): Promise<string> {
  const { [TOKEN]: kept } = await chrome.storage.session.get<{ [TOKEN]?: { token: string; until: number } }>(TOKEN);
  if (kept && kept.until > Date.now()) return kept.token;
  const tokens = await post<Tokens>(own, "pair/token", { refresh_token: own.refresh }).catch((error) =>
    endedBy(own, error),
  );
  if (tokens.rights.join() !== own.rights?.join()) await keepPairing({ ...own, rights: tokens.rights });
  met = own.address;
  return keepToken(tokens);
}

/** Keep an access token as long as the browser runs, at most; and return it. */
export async function keepToken({ access_token, expires_in }: Tokens): Promise<string> {
  const kept = { token: access_token, until: Date.now() + expires_in * 1000 - SPARE_MS };
  await chrome.storage.session.set({ [TOKEN]: kept });
  return access_token;
}

/** Note that the vault knows us no more, where that is what an error says. Throws it again. */
async function endedBy(own: Pairing, error: unknown): Promise<never> {
  if (error instanceof Problem && ["token_refused", "pairing_over"].includes(error.code)) {
    await keepPairing({ ...own, ended: true });
    throw new Problem("unpaired", "The vault does not know this browser any more.", "Pair it again.");
  }
  throw error;
}

/** Send one request with a proof of our key, and with a token where there is one. */
export async function post<T>(
  own: Pick<Pairing, "address" | "key" | "jwk">,
  name: string,
  body: unknown,
  token?: string,
): Promise<T> {
  const url = `${own.address}/extension/${name}`;
  const request = { method: "POST", url, time: Math.floor(Date.now() / 1000), id: crypto.randomUUID() };
  const DPoP = await proof(own.key, own.jwk, token === undefined ? request : { ...request, token });
  return exchange<T>(url, body, token === undefined ? { DPoP } : { DPoP, Authorization: `DPoP ${token}` });
}

async function exchange<T>(url: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<T> {
  const answered = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch(unanswered);
  if (answered.status >= 500) met = ""; // it may be another program by the next call
  const said: unknown = await answered.json().catch(() => undefined);
  if (answered.ok && said !== null && typeof said === "object") return said as T;
  const { code, detail, hint } = (said ?? {}) as { code?: string; detail?: string; hint?: string };
  throw new Problem(code ?? "strange", detail ?? `Something answered ${answered.status} at ${url}.`, hint ?? "");
}

/** No answer came: nobody is there, or whoever is takes long. */
function unanswered(error: unknown): never {
  met = "";
  if (error instanceof DOMException && error.name === "TimeoutError")
    throw new Problem("slow", "Your vault is still at work on it.", "It is asked again in a moment.");
  throw new Problem("unreachable", "Your vault does not answer.", "Start it: ownvault serve");
}
