import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parseHTML } from "linkedom";
import { type Conversation, readConversation, type Turn } from "../src/adapters/engine";
import { BadPack, type Pack, packFor, readPack } from "../src/adapters/pack";
import { readPasted } from "../src/adapters/paste";
import { markdown } from "../src/capture/markdown";

const PACKS = readdirSync("adapters").map((name) => JSON.parse(readFileSync(`adapters/${name}`, "utf8")) as Pack);
const FIXTURES = readdirSync("fixtures").filter((name) => name.endsWith(".html"));

/** What was said, without who said it. */
function transcript({ turns }: Conversation): string {
  return turns.map(({ text }) => text).join("\n\n");
}

function pack(name: string): Pack {
  const found = PACKS.find((one) => one.name === name);
  assert.ok(found, name);
  return readPack(found);
}

function page(html: string): Document {
  const made = parseHTML(html);
  Object.assign(globalThis, { NodeFilter: { SHOW_TEXT: 4 }, document: made.document });
  return made.document as unknown as Document;
}

function read(
  name: string,
  html = readFileSync(`fixtures/${name}.html`, "utf8"),
  at = `https://${pack(name).hosts[0]}/c/66f0aabb?x=1#y`,
) {
  return readConversation(page(html), at, pack(name), markdown);
}

test("every pack is one, names each host once, and is named as its fixture", () => {
  const hosts = PACKS.flatMap((one) => readPack(one).hosts);
  assert.equal(new Set(hosts).size, hosts.length);
  for (const one of FIXTURES) assert.ok(pack(one.replace(".html", "")));
});

test("the pack is chosen by the host, not by what the address holds", () => {
  assert.equal(packFor("https://chatgpt.com/c/1", PACKS)?.name, "chatgpt");
  assert.equal(packFor("https://www.perplexity.ai/search/1", PACKS)?.name, "perplexity");
  assert.equal(packFor("https://evil.example/?https://claude.ai", PACKS), undefined);
  assert.equal(packFor("https://notclaude.ai/", PACKS), undefined);
  assert.equal(packFor("no address", PACKS), undefined);
});

for (const fixture of FIXTURES) {
  const name = fixture.replace(".html", "");
  test(`${name}: the stored page is read, both sides of it`, () => {
    const { health, turns } = read(name);
    assert.deepEqual(health, { state: "good", why: "" });
    assert.deepEqual(
      turns.map((turn) => turn.role),
      ["user", "assistant", "user", "assistant"],
    );
    assert.ok(turns.every((turn) => turn.text !== ""));
  });
}

test("the language of a code block comes from its frame, and is not read as a word", () => {
  assert.match(transcript(read("claude")), /crate:\n\n```rust\nfn main/);
  assert.match(transcript(read("gemini")), /Kokosmilch\n\n```json\n\{\n {2}"kürbis": 1\n\}\n```/);
});

test("what an assistant thought but did not say is left out", () => {
  assert.doesNotMatch(transcript(read("claude")), /Thought|serde/);
});

test("chatgpt: order, roles, code, table, time and model", () => {
  const { turns, left, id, title, address } = read("chatgpt");
  assert.deepEqual(
    turns.map((turn) => turn.role),
    ["user", "assistant", "user", "assistant"],
  );
  assert.match(
    turns[1]?.text ?? "",
    /````python\ndef premium\(value, rate=0\.011\):\n {4}# a line with ``` in it\n {4}return value \* rate\n````/,
  );
  assert.equal(turns[1]?.time, "2026-03-04T09:15:00.000Z");
  assert.equal(turns[1]?.model, "gpt-5-2");
  assert.deepEqual([id, title, address], ["66f0aabb", "Boat insurance", "https://chatgpt.com/c/66f0aabb"]);
  assert.doesNotMatch(turns.map((turn) => turn.text).join(), /Copy|said:|Holiday/);
  assert.equal(left, 1);
});

test("what the vault had put in is not taken in again, and what the owner wrote beside it is", () => {
  const { turns } = read("chatgpt");
  assert.equal(turns[2]?.text, "Is that too much for her now?");
});

test("nothing of a page that runs or loads comes through", () => {
  const text = transcript(read("gemini"));
  assert.doesNotMatch(text, /alert|javascript:|tracker|onerror/);
  assert.match(text, /ein Apfel/);
});

