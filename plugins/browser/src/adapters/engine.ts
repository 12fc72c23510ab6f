/** Reading a chat page by a pack: who said what, in which order, and whether the pack still fits the page. */

import { type Own, withoutInserted } from "./inserted";
import { type Pack, type Place, ROLES, type Role } from "./pack";

export const MOST_TURNS = 2000;
export const MOST_LETTERS = 2_000_000;
/** A pack that finds less than this share of the words of the conversation has missed some of it. */
const LEAST_SHARE = 0.6;

/** One turn. `text` is Markdown; `time` is ISO 8601, empty where the page does not tell. */
export interface Turn {
  readonly role: Role;
  readonly text: string;
  readonly time: string;
  readonly model: string;
}

/** Whether what was read can be trusted to be what is there; `why` is for a person. */
export interface Health {
  readonly state: "good" | "doubtful" | "failed";
  readonly why: string;
}

/** A conversation as a page shows it. `left` counts insertions of the vault that were left out. */
export interface Conversation {
  readonly adapter: string;
  readonly version: number;
  readonly id: string;
  readonly title: string;
  readonly address: string;
  readonly turns: readonly Turn[];
  readonly left: number;
  readonly health: Health;
}

/** How an element becomes Markdown. */
export type Write = (element: HTMLElement) => string;

/** Read the conversation on a page. Never throws for what the page holds; a page that changed gives `failed`. */
export function readConversation(page: Document, address: string, pack: Pack, write: Write): Conversation {
  const root = first(page, pack.root) ?? page.body;
  const found = root ? outermost(all(root, pack.turn)).slice(0, MOST_TURNS) : [];
  const doubts: string[] = [];
  if (found.length === MOST_TURNS) doubts.push(`only the first ${MOST_TURNS} turns were read`);
  const read = found.map((turn) => readTurn(turn, pack, write));
  const turns = read.flatMap(({ turn }) => (turn && turn.text !== "" ? [turn] : []));
  const left = read.reduce((sum, { own }) => sum + own.taken, 0);
  if (read.some(({ own }) => own.cut))
    doubts.push("what the vault had put in was changed, so more was left out with it");
  return {
    adapter: pack.name,
    version: pack.version,
    id: idOf(address, pack),
    title: oneLine(said(page, pack.heading) || page.title).slice(0, 500),
    address: withoutQuery(address),
    turns: withinLength(turns, doubts),
    left,
    health: health(root, found, read, turns, doubts),
  };
}

interface Read {
  readonly turn: Turn | undefined;
  readonly own: Own;
}

function readTurn(element: HTMLElement, pack: Pack, write: Write): Read {
  const role = ROLES.find((one) => pack.roles[one].some((selector) => is(element, selector)));
  const bodies = outermost(all(element, pack.body));
  const own = withoutInserted(bodies.map((body) => write(clean(body, pack))).join("\n\n"));
  if (role === undefined) return { turn: undefined, own };
  const time = said(element, pack.time);
  return {
    turn: { role, text: own.text, time: moment(time), model: oneLine(said(element, pack.model)).slice(0, 80) },
    own,
  };
}

