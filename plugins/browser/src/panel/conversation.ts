/** Saving a conversation: read by a pack, tested, shown, and only then saved; pasted where the page has changed. */

import type { Conversation } from "../adapters/engine";
import { type Pack, packFor } from "../adapters/pack";
import { readPasted } from "../adapters/paste";
import { counted, element, part } from "../dom";
import { ask, Problem } from "../messages";
import { notice, tell } from "../popup/notice";
import { packs } from "./packs";
import { type Page, pageBeside, runWith } from "./site";

const SHOWN_TURNS = 40;
const SHOWN_LETTERS = 300;

/** Show what can be saved of the page beside. */
export async function showConversation(): Promise<void> {
  const place = part("conversation", HTMLElement);
  const page = await pageBeside();
  const pack = page ? packFor(page.url, await packs()) : undefined;
  if (page && pack) {
    const read = element("button", { type: "button", class: "first" }, "Read this conversation");
    read.addEventListener("click", () => void readPage(page, pack).catch(notice));
    place.replaceChildren(
      element("h2", {}, `Conversation with ${pack.title}`),
      element("p", { class: "quiet" }, "You see it before it is saved."),
      read,
      pasteInstead(page, pack),
    );
    return;
  }
  const why = page
    ? `${page.host} is no chat page that your vault knows.`
    : "Open a conversation and click the ownvault button on its page once.";
  place.replaceChildren(element("h2", {}, "Conversation"), element("p", {}, why), pasteInstead(page, undefined));
}

async function readPage(page: Page, pack: Pack): Promise<void> {
  const found = await runWith(page, "conversation.js", read, [pack]);
  if (!found)
    throw new Problem(
      "unreadable",
      "This page cannot be read.",
      "Click the ownvault button on the page once, or paste the conversation.",
    );
  show(found, page, pack);
}

/** Runs in the page's isolated world, where `conversation.js` was put a moment ago. */
function read(pack: unknown): Conversation {
  return (
    globalThis as unknown as { ownvaultChat: { conversation(pack: unknown): Conversation } }
  ).ownvaultChat.conversation(pack);
}

/** Show a conversation that was read, and what is to be thought of the reading. */
function show(found: Conversation, page: Page | undefined, pack: Pack | undefined): void {
  const place = part("conversation", HTMLElement);
  const { state, why } = found.health;
  if (state === "failed") {
    const said = element(
      "p",
      { class: "notice bad", role: "alert" },
      `${pack?.title ?? "This page"} looks different from what the vault knows: ${why}. Nothing was saved.`,
    );
    place.replaceChildren(element("h2", { tabindex: "-1" }, "Conversation"), said, pasteInstead(page, pack, true));
    place.querySelector("textarea")?.focus();
    return;
  }
  const doubt =
    state === "doubtful"
      ? [element("p", { class: "notice warn" }, `Look closely: ${why}.`), pasteInstead(page, pack)]
      : [];
  const left =
    found.left > 0
      ? [element("p", { class: "quiet" }, `${counted(found.left, "insertion")} from your vault left out.`)]
      : [];
  const head = element("h2", { tabindex: "-1", dir: "auto" }, found.title || "Conversation");
  place.replaceChildren(
    head,
    element("p", { role: "status" }, `${counted(found.turns.length, "turn")} read.`),
    ...doubt,
    ...left,
    form(found),
    turns(found),
  );
  head.focus();
}

function turns({ turns }: Conversation): HTMLElement {
  const items = turns.slice(0, SHOWN_TURNS).map(({ role, text }) => {
    const start = text.length > SHOWN_LETTERS ? `${text.slice(0, SHOWN_LETTERS)}…` : text;
    return element(
      "li",
      { class: "card" },
      element("p", { class: "who" }, role === "user" ? "You" : role === "assistant" ? "Assistant" : "System"),
      element("p", { class: "passage", dir: "auto" }, start),
    );
  });
  const rest = turns.length - items.length;
  if (rest > 0) items.push(element("li", { class: "quiet" }, `and ${counted(rest, "turn")} more`));
  return element("ol", { class: "turns", "aria-label": "Turns" }, ...items);
}

/** Where it goes: a collection and labels, and one button. */
function form(found: Conversation): HTMLElement {
  const collection = element("select", { id: "chat-collection" });
  const labels = element("input", { id: "chat-labels", maxlength: "400", autocomplete: "off" });
  const made = element(
    "form",
    { class: "card" },
    element("div", {}, element("label", { for: "chat-collection" }, "Collection"), collection),
    element("div", {}, element("label", { for: "chat-labels" }, "Labels, with commas between"), labels),
    element("button", { class: "first", type: "submit" }, "Save conversation"),
  );
  void ask("state", {}).then(
    ({ collections }) => collection.append(...collections.map((name) => element("option", {}, name))),
    notice,
  );
  const id = crypto.randomUUID();
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    const named = labels.value
      .split(",")
      .map((label) => label.trim())
      .filter((label) => label !== "");
    void save(id, found, collection.value, named).catch(notice);
  });
  return made;
}

async function save(id: string, found: Conversation, collection: string, labels: readonly string[]): Promise<void> {
  const saved = await ask("conversation", { id, conversation: found, collection, labels });
  const seen =
    saved.seenBy === null
      ? ""
      : saved.seenBy.length === 0
        ? "No assistant sees it."
        : `Seen from now on by ${saved.seenBy.join(", ")}.`;
  tell(
    saved.where === "vault" ? `Saved in ${collection}. ${seen}` : `Kept here until the vault is back: ${saved.why}`,
    saved.where === "vault" ? "good" : "warn",
  );
  await showConversation();
}

/** The way that always works. */
function pasteInstead(page: Page | undefined, pack: Pack | undefined, open = false): HTMLElement {
  const text = element("textarea", { id: "pasted", rows: "7", dir: "auto", "aria-describedby": "pasted-how" });
  const use = element("button", { type: "button" }, "Read what I pasted");
  use.addEventListener("click", () =>
    show(readPasted(text.value, page?.title ?? "", page ? withoutQuery(page.url) : "", pack), page, pack),
  );
  return element(
    "details",
    { open },
    element("summary", {}, "Paste it instead"),
    element(
      "p",
      { class: "quiet", id: "pasted-how" },
      "Mark the conversation in the page, copy it and paste it here. Lines such as “You said:” tell who speaks.",
    ),
    element("label", { for: "pasted" }, "The conversation"),
    text,
    use,
  );
}

function withoutQuery(address: string): string {
  const url = new URL(address);
  return url.origin + url.pathname;
}
