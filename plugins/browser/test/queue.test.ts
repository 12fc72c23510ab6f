/** The queue: nothing lost, nothing twice, and never more than it may hold. */

import "fake-indexeddb/auto";
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import {
  body,
  Full,
  finish,
  finished,
  flush,
  list,
  MOST_BYTES,
  MOST_ITEMS,
  mark,
  put,
  remove,
  type Sent,
} from "../src/queue";

function item(id: string, captured = `2026-01-01T00:00:${id.padStart(2, "0")}Z`) {
  return { id, kind: "page", title: `Page ${id}`, url: "https://site.test/", collection: "web", captured };
}

function done(id: string, time = 1) {
  return { id, time, seenBy: ["claude"] };
}

afterEach(async () => {
  for (const { id } of await list()) await remove(id);
});

test("what is put is listed oldest first, with its size, and its body is there", async () => {
  await put(item("2"), "later");
  await put(item("1"), "earlier");
  assert.deepEqual((await list()).map(({ id, bytes }) => [id, bytes]), [["1", 7], ["2", 5]]); // biome-ignore format: pairs
  assert.equal(await body("1"), "earlier");
});

test("the same id again changes nothing", async () => {
  await put(item("1"), "first");
  await put({ ...item("1"), title: "Another" }, "second");
  assert.equal((await list()).length, 1);
  assert.equal(await body("1"), "first");
});

test("what the vault took goes; at the first that must wait the rest waits too", async () => {
  for (const id of ["1", "2", "3"]) await put(item(id), id);
  const answers: Sent[] = [{ taken: done("1") }, { later: "locked" }, { taken: done("3") }];
  const sent: string[] = [];
  const send = async ({ id }: { id: string }) => {
    sent.push(id);
    return answers[sent.length - 1] ?? { later: "?" };
  };
  assert.equal(await flush(send), 1);
  assert.deepEqual(sent, ["1", "2"]);
  assert.deepEqual((await list()).map(({ id }) => id), ["2", "3"]); // biome-ignore format: one line
});

test("what the vault refused stays with its reason, is not sent again by itself, and does not stop the rest", async () => {
  for (const id of ["1", "2"]) await put(item(id), id);
  await flush(async ({ id }) => (id === "1" ? { refused: "the text is empty" } : { taken: done(id) }));
  assert.deepEqual((await list()).map(({ id, problem }) => [id, problem]), [["1", "the text is empty"]]); // biome-ignore format: one line
  const again: string[] = [];
  const send = async ({ id }: { id: string }): Promise<Sent> => {
    again.push(id);
    return { taken: done("1") };
  };
  await flush(send);
  assert.deepEqual(again, []);
  await mark("1", undefined);
  await flush(send);
  assert.deepEqual(again, ["1"]);
});

test("an item deleted while it is sent does not come back", async () => {
  await put(item("1"), "x");
  await flush(async () => {
    await remove("1");
    return { refused: "gone" };
  });
  assert.deepEqual(await list(), []);
});

test("it is full by count, says what to do, and keeps what it has", async () => {
  for (let at = 0; at < MOST_ITEMS; at += 1) await put(item(String(at), "2026-01-01T00:00:00Z"), "x");
  await assert.rejects(
    put(item("more"), "x"),
    (error) => error instanceof Full && /unlock your vault/.test(error.message),
  );
  assert.equal((await list()).length, MOST_ITEMS);
  assert.equal(await body("more"), undefined);
  await remove("0");
  await put(item("more"), "x");
});

test("it is full by bytes", async () => {
  await put(item("1"), "x".repeat(MOST_BYTES - 10));
  await put(item("2"), "x".repeat(10));
  await assert.rejects(put(item("3"), "x"), Full);
});

test("two at once do not overfill it", async () => {
  await put(item("1"), "x".repeat(MOST_BYTES - 10));
  const both = await Promise.allSettled([put(item("2"), "x".repeat(10)), put(item("3"), "x".repeat(10))]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
});

test("what became of the last fifty is remembered, and of no more", async () => {
  for (let at = 0; at < 60; at += 1) await finish(done(`d${at}`, 100 + at));
  assert.equal(await finished("d9"), undefined);
  assert.deepEqual(await finished("d59"), done("d59", 159));
});

test("its size is counted in bytes, not letters", async () => {
  await put(item("1"), "ä€😀");
  assert.equal((await list())[0]?.bytes, 9);
});
