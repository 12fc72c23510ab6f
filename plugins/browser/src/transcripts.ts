/** What a browser and the vault compute alike when they pair and greet. SPEC.md has the bytes. Pure. */

import wordlist from "../../../vault/permissions/wordlist.json";
import { base64url, sha256, unbase64, utf8 } from "./bytes";

const COMMIT = utf8("ownvault/v1/pair-commit\0");
const WORDS = utf8("ownvault/v1/pair-words\0");
const HELLO = "ownvault/v1/hello";
const COUNT = 3;

/** All that two sides must agree on before their words are the same. */
export interface Meeting {
  readonly thumbprint: string;
  readonly serverKey: string;
  readonly browserNonce: string;
  readonly vaultNonce: string;
  readonly origin: string;
  readonly address: string;
  readonly name: string;
  readonly asks: readonly string[];
}

/** Return what we say of our nonce before we know the vault's. */
export async function commitment(nonce: string): Promise<string> {
  return base64url(await sha256(joined(COMMIT, unbase64(nonce))));
}

/** Return the words of a pairing, which a person compares. */
export async function words(met: Meeting): Promise<readonly string[]> {
  const named = [met.thumbprint, met.serverKey, met.browserNonce, met.vaultNonce].map(unbase64);
  const texts = [met.origin, met.address, met.name, [...met.asks].sort().join(",")];
  const digests = await Promise.all(texts.map((text) => sha256(utf8(text))));
  const said = await sha256(joined(WORDS, ...named, ...digests));
  const length = BigInt(wordlist.length);
  const number = new DataView(said.buffer).getBigUint64(0) % length ** BigInt(COUNT);
  return Array.from(
    { length: COUNT },
    (_, at) => wordlist[Number((number / length ** BigInt(COUNT - 1 - at)) % length)] ?? "",
  );
}

/** Tell whether the vault of this key signed that it answers at this address, for this nonce, at this time. */
export async function greeted(
  address: string,
  nonce: string,
  seconds: number,
  serverKey: string,
  signature: string,
): Promise<boolean> {
  const said = utf8([HELLO, address, nonce, seconds].map((line) => `${line}\n`).join(""));
  try {
    const key = await crypto.subtle.importKey("raw", unbase64(serverKey), "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, unbase64(signature), said);
  } catch {
    return false; // no key, or no signature
  }
}

/** Return a new nonce of 32 bytes. */
export function newNonce(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
