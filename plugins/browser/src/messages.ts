/**
 * What the extension's own pages ask the worker. Nobody else is answered.
 *
 * A page writes `await ask("capture", {…})`; the worker has one handler per name. Only the worker uses the network and
 * the key.
 */

import type { Conversation } from "./adapters/engine";
import type { Extract } from "./capture/extract";
import type { Diagnosis } from "./doctor";
import type { Wish } from "./panel/shapes";
import type { Item } from "./queue";
import type { Rule, SiteRule, Verdict } from "./rules";
import type { Right } from "./vault";

/** How it stands with the vault. `foreign` = something answers there that is not the vault this browser was paired with. */
export type Standing = "unpaired" | "waiting" | "open" | "locked" | "away" | "foreign" | "ended";

/** A pairing under way: the words that the owner compares, and until when (milliseconds since 1970). */
export interface Words {
  readonly words: readonly string[];
  readonly until: number;
}

/** What the popup shows. `detail` is one sentence for a person where something is wrong. */
export interface State {
  readonly standing: Standing;
  readonly detail: string;
  readonly address: string;
  readonly words?: Words;
  /** What the owner gave this browser: `capture`, `search`, `decide`. */
  readonly rights: readonly Right[];
  readonly collections: readonly string[];
  /** The one to choose where nothing is said. */
  readonly usual: string;
  readonly waiting: readonly Item[];
}

/** What is to be saved, from which tab. The page that asks makes the id: asked twice, it is saved once. */
export interface Order {
  readonly id: string;
  readonly tab: number;
  readonly what: "page" | "selection" | "file" | "link";
  readonly collection: string;
  readonly labels: readonly string[];
  /** The owner's own title, if not the page's. */
  readonly title?: string;
  /** Of a link: where it leads. */
  readonly url?: string;
  /** Of a selection: its words, where the page tells no more. */
  readonly words?: string;
  /** It comes from a page of ours that shows which site it is, so that a site of which to ask needs no more. */
  readonly shown: boolean;
}

/** What became of it: in the vault, with the clients whose grants cover it now; or kept here until the vault is back. */
export interface Saved {
  readonly where: "vault" | "queue";
  /** null: the owner did not want browsers told. */
  readonly seenBy: readonly string[] | null;
  readonly hidden: number;
  readonly truncated: boolean;
  readonly title: string;
  readonly why: string;
}

/** Each question: what is asked, and what is answered. */
export interface Calls {
  state: { asks: Record<never, never>; gets: State };
  pair: { asks: { address: string }; gets: Words };
  cancel: { asks: Record<never, never>; gets: null };
  unpair: { asks: Record<never, never>; gets: { revoked: boolean } };
  judge: { asks: { url: string }; gets: Verdict };
  rules: { asks: Record<never, never>; gets: readonly SiteRule[] };
  rule: { asks: { site: string; rule?: Rule }; gets: null };
  capture: { asks: Order; gets: Saved };
  waiting: { asks: Record<never, never>; gets: readonly Item[] };
  retry: { asks: { id?: string }; gets: readonly Item[] };
  discard: { asks: { id: string }; gets: readonly Item[] };
  /** One call of the vault's own, `POST /extension/<name>`: for views that need nothing of the worker but its key. */
  vault: { asks: { name: string; body: unknown }; gets: unknown };
  doctor: { asks: Record<never, never>; gets: Diagnosis };
  /** The vault is at another port from now on. Who it is stays pinned. */
  move: { asks: { address: string }; gets: null };
  conversation: {
    asks: { id: string; conversation: Conversation; collection: string; labels: readonly string[] };
    gets: Saved;
  };
  wishes: { asks: Record<never, never>; gets: readonly Wish[] };
  decide: { asks: Readonly<Record<string, unknown>>; gets: null };
}

export type Name = keyof Calls;
export type Asks<N extends Name> = Calls[N]["asks"];
export type Gets<N extends Name> = Calls[N]["gets"];
export type Handlers = { readonly [N in Name]: (asked: Asks<N>) => Promise<Gets<N>> };

/** Something went wrong, told for a person; `code` is stable. */
export class Problem extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint = "",
  ) {
    super(message);
  }
}

type Reply = { ok: unknown } | { code: string; message: string; hint: string };

/** Ask the worker. A worker that was ended meanwhile is started and asked again, once. Throws Problem. */
export async function ask<N extends Name>(name: N, asked: Asks<N>): Promise<Gets<N>> {
  const reply = (await send({ name, asked }).catch(() => send({ name, asked }))) as Reply | undefined;
  if (reply === undefined) throw new Problem("no_answer", "The extension did not answer.", "Try again.");
  if ("ok" in reply) return reply.ok as Gets<N>;
  throw new Problem(reply.code, reply.message, reply.hint);
}

async function send(message: unknown): Promise<unknown> {
  return chrome.runtime.sendMessage(message);
}

/** Answer our own pages by these handlers, and nobody else: a content script speaks for the page that it is in. */
export function serve(handlers: Handlers): void {
  const own = chrome.runtime.getURL("");
  chrome.runtime.onMessage.addListener((message, sender, respond: (reply: Reply) => void) => {
    if (sender.id !== chrome.runtime.id || !sender.url?.startsWith(own)) return false;
    const { name, asked } = message as { name: Name; asked: never };
    if (!Object.hasOwn(handlers, name)) return false;
    handlers[name](asked).then(
      (ok) => respond({ ok }),
      (error: unknown) => respond(told(error)),
    );
    return true;
  });
}

function told(error: unknown): Reply {
  if (error instanceof Problem) return { code: error.code, message: error.message, hint: error.hint };
  return { code: "failed", message: error instanceof Error ? error.message : String(error), hint: "" };
}

/** What the script in the page offers, in its isolated world. */
export interface Reader {
  extract(what: "page" | "selection"): Extract;
  file(): Promise<{ data: string; type: string }>;
}
