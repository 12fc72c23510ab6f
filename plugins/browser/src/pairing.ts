/** Pairing and unpairing: from a stranger to a browser that the vault knows, and back. SPEC.md §3. */

import { makeKey, publicKey, thumbprint } from "./keys";
import { Problem, type Words } from "./messages";
import { commitment, newNonce, words } from "./transcripts";
import { call, greet, keepPairing, keepToken, type Pairing, pairing, post, type Right, type Tokens } from "./vault";

export const DEFAULT_ADDRESS = "http://127.0.0.1:7117";
/** What this browser asks for. The owner may give less, and names the collections. */
const ASKS: readonly Right[] = ["capture", "decide", "search"];
const PASSING = new Set(["pairing_pending", "unreachable", "locked", "overloaded", "throttled", "busy"]);

/** Begin to pair with the vault at an address. The words are to be compared with those that the vault shows. */
export async function beginPairing(typed: string): Promise<Words> {
  const address = loopback(typed);
  const greeting = await greet(address, undefined);
  if (greeting.state === "locked")
    throw new Problem("locked", "Your vault is locked.", "Unlock it, then pair: ownvault unlock");
  if (!greeting.own) throw new Problem("foreign", `What answers at ${address} is no vault of this kind.`);
  const key = await makeKey();
  const own = { address, key, jwk: await publicKey(key) };
  const [nonce, name] = [newNonce(), browserName(navigator.userAgent)];
  const asked = { name, commit: await commitment(nonce), asks: ASKS };
  const begun = await post<{ pairing: string; nonce: string; server_key: string; expires_in: number }>(
    own,
    "pair/start",
    asked,
  );
  if (begun.server_key !== greeting.serverKey)
    throw new Problem("foreign", "The vault changed its key while it was asked.");
  await post(own, "pair/reveal", { pairing: begun.pairing, nonce });
  const shown = await words({
    ...{
      thumbprint: await thumbprint(own.jwk),
      serverKey: begun.server_key,
      browserNonce: nonce,
      vaultNonce: begun.nonce,
    },
    ...{ origin: new URL(chrome.runtime.getURL("")).origin, address, name, asks: ASKS },
  });
  const open = { id: begun.pairing, words: shown, until: Date.now() + begun.expires_in * 1000 };
  await keepPairing({ ...own, serverKey: begun.server_key, open });
  return open;
}

/** Ask whether the owner has decided, and return how it stands. A pairing that was denied or is over is dropped. */
export async function lookForTokens(own: Pairing): Promise<Pairing | undefined> {
  if (!own.open) return own;
  try {
    const tokens = await post<Tokens>(own, "pair/token", { pairing: own.open.id });
    const { open: _, ...rest } = own;
    const paired = { ...rest, name: tokens.browser.name, rights: tokens.rights, refresh: tokens.refresh_token ?? "" };
    await keepPairing(paired);
    await keepToken(tokens);
    return paired;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (PASSING.has(error.code) && own.open.until > Date.now()) return own;
    await keepPairing(undefined);
    return undefined;
  }
}

/** Think better of a pairing under way. */
export async function cancelPairing(): Promise<null> {
  const own = await pairing();
  if (!own?.open) return null;
  await post(own, "pair/cancel", { pairing: own.open.id }).catch(() => undefined); // it ends by itself, too
  await keepPairing(undefined);
  return null;
}

/** End the pairing, here in any case. Tell whether the vault knows. */
export async function unpair(): Promise<{ revoked: boolean }> {
  const revoked = await call("unpair", {}).then(
    () => true,
    (error: unknown) => error instanceof Problem && error.code === "unpaired", // it knows us no more already
  );
  await keepPairing(undefined);
  await chrome.storage.local.clear(); // where the vault had let us save
  return { revoked };
}

/** Return an address of this computer as both sides hash it: `http://127.0.0.1:PORT`. Throws Problem for any other. */
export function loopback(typed: string): string {
  const text = typed.trim();
  const url = URL.parse(
    /^\d+$/.test(text) ? `http://127.0.0.1:${text}` : text.includes("://") ? text : `http://${text}`,
  );
  const local = url?.protocol === "http:" && ["127.0.0.1", "localhost", "vault.localhost"].includes(url.hostname);
  if (!url || !local)
    throw new Problem("address", "This is no address on this computer.", `It looks like ${DEFAULT_ADDRESS}.`);
  return `http://127.0.0.1:${url.port || "80"}`;
}

/** Return what the owner will know this browser by: `Firefox on Linux`. */
export function browserName(agent: string): string {
  const browsers = [
    ["Firefox", /Firefox\//],
    ["Edge", /Edg\//],
    ["Opera", /OPR\//],
    ["Chromium", /Chrom(e|ium)\//],
  ] as const;
  const systems = [
    ["Windows", /Windows/],
    ["macOS", /Macintosh/],
    ["Android", /Android/],
    ["ChromeOS", /CrOS/],
    ["Linux", /Linux/],
  ] as const;
  const [browser, system] = [browsers, systems].map((known) => known.find(([, sign]) => sign.test(agent))?.[0]);
  return `${browser ?? "Browser"} on ${system ?? "this computer"}`;
}
