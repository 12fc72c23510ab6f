/**
 * Saving: look at the site's rule, read the tab, keep what was read on the disk, and only then send it.
 *
 * A worker may be ended between any two lines. Before `put` nothing was promised, and the page that asked asks again
 * with the same id; after it the queue sends what is there.
 */

import type { Extract } from "./capture/extract";
import { usualCollection } from "./collections";
import { type Order, Problem, type Reader, type Saved } from "./messages";
import { Full, finished, list, put } from "./queue";
import { judge, siteRules } from "./rules";
import { type Draft, deliver, wakeLater } from "./sending";

const LONGEST_TITLE = 500;
const PAGE_HINT = "Open the extension on the tab itself, and reload the page if it was open before.";
/** Firefox lets no extension into its viewer of PDF files. */
const FILE_HINT = "Firefox guards its PDF viewer: save the link only, or open the file in a Chromium browser.";

/** What was read, and what of it a person should know. */
interface Read {
  readonly draft: Draft;
  readonly hidden: number;
  readonly truncated: boolean;
}

/** Save what an order says. Throws Problem when the site's rule forbids it, or there is nothing to save. */
export async function capture(order: Order): Promise<Saved> {
  if (await isKnown(order.id)) return keep(order.id, undefined);
  const tab = await chrome.tabs.get(order.tab).catch(() => undefined);
  if (!tab) throw new Problem("no_tab", "The tab was closed.");
  if (tab.incognito) throw new Problem("private", "Private windows are never saved.");
  await refuseForbidden(order, tab.url ?? "");
  const { draft, hidden, truncated } = await read(await completed(order), tab);
  return { ...(await keep(order.id, draft)), hidden, truncated };
}

/** Complete what a click in a menu leaves open, and cut a title that is too long for one. */
async function completed(order: Order): Promise<Order> {
  const collection = order.collection || (await usualCollection());
  return { ...order, collection, ...(order.title === undefined ? {} : { title: order.title.slice(0, LONGEST_TITLE) }) };
}

/** A page asks again when the worker was ended before it could answer: what it wanted may be done already. */
async function isKnown(id: string): Promise<boolean> {
  return (await finished(id)) !== undefined || (await list()).some((item) => item.id === id);
}

/** Keep a draft in the queue, send what is there, and tell what became of this one. Of none: of what has this id. */
export async function keep(id: string, draft: Draft | undefined): Promise<Saved> {
  if (draft) {
    const { kind, title, url, collection, captured } = draft;
    await wakeLater();
    await put({ id, kind, title, url, collection, captured }, JSON.stringify(draft)).catch(tellFull);
  }
  const why = await deliver();
  const kept = (await list()).find((item) => item.id === id);
  if (kept?.problem !== undefined)
    throw new Problem("refused", `The vault refused it: ${kept.problem}`, "It is kept in the list below.");
  const seenBy = (await finished(id))?.seenBy ?? null;
  return {
    where: kept ? "queue" : "vault",
    seenBy,
    hidden: 0,
    truncated: false,
    title: draft?.title ?? kept?.title ?? "",
    why: kept ? why : "",
  };
}

/** Tell whether an order has to be shown to the owner before anything is read. */
export async function mustShow(order: Order): Promise<boolean> {
  const tab = await chrome.tabs.get(order.tab);
  return !order.shown && judge(tab.url ?? "", await siteRules()).rule !== "allow";
}

async function refuseForbidden(order: Order, page: string): Promise<void> {
  const rules = await siteRules();
  for (const address of order.what === "link" && order.url !== undefined ? [page, order.url] : [page]) {
    const verdict = judge(address, rules);
    if (verdict.rule === "never")
      throw new Problem(
        "forbidden",
        `Not saved: ${verdict.why}.`,
        verdict.fixed ? "" : "You can change the rule for this site.",
      );
    if (verdict.rule === "ask" && !order.shown) throw new Problem("ask", "This site asks first.");
  }
}

async function read(order: Order, tab: chrome.tabs.Tab): Promise<Read> {
  const address = tab.url ?? "";
  const base = {
    key: order.id,
    collection: order.collection,
    labels: order.labels,
    captured: new Date().toISOString(),
    url: address,
  };
  if (order.what === "link") {
    const url = order.url ?? address;
    const title = (order.title ?? (order.url === undefined ? (tab.title ?? url) : url)).slice(0, LONGEST_TITLE);
    return {
      draft: { ...base, kind: "link", url, title, text: `[${title.replace(/[[\]\\]/g, "\\$&")}](<${url}>)` },
      hidden: 0,
      truncated: false,
    };
  }
  if (order.what === "file") {
    const file = await inTab(order.tab, "file", address);
    if (file.type !== "application/pdf") throw new Problem("no_file", "This tab shows no PDF.");
    return {
      draft: { ...base, kind: "file", title: order.title ?? fileName(address).slice(0, LONGEST_TITLE), file },
      hidden: 0,
      truncated: false,
    };
  }
  const found = await readTab(order, order.what, address);
  const { text, highlights, language, author, hidden, truncated } = found;
  if (text.trim() === "")
    throw new Problem("empty", order.what === "page" ? "There is no text on this page." : "Nothing is selected.");
  const published = Number.isNaN(Date.parse(found.published)) ? "" : new Date(found.published).toISOString();
  const said = { title: order.title ?? found.title, text, highlights, language, author, published };
  return { draft: { ...base, kind: order.what, ...said }, hidden, truncated };
}

function fileName(address: string): string {
  const name = new URL(address).pathname.split("/").at(-1) || "file.pdf";
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // a percent sign that means itself
  }
}

/** Read the page; where the browser does not let us, the words that it told of a selection are enough. */
async function readTab(order: Order, what: "page" | "selection", address: string): Promise<Extract> {
  const words = what === "selection" ? (order.words ?? "") : "";
  const plain = {
    title: order.title ?? "",
    language: "",
    author: "",
    published: "",
    highlights: [],
    hidden: 0,
    truncated: false,
  };
  try {
    const found = await inTab(order.tab, what, address);
    return found.text === "" ? { ...found, text: words } : found;
  } catch (error) {
    if (words === "") throw error;
    return { ...plain, text: words };
  }
}

type Reads = { page: Extract; selection: Extract; file: { data: string; type: string } };

/** Read a tab, if it still shows the site of this address: that one the rules were asked about, and it is named as the source. */
async function inTab<W extends keyof Reads>(tab: number, what: W, address: string): Promise<Reads[W]> {
  const target = { tabId: tab };
  try {
    await chrome.scripting.executeScript({ target, files: ["extract.js"] });
    const [answer] = await chrome.scripting.executeScript({ target, args: [what, new URL(address).origin], func: run });
    const said = answer?.result as { ok: Reads[W] } | { error: string } | undefined;
    if (said && "ok" in said) return said.ok;
    throw new Error(said?.error ?? "the page gave no answer");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = what === "file" ? FILE_HINT : PAGE_HINT;
    throw new Problem("unreadable", `This tab cannot be read: ${reason}.`, hint);
  }
}

/** Runs in the page's isolated world, where `extract.js` was put a moment ago. */
async function run(what: "page" | "selection" | "file", origin: string): Promise<{ ok: unknown } | { error: string }> {
  if (location.origin !== origin) return { error: "it has gone to another site" };
  const { ownvault } = globalThis as unknown as { ownvault: Reader };
  try {
    return { ok: what === "file" ? await ownvault.file() : ownvault.extract(what) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function tellFull(error: unknown): never {
  if (error instanceof Full) throw new Problem("full", error.message);
  throw error;
}
