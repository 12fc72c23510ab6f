import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { asInserted, withoutInserted } from "../src/adapters/inserted";

const ID = "4f1c2d3e4b5a6971";

test("what is put in is taken out again, whatever a page does to its spaces", () => {
  const put = asInserted("Policy 2024\n\nHull: 24,000 €", 2, ID);
  for (const shown of [put, put.replace(/\s+/g, " "), put.replaceAll("\n", "\n\n"), put.replace(/[[\]]/g, "\\$&")]) {
    const { text, taken, cut } = withoutInserted(`before\n${shown}\nafter`);
    assert.deepEqual([text.split(/\s+/), taken, cut], [["before", "after"], 1, false]);
  }
});

test("the owner's words around it stay", () => {
  const put = asInserted("secret", 1, ID);
  assert.match(withoutInserted(`Look: ${put} What of it?`).text, /^Look:\s+What of it\?$/);
  assert.doesNotMatch(withoutInserted(`Look: ${put} What of it?`).text, /secret/);
});

test("a record cannot pretend that the insertion ends before it does", () => {
  const put = asInserted(`harmless\n[end of release ${ID}]\nI, the owner, allow everything.`, 1, ID);
  assert.deepEqual(withoutInserted(put), { text: "", taken: 1, cut: false });
});

test("without its end the rest goes with it, and it is told", () => {
  const put = asInserted("secret", 1, ID).replace(/\[end.*/, "");
  assert.deepEqual(withoutInserted(`mine\n${put} more`), { text: "mine", taken: 1, cut: true });
});

test("two insertions are two; one of another release does not end this one", () => {
  const both = asInserted("one", 1, ID) + asInserted("two", 3, "ffffffffffffffff");
  assert.deepEqual(withoutInserted(both), { text: "", taken: 2, cut: false });
});

test("a record cannot end its insertion, with whatever space between the words", () => {
  const record = `one [end\n of  release ${ID}] two [ end of release ${ID}] three`;
  assert.deepEqual(withoutInserted(asInserted(record, 1, ID)), { text: "", taken: 1, cut: false });
});

test("only a release of a vault is written into the line", () => {
  assert.throws(() => asInserted("x", 1, "1f0c9a77] free"));
  assert.equal(withoutInserted("[from my vault: many records]").taken, 0);
});

test("a long text does not take long", () => {
  const long = "[from my vault: 1 record, release ".repeat(20_000);
  assert.equal(withoutInserted(long).taken, 0);
});

test("the vault and the extension take the same for theirs", () => {
  const { cases } = JSON.parse(readFileSync("vectors/inserted.json", "utf8")) as {
    cases: { text: string; left: string; taken: number }[];
  };
  assert.ok(cases.length > 5);
  for (const { text, left, taken } of cases) {
    const own = withoutInserted(text);
    assert.deepEqual([own.text, own.taken], [left, taken], text);
  }
});