test("a redesigned page is found out, not half read", () => {
  const html = readFileSync("fixtures/chatgpt.html", "utf8");
  const no = (from: RegExp, to: string) => read("chatgpt", html.replace(from, to)).health;
  const gone = html
    .replaceAll("data-testid", "data-x")
    .replaceAll("data-turn", "data-y")
    .replaceAll("data-message-author-role", "data-z");
  assert.equal(read("chatgpt", gone).health.state, "failed");
  const nameless = html.replaceAll("data-turn=", "data-y=").replaceAll("data-message-author-role", "data-z");
  assert.equal(read("chatgpt", nameless).health.state, "failed");
  assert.deepEqual(no(/<main[\s\S]*<\/main>/, "<main></main>").state, "failed");
  const oneSided = html.replaceAll('data-turn="assistant"', "").replaceAll('data-message-author-role="assistant"', "");
  assert.match(read("chatgpt", oneSided).health.why, /whose they are.*one side/);
  const more = html.replace(
    "</article>",
    `</article><section>${"an answer that a new kind of turn holds ".repeat(60)}</section>`,
  );
  assert.deepEqual(read("chatgpt", more).health, { state: "doubtful", why: "the page shows much more than was found" });
});

test("a selector that no browser knows finds nothing, and the next one is tried", () => {
  const odd = { ...pack("chatgpt"), turn: ["[[[", ":nope(", ...pack("chatgpt").turn] };
  const { turns } = readConversation(
    page(readFileSync("fixtures/chatgpt.html", "utf8")),
    "https://chatgpt.com/",
    readPack(odd),
    markdown,
  );
  assert.equal(turns.length, 4);
});

test("a page without end does not end the browser", () => {
  const many =
    '<article data-turn="user" data-testid="conversation-turn-1"><div class="markdown">word</div></article>'.repeat(
      3000,
    );
  const found = read("chatgpt", `<main>${many}</main>`);
  assert.equal(found.turns.length, 2000);
  assert.match(found.health.why, /only the first 2000/);
  const long = `<article data-turn="user" data-testid="conversation-turn-1"><div class="markdown">${"word ".repeat(500_000)}</div></article>`;
  assert.match(read("chatgpt", `<main>${long}</main>`).health.why, /longer than can be saved/);
});

test("what is not a pack is refused, with the place", () => {
  const good = pack("claude");
  const bad: [unknown, RegExp][] = [
    [null, /the pack/],
    [[], /the pack/],
    [{ ...good, script: "alert(1)" }, /script: unknown key/],
    [{ ...good, format: "ownvault-adapter/2" }, /format/],
    [{ ...good, version: 0 }, /version/],
    [{ ...good, hosts: [] }, /hosts: must not be empty/],
    [{ ...good, turn: ["x".repeat(301)] }, /turn/],
    [{ ...good, turn: Array(21).fill("p") }, /turn/],
    [{ ...good, body: "p" }, /body/],
    [{ ...good, roles: { ...good.roles, owner: [] } }, /roles: unknown role/],
    [{ ...good, time: { select: [], attribute: "onclick" } }, /time\.attribute/],
    [{ ...good, time: { select: [], run: "x" } }, /time: unknown key/],
    [{ ...good, said: { user: [] } }, /said\.assistant/],
  ];
  for (const [value, why] of bad)
    assert.throws(
      () => readPack(value),
      (error) => error instanceof BadPack && why.test(error.message),
    );
});

test("a pasted conversation is told apart by who speaks, code is not", () => {
  const text =
    "You said:\nWhat does this print?\n```\nYou: nobody\n```\nChatGPT said:\nIt prints nobody.\n\n[from my vault: 1 record, release 4f1c2d3e4b5a6971]\nsecret\n[end of release 4f1c2d3e4b5a6971]";
  const found = readPasted(text, "  a  title ", "https://chatgpt.com/c/1", pack("chatgpt"));
  const turns: [string, string][] = found.turns.map((turn: Turn) => [turn.role, turn.text]);
  assert.deepEqual(turns, [
    ["user", "What does this print?\n```\nYou: nobody\n```"],
    ["assistant", "It prints nobody."],
  ]);
  assert.deepEqual([found.left, found.title, found.health.state], [1, "a title", "good"]);
  assert.equal(readPasted("only words", "", "", undefined).health.state, "doubtful");
  assert.equal(readPasted("   \n", "", "", undefined).health.state, "failed");
});
