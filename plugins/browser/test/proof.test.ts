/** The proof, by the examples of RFC 9449 (§4.1, §6.1, §7.1) and by what a verifier checks. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { base64url, unbase64, utf8 } from "../src/bytes";
import { makeKey, type PublicKey, publicKey, thumbprint } from "../src/keys";
import { claims, proof } from "../src/proof";

const KEY: PublicKey = {
  crv: "P-256",
  kty: "EC",
  x: "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
  y: "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
};
const PROOF =
  "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJo" +
  "RjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJq" +
  "dGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0Ijox" +
  "NTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
const TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

function decoded(signed: string): unknown[] {
  return signed
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(unbase64(part)).toString()));
}

async function verifies(given: string, jwk: PublicKey): Promise<boolean> {
  const key = await crypto.subtle.importKey("jwk", { ...jwk }, { name: "ECDSA", namedCurve: "P-256" }, false, [
    "verify",
  ]);
  const [header, said, signature] = given.split(".");
  const signed = utf8(`${header}.${said}`);
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, unbase64(signature ?? ""), signed);
}

test("a key is named as in the RFC", async () => {
  assert.equal(await thumbprint(KEY), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
});

test("the RFC's proof says what ours says for the same request", async () => {
  const request = { method: "POST", url: "https://server.example.com/token", time: 1562262616, id: "-BwC3ESc6acc2lTc" };
  assert.deepEqual(decoded(await claims(KEY, request)), decoded(PROOF));
  assert.ok(await verifies(PROOF, KEY), "and its signature is checked as ours is");
});

test("a token goes in by its digest, an address without its query", async () => {
  const request = {
    method: "GET",
    url: "https://resource.example.org/protectedresource?a=1#b",
    time: 1562262618,
    id: "e1j3V",
  };
  const [, said] = decoded(await claims(KEY, { ...request, token: TOKEN }));
  assert.deepEqual(said, {
    jti: "e1j3V",
    htm: "GET",
    htu: "https://resource.example.org/protectedresource",
    iat: 1562262618,
    ath: "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo",
  });
});

test("a proof is signed by the key it names, and one letter changed is no proof", async () => {
  const pair = await makeKey();
  const jwk = await publicKey(pair);
  const given = await proof(pair, jwk, {
    method: "POST",
    url: "http://127.0.0.1:7117/extension/hello",
    time: 1,
    id: "x",
  });
  assert.ok(await verifies(given, jwk));
  assert.ok(!(await verifies(given.replace(/\.e/, ".f"), jwk)));
  assert.ok(!(await verifies(given, await publicKey(await makeKey()))));
});

test("the key cannot be taken out", async () => {
  const pair = await makeKey();
  for (const format of ["jwk", "pkcs8"] as const)
    await assert.rejects(crypto.subtle.exportKey(format, pair.privateKey), { name: /^InvalidAccess/ });
});

test("base64url is RFC 4648's, of any length", () => {
  for (const length of [0, 1, 2, 3, 4, 255, 0x8001]) {
    const bytes = Uint8Array.from({ length }, (_, at) => (at * 37) % 256);
    assert.equal(base64url(bytes), Buffer.from(bytes).toString("base64url"));
    assert.deepEqual(unbase64(base64url(bytes)), bytes);
  }
});
