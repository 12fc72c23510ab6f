/**
 * What is put into a page, on a click and for one capture, to read it. Bundled on its own; talks to nobody.
 *
 * It runs in the extension's isolated world: the page cannot reach it, only be read by it.
 */

import { Readability } from "@mozilla/readability";
import { withoutInserted } from "../adapters/inserted";
import { base64 } from "../bytes";
import { mark } from "./highlight";
import { markdown } from "./markdown";
import { copyVisible } from "./visible";

/**
 * What was read. `text` is Markdown without what the vault itself had put into the page, `highlights` what was selected,
 * `hidden` counts the characters that no person would have seen.
 */
export interface Extract {
  readonly title: string;
  readonly text: string;
  readonly language: string;
  readonly author: string;
  readonly published: string;
  readonly highlights: readonly string[];
  readonly hidden: number;
  readonly truncated: boolean;
}

/** A file as it came from its server, in base64. */
export interface FileExtract {
  readonly data: string;
  readonly type: string;
}

const LONGEST = 4_000_000;
const LONGEST_NAME = 300;
const MOST_HIGHLIGHTS = 200;
const MOST_FILE_BYTES = 16 * 2 ** 20;
/** An article that holds less than this share of the page's main part has missed what the page is about. */
const LEAST_SHARE = 0.4;
const FURNITURE =
  "nav, header:not(article header), footer:not(article footer), aside, [role=navigation], [role=banner], [role=contentinfo], [role=search], dialog, menu";

/** What sites put into a text that is not of the text: links to edit and to point at it, advertisements that say so. */
const SCRAPS = ".mw-editsection, .headerlink, [aria-label=advertisement i], ins.adsbygoogle";

/** Read the page, or what is selected on it. */
function extract(what: "page" | "selection"): Extract {
  const copy = copyVisible(document);
  for (const scrap of copy.page.querySelectorAll(SCRAPS)) scrap.remove();
  const highlights =
    what === "page" ? copy.ranges.map((range) => range.toString().trim()).slice(0, MOST_HIGHLIGHTS) : [];
  const { title, author, published, ...read } = what === "page" ? readPage(copy) : readSelection(copy.ranges);
  const { text } = withoutInserted(read.text);
  return {
    title: (title || copy.page.title || location.hostname).replace(/\s+/g, " ").trim().slice(0, 500),
    text: text.slice(0, LONGEST),
    language: (copy.page.documentElement.lang || "").slice(0, 35),
    author: author.slice(0, LONGEST_NAME),
    published,
    highlights,
    hidden: what === "page" ? copy.hidden : 0,
    truncated: text.length > LONGEST,
  };
}

interface Read {
  readonly text: string;
  readonly title: string;
  readonly author: string;
  readonly published: string;
}

function readPage(copy: { page: Document; ranges: readonly Range[] }): Read {
  mark(copy.ranges);
  for (const other of copy.page.querySelectorAll("noscript")) other.remove(); // what is shown where no script runs
  const whole = mainPart(copy.page);
  const article = new Readability(copy.page.cloneNode(true) as Document, {
    serializer: (node) => node as HTMLElement,
    keepClasses: true, // a code block tells its language by its class
    charThreshold: 200,
  }).parse();
  const short = !article?.content || length(article.content) < LEAST_SHARE * length(whole);
  const text = markdown(short ? whole : (article.content as HTMLElement));
  return { text, title: article?.title ?? "", author: article?.byline ?? "", published: article?.publishedTime ?? "" };
}

function length(node: Node): number {
  return (node.textContent ?? "").replace(/\s+/g, " ").length;
}

/** The page's own main part, or all of it without what stands around every page of the site. */
function mainPart(page: Document): HTMLElement {
  const found = page.querySelector<HTMLElement>("main, [role=main]") ?? page.body ?? page.documentElement;
  const part = found.cloneNode(true) as HTMLElement;
  for (const one of part.querySelectorAll(FURNITURE)) one.remove();
  for (const one of part.querySelectorAll("script, style, noscript, template")) one.remove();
  return part;
}

function readSelection(ranges: readonly Range[]): Read {
  const parts = ranges.map((range) => markdown(contentsOf(range)));
  return { text: parts.filter((part) => part !== "").join("\n\n"), title: "", author: "", published: "" };
}

/** What is around a selection that says what it is: rows are of a table, items of a list, lines of code. */
const SHELLS = "table, thead, tbody, tfoot, tr, ul, ol, pre, code, blockquote";

/** Return a copy of what a range holds, in as much of what is around it as it needs to be read. */
function contentsOf(range: Range): HTMLElement {
  const page = range.startContainer.ownerDocument ?? document;
  const common = range.commonAncestorContainer;
  let content: Node = range.cloneContents();
  for (let at = common instanceof Element ? common : common.parentElement; at; at = at.parentElement) {
    if (at.matches("td, th, li")) break; // words of one cell or item are only words
    if (!at.matches(SHELLS)) continue;
    const shell = at.cloneNode(false);
    shell.appendChild(content);
    content = shell;
  }
  const around = page.createElement("div");
  around.append(content);
  return around;
}

/** Read the file that this tab shows, as its server sent it. */
async function file(): Promise<FileExtract> {
  const answer = await fetch(location.href, { cache: "force-cache" });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (!answer.ok) throw new Error(`the site answered ${answer.status}`);
  if (bytes.length > MOST_FILE_BYTES) throw new Error("the file is too large");
  return { data: base64(bytes), type: (answer.headers.get("content-type") ?? "").split(";")[0] ?? "" };
}

Object.assign(globalThis, { ownvault: { extract, file } });
