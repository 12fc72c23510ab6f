/**
 * The browser's own key: P-256, made here, never to be read out again, not even by us.
 *
 * It lives as a CryptoKey in IndexedDB, which content scripts and pages cannot open.
 */

import { base64url, sha256, utf8 } from "./bytes";

export const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;

/** The public half as a JWK (RFC 7517) with nothing in it but what names the key. */
export interface PublicKey {
  readonly crv: "P-256";
  readonly kty: "EC";
  readonly x: string;
  readonly y: string;
}

/** Make a new key. Its private half cannot be exported. */
export async function makeKey(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
}

/** Return the public half of a key. */
export async function publicKey(pair: CryptoKeyPair): Promise<PublicKey> {
  const { x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  if (x === undefined || y === undefined) throw new Error("this is no P-256 key");
  return { crv: "P-256", kty: "EC", x, y };
}

/** Return the thumbprint that names a key (RFC 7638). */
export async function thumbprint({ crv, kty, x, y }: PublicKey): Promise<string> {
  return base64url(await sha256(utf8(JSON.stringify({ crv, kty, x, y }))));
}
