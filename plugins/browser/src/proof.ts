/** Proof of possession: what shows, with every request, that the token's holder has the key it is bound to (RFC 9449). */

import { base64url, sha256, utf8 } from "./bytes";
import type { PublicKey } from "./keys";

/** One request, and the time and the name of its proof: nothing here asks the clock. */
export interface Request {
  readonly method: string;
  readonly url: string;
  readonly token?: string;
  /** Seconds since 1970. */
  readonly time: number;
  /** Never used twice. */
  readonly id: string;
}

/** Return the signed part of a proof: header and claims, each in base64url. The address goes in without its query. */
export async function claims(jwk: PublicKey, request: Request): Promise<string> {
  const header = { typ: "dpop+jwt", alg: "ES256", jwk };
  const url = request.url.replace(/[?#].*$/s, "");
  const said: Record<string, unknown> = { jti: request.id, htm: request.method, htu: url, iat: request.time };
  if (request.token !== undefined) said.ath = base64url(await sha256(utf8(request.token)));
  return [header, said].map((part) => base64url(utf8(JSON.stringify(part)))).join(".");
}

/** Return the proof of one request. */
export async function proof(key: CryptoKeyPair, jwk: PublicKey, request: Request): Promise<string> {
  const signed = await claims(jwk, request);
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key.privateKey, utf8(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}
