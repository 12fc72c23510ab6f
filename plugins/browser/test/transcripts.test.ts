/** The words and the greeting, by the vectors that the vault wrote. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { commitment, greeted, newNonce, words } from "../src/transcripts";
import hello from "../vectors/hello.json";
import pairing from "../vectors/pairing.json";

test("the words and the commitment are the vault's", async () => {
  for (const one of pairing.cases) {
    const met = { ...one, serverKey: one.server_key, browserNonce: one.nonce_browser, vaultNonce: one.nonce_vault };
    assert.equal(await commitment(one.nonce_browser), one.commit);
    assert.deepEqual(await words(met), one.words);
    for (const [field, other] of [
      ["name", "x"],
      ["address", "http://127.0.0.1:1"],
      ["origin", "chrome-extension://x"],
    ] as const)
      assert.notDeepEqual(await words({ ...met, [field]: other }), one.words, field);
    assert.notDeepEqual(await words({ ...met, asks: [...one.asks, "x"] }), one.words);
  }
});

test("a greeting is the pinned vault's, or it is none", async () => {
  for (const one of hello.cases)
    assert.equal(
      await greeted(one.address, one.nonce, one.time, one.server_key, one.signature),
      one.good,
      JSON.stringify(one),
    );
  const [good] = hello.cases;
  assert.ok(good);
  for (const bad of ["", "AAAA", "no base64 !", good.signature.slice(4)])
    assert.equal(await greeted(good.address, good.nonce, good.time, good.server_key, bad), false);
  assert.equal(await greeted(good.address, good.nonce, good.time, "AAAA", good.signature), false);
});

test("no nonce comes twice", () => {
  const made = new Set(Array.from({ length: 100 }, newNonce));
  assert.equal(made.size, 100);
  for (const nonce of made) assert.equal(nonce.length, 43);
});
