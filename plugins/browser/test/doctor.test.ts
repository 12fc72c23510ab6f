import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, type Cause, CLOCK_SECONDS, diagnose, type Evidence } from "../src/doctor";

const HELLO = { kind: "hello", own: true, version: "0.1.4", time: 1_800_000_000 } as const satisfies Answer;
const WELL: Evidence = {
  address: "http://127.0.0.1:7117",
  allowed: true,
  paired: true,
  version: "0.1.0",
  now: 1_800_000_000,
  answer: HELLO,
};
const ELSEWHERE = "http://127.0.0.1:7200";

/** What is seen, and the one cause of it. Later rows have the earlier faults too, where both can be at once. */
const CASES: readonly [Cause, Partial<Evidence>][] = [
  ["fine", {}],
  ["permission", { allowed: false, answer: { kind: "none" } }],
  ["permission", { allowed: false, paired: false, answer: { kind: "none" }, elsewhere: ELSEWHERE }],
  ["off", { answer: { kind: "none" } }],
  ["off", { answer: { kind: "none" }, paired: false }],
  ["unpaired", { answer: { kind: "none" }, paired: false, elsewhere: ELSEWHERE }],
  ["wrong_port", { answer: { kind: "none" }, elsewhere: ELSEWHERE }],
  ["wrong_port", { answer: { kind: "stranger" }, elsewhere: ELSEWHERE }],
  ["stranger", { answer: { kind: "stranger" } }],
  ["impostor", { answer: { ...HELLO, own: false } }],
  ["impostor", { answer: { ...HELLO, own: false, version: "9.9.9" } }],
  ["vault_older", { answer: { ...HELLO, version: "0.0.9" } }],
  ["vault_newer", { answer: { ...HELLO, version: "0.10.0" }, version: "0.9.9" }],
  ["vault_newer", { answer: { ...HELLO, version: "1.0.0" }, now: 0 }],
  ["unpaired", { paired: false, answer: { ...HELLO, own: false } }],
  ["locked", { paired: false, answer: { kind: "locked" } }],
  ["clock", { now: HELLO.time + CLOCK_SECONDS + 1 }],
  ["clock", { now: HELLO.time - CLOCK_SECONDS - 1, refusal: "token_refused" }],
  ["fine", { now: HELLO.time + CLOCK_SECONDS }],
  ["locked", { answer: { kind: "locked" } }],
  ["locked", { answer: { kind: "locked" }, refusal: "locked" }],
  ["ended", { refusal: "pairing_over" }],
  ["ended", { refusal: "token_refused" }],
  ["ended", { refusal: "unpaired" }],
  ["refused", { refusal: "overloaded" }],
];

for (const [cause, seen] of CASES) {
  test(`${cause}: ${JSON.stringify(seen)}`, () => {
    const found = diagnose({ ...WELL, ...seen });
    assert.equal(found.cause, cause);
    assert.ok(found.title !== "" && found.meaning !== "");
    assert.ok(cause === "fine" || found.remedy !== "");
    assert.equal(found.address, cause === "wrong_port" ? ELSEWHERE : undefined);
  });
}

test("a clock is told by how far and in which direction it is off", () => {
  const off = (seconds: number) => diagnose({ ...WELL, now: HELLO.time - seconds }).meaning;
  assert.match(off(3600), /1 hour ahead of this browser's/);
  assert.match(off(-7200), /2 hours behind this browser's/);
  assert.match(off(90), /2 minutes ahead/);
  assert.match(off(-86400 * 400), /400 days behind/);
});