/** A copy of a turn's words without what is no part of them, and with each code block's language where Markdown looks. */
function clean(body: HTMLElement, pack: Pack): HTMLElement {
  const copy = body.cloneNode(true) as HTMLElement;
  for (const block of copy.querySelectorAll<HTMLElement>("pre")) {
    const code = block.querySelector<HTMLElement>("code") ?? block;
    const language = takeLanguage(block, copy, pack);
    if (!/language-|lang-/.test(`${code.className} ${block.className}`) && /^[\w+#.-]{1,30}$/.test(language))
      code.classList.add(`language-${language}`);
    if (code !== block) block.replaceChildren(code);
  }
  for (const selector of pack.leave) for (const one of select(copy, selector)) one.remove();
  return copy;
}

/** Return the language that a code block's frame names, and take the name out of the frame. */
function takeLanguage(block: HTMLElement, within: HTMLElement, pack: Pack): string {
  for (let at = block; at.querySelectorAll("pre").length < 2; at = at.parentElement) {
    const label = first(at, pack.language.select);
    if (label && !label.closest("code")) {
      if (pack.language.attribute === undefined) label.remove();
      return oneLine(
        (pack.language.attribute ? label.getAttribute(pack.language.attribute) : label.textContent) ?? "",
      ).toLowerCase();
    }
    if (at === within || at.parentElement === null) break;
  }
  return "";
}

/**
 * The self-test. A page whose selectors broke gives no turns, one speaker only, empty turns, or far fewer words than
 * it shows; each of them is told, and none is passed over in silence.
 */
function health(
  root: HTMLElement | null,
  found: readonly HTMLElement[],
  read: readonly Read[],
  turns: readonly Turn[],
  doubts: string[],
): Health {
  if (!root || found.length === 0) return { state: "failed", why: "no turn was found on this page" };
  const nameless = read.filter(({ turn }) => turn === undefined).length;
  if (nameless === read.length) return { state: "failed", why: "it is not to be seen who said what" };
  if (turns.length === 0 && read.every(({ own }) => own.taken === 0))
    return { state: "failed", why: "the turns hold no words" };
  const silent = read.filter(({ turn, own }) => turn?.text === "" && own.taken === 0).length;
  if (nameless > 0) doubts.push(`of ${nameless} turns it is not to be seen whose they are`);
  if (silent > 0) doubts.push(`${silent} turns hold no words, perhaps only a picture`);
  if (found.length > 1 && new Set(turns.map((turn) => turn.role)).size === 1)
    doubts.push("only one side of the conversation was found");
  const share = letters(found) / Math.max(1, letters([root]));
  if (share < LEAST_SHARE) doubts.push("the page shows much more than was found");
  return doubts.length > 0 ? { state: "doubtful", why: doubts.join("; ") } : { state: "good", why: "" };
}

/** How many letters elements show, without what a reader skips. */
function letters(elements: readonly HTMLElement[]): number {
  return elements.reduce((sum, element) => {
    const copy = element.cloneNode(true) as HTMLElement;
    for (const one of copy.querySelectorAll(
      "script, style, template, noscript, form, textarea, nav, button, [contenteditable]",
    ))
      one.remove();
    return sum + (copy.textContent ?? "").replace(/\s+/g, "").length;
  }, 0);
}

function withinLength(turns: readonly Turn[], doubts: string[]): readonly Turn[] {
  let total = 0;
  const kept = turns.filter((turn) => {
    total += turn.text.length;
    return total <= MOST_LETTERS;
  });
  if (kept.length < turns.length) doubts.push("the conversation is longer than can be saved");
  return kept;
}

function idOf(address: string, pack: Pack): string {
  const path = URL.parse(address)?.pathname ?? "";
  for (const start of pack.paths) {
    const at = path.indexOf(start);
    const id = at < 0 ? "" : (path.slice(at + start.length).split("/")[0] ?? "");
    if (/^[\w-]{6,80}$/.test(id)) return id;
  }
  return "";
}

function withoutQuery(address: string): string {
  const url = URL.parse(address);
  return url ? url.origin + url.pathname : "";
}

function moment(text: string): string {
  const seconds = /^\d{10}(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  return text === "" || Number.isNaN(seconds) ? "" : new Date(seconds).toISOString();
}

function said(within: ParentNode, place: Place): string {
  const found =
    isElement(within) && place.select.some((one) => matches(within, one)) ? within : first(within, place.select);
  return (place.attribute === undefined ? found?.textContent : found?.getAttribute(place.attribute)) ?? "";
}

function isElement(node: ParentNode): node is HTMLElement {
  return "matches" in node;
}

function is(element: Element, selector: string): boolean {
  return matches(element, selector) || select(element, selector).length > 0;
}

function first(within: ParentNode, selectors: readonly string[]): HTMLElement | null {
  for (const selector of selectors) {
    const [found] = select(within, selector);
    if (found) return found;
  }
  return null;
}

function all(within: ParentNode, selectors: readonly string[]): HTMLElement[] {
  for (const selector of selectors) {
    const found = select(within, selector);
    if (found.length > 0) return found;
  }
  return isElement(within) && selectors.some((one) => matches(within, one)) ? [within] : [];
}

/** Elements that lie within none of the others. */
function outermost(elements: readonly HTMLElement[]): HTMLElement[] {
  let last: HTMLElement | undefined;
  return elements.filter((one) => {
    if (last?.contains(one)) return false; // they come in the order of the page
    last = one;
    return true;
  });
}

/** A selector that the browser does not know finds nothing: the self-test tells what is missing. */
function select(within: ParentNode, selector: string): HTMLElement[] {
  try {
    return [...within.querySelectorAll<HTMLElement>(selector)];
  } catch {
    return [];
  }
}

function matches(element: Element, selector: string): boolean {
  try {
    return element.matches(selector);
  } catch {
    return false;
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
