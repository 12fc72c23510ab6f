/** HTML to Markdown: headings, lists, tables, code, quotes, links and marked text; nothing that runs or loads. */

import gfm from "@joplin/turndown-plugin-gfm";
import Turndown from "turndown";

const MARK = "\uE000";
const UNMARK = "\uE001";
const LONGEST_ALT = 300;
const PICTURES = new Set(["IMG", "SVG", "VIDEO", "AUDIO", "CANVAS"]);

/** Return the Markdown of a node. The node is not changed. */
export function markdown(node: HTMLElement): string {
  const text = converter().turndown(withoutOurSigns(node));
  return outsideFences(text, (prose) =>
    prose
      .replace(/\uE001([ \t]*)\uE000/g, "$1") // marked up to where marked again: one mark
      .replaceAll(MARK, "==")
      .replaceAll(UNMARK, "==")
      .replace(/[ \t]+$/gm, "")
      .replace(/\n{3,}/g, "\n\n"),
  ).trim();
}

/** Change what is not code. */
function outsideFences(text: string, change: (prose: string) => string): string {
  return text
    .split(/^([ \t]*(`{3,})[^\n]*\n[\s\S]*?\n[ \t]*\2[ \t]*)$/m)
    .map((part, at) => (at % 3 === 0 ? change(part) : at % 3 === 1 ? part : ""))
    .join("");
}

function converter(): Turndown {
  const made = new Turndown({
    headingStyle: "atx",
    bulletListMarker: "-",
    codeBlockStyle: "fenced",
    emDelimiter: "*",
    hr: "---",
  });
  made.use([gfm.tables, gfm.strikethrough, gfm.taskListItems]);
  made.remove(["script", "style", "template", "noscript", "iframe", "object", "button", "input", "select", "textarea"]);
  made.addRule("mark", {
    filter: "mark",
    replacement: (content) => content.replace(/^(\s*)([\s\S]*?)(\s*)$/, `$1${MARK}$2${UNMARK}$3`),
  });
  made.addRule("link", { filter: "a", replacement: (content, node) => link(content, node as HTMLAnchorElement) });
  made.addRule("picture", {
    filter: (node) => PICTURES.has(node.nodeName.toUpperCase()),
    replacement: (_, node) => picture(node as Element),
  });
  made.addRule("reading", { filter: "rt", replacement: (content) => (content === "" ? "" : `（${content}）`) });
  made.remove("rp");
  made.addRule("fence", {
    filter: (node) => node.nodeName === "PRE",
    replacement: (_, node) => fence(node as HTMLElement),
  });
  return made;
}

/** A link that a person can follow keeps its address; any other is its words. */
function link(content: string, anchor: HTMLAnchorElement): string {
  const words = content.trim();
  const address = anchor.getAttribute("href") ?? "";
  if (words === "" || !/^(https?:|mailto:)/.test(anchor.href) || address.startsWith("#")) return content;
  return content.replace(words, () => `[${words}](${anchor.href.replaceAll("(", "%28").replaceAll(")", "%29")})`);
}

/** A picture is what it says of itself: its address would be loaded by whoever shows the text. */
function picture(element: Element): string {
  const said = (element.getAttribute("alt") ?? element.getAttribute("aria-label") ?? "").replace(/\s+/g, " ").trim();
  return said === "" ? "" : `(picture: ${said.slice(0, LONGEST_ALT)})`;
}

/** Code as it stands, in a fence that is longer than any within it. */
function fence(element: HTMLElement): string {
  const code = (element.textContent ?? "").replace(/\n+$/, "").replaceAll(MARK, "").replaceAll(UNMARK, "");
  const classes = `${element.className} ${element.querySelector("code")?.className ?? ""}`;
  const language = /(?:language|lang|highlight-source|brush:)[-\s]?([\w+#-]+)/.exec(classes)?.[1] ?? "";
  const ticks = "`".repeat(Math.max(3, ...[...code.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `\n\n${ticks}${language}\n${code}\n${ticks}\n\n`;
}

/** A copy in which no text has the two characters by which marks are told. */
function withoutOurSigns(node: HTMLElement): HTMLElement {
  const copy = node.cloneNode(true) as HTMLElement;
  const walker = copy.ownerDocument.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode as Text;
    if (/[\uE000\uE001]/.test(text.data)) text.data = text.data.replace(/[\uE000\uE001]/g, "");
  }
  return copy;
}
