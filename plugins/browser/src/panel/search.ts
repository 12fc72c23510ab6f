/** Search, look, choose, insert. Nothing enters the page before the vault has recorded that it goes there. */

import { asInserted } from "../adapters/inserted";
import { packFor } from "../adapters/pack";
import { day } from "../dates";
import { counted, element, part } from "../dom";
import { ask, Problem } from "../messages";
import { notice, tell } from "../popup/notice";
import { insertText } from "./insertion";
import { packs } from "./packs";
import type { Hit, Release } from "./shapes";
import { type Page, pageBeside, runIn } from "./site";

const MOST_HITS = 20;
const MOST_CHOSEN = 10;

/** What was asked last: its hits alone can be chosen and inserted. */
let asked = "";
const chosen = new Map<string, Hit>();
/** The site that the owner was shown on the button: the tab may have gone elsewhere since. */
let target: string | undefined;

export function startSearch(): void {
  part("search-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    void search(part("query", HTMLInputElement).value).catch(notice);
  });
  part("insert", HTMLElement).addEventListener("click", () => void whileBusy(insert).catch(notice));
  part("copy", HTMLElement).addEventListener("click", () => void whileBusy(copy).catch(notice));
  part("clear", HTMLElement).addEventListener("click", clear);
}

/** Show on the button where the text would go. */
export async function showTarget(): Promise<void> {
  const page = await pageBeside();
  target = page?.origin;
  const button = part("insert", HTMLButtonElement);
  button.disabled = page === undefined;
  button.textContent = page ? `Insert into ${page.host}` : "Insert";
}

async function search(query: string): Promise<void> {
  const found = part("found", HTMLElement);
  found.textContent = "Searching…";
  clear();
  part("hits", HTMLElement).replaceChildren();
  try {
    const { hits } = (await ask("vault", { name: "search", body: { query, limit: MOST_HITS } })) as {
      hits: readonly Hit[];
    };
    asked = query;
    found.textContent =
      hits.length === 0 ? "Nothing found in what this browser may search." : counted(hits.length, "record");
    part("hits", HTMLElement).replaceChildren(...hits.map(card));
  } catch (error) {
    found.textContent = "";
    throw error;
  }
}

function card(hit: Hit, at: number): HTMLElement {
  const id = `hit-${at}`;
  const box = element("input", { type: "checkbox", id, "aria-describedby": `${id}-from` });
  box.addEventListener("change", () => choose(hit, box));
  const foreign = hit.untrusted ? "written by others" : "";
  const from = [hit.collection, hit.source, day(hit.date), foreign].filter((one) => one !== "").join(" · ");
  const look = element("button", { type: "button", class: "small plain", "aria-expanded": "false" }, "Show all of it");
  look.append(element("span", { class: "hidden" }, `: ${hit.title || "untitled"}`));
  look.addEventListener("click", () => void preview(hit, look).catch(notice));
  return element(
    "li",
    { class: "card hit" },
    box,
    element("label", { for: id, dir: "auto" }, hit.title || "(untitled)"),
    element("p", { class: "quiet", id: `${id}-from`, dir: "auto" }, from),
    element("p", { class: "passage", dir: "auto" }, hit.text),
    look,
  );
}

function choose(hit: Hit, box: HTMLInputElement): void {
  if (box.checked && chosen.size >= MOST_CHOSEN) {
    box.checked = false;
    tell(`${MOST_CHOSEN} records at a time are enough for a question.`, "warn");
  } else if (box.checked) chosen.set(hit.id, hit);
  else chosen.delete(hit.id);
  showChosen();
}

function clear(): void {
  chosen.clear();
  for (const box of document.querySelectorAll<HTMLInputElement>("#hits input")) box.checked = false;
  showChosen();
}

function showChosen(): void {
  part("choice", HTMLElement).hidden = chosen.size === 0;
  const letters = [...chosen.values()].reduce((sum, { text }) => sum + text.length, 0);
  part("chosen", HTMLElement).textContent =
    chosen.size === 0 ? "" : `${counted(chosen.size, "record")} chosen, ${letters.toLocaleString()} letters`;
}

/** Show the whole of a record below its hit, or fold it away again. */
async function preview(hit: Hit, button: HTMLElement): Promise<void> {
  const open = button.nextElementSibling;
  if (open) open.remove();
  else {
    const { record } = (await ask("vault", { name: "read", body: { id: hit.id } })) as { record: Hit };
    button.after(
      element(
        "div",
        { class: "whole", tabindex: "0", role: "region", "aria-label": `All of ${hit.title || "it"}`, dir: "auto" },
        record.text,
      ),
    );
  }
  button.setAttribute("aria-expanded", String(!open));
}

/**
 * Put what is chosen into the page's box.
 *
 * 1. The vault records the release to this site, and only then gives the text.
 * 2. The text enters the page, if that is still the same site.
 * 3. The owner reads it there and sends it, or takes it out again.
 */
async function insert(): Promise<void> {
  const page = await pageBeside();
  if (!page)
    throw new Problem(
      "no_page",
      "There is no page here to insert into.",
      "Click the ownvault button on the page once, then try again.",
    );
  const release = await recordFor(page);
  const boxes = packFor(page.url, await packs())?.box ?? [];
  const done = await runIn(page, insertText, [written(release), page.origin, [...boxes]]);
  if (done?.done) {
    clear();
    tell(
      `Inserted ${counted(release.hits.length, "record")} into ${page.host}, and recorded. Read it before you send it.${done.undo ? "" : " The page's own undo may not take it back."}`,
    );
    return;
  }
  const why = {
    moved: "the tab has gone to another site",
    no_box: "no box to write in was found",
    refused: "the page's box did not take it",
  };
  const reason = done ? why[done.why] : "the browser did not allow it";
  throw new Problem(
    "not_inserted",
    `Nothing was inserted: ${reason}.`,
    "Click into the box and try again, or copy it. The release stays in the log.",
  );
}

/** The way out where a page takes no text: it goes to the clipboard, recorded for the same site. */
async function copy(): Promise<void> {
  const page = await pageBeside();
  if (!page)
    throw new Problem(
      "no_page",
      "It is not to be seen for which site this is.",
      "Click the ownvault button on its page once, then try again.",
    );
  const release = await recordFor(page);
  await navigator.clipboard.writeText(written(release));
  tell(`Copied ${counted(release.hits.length, "record")}, and recorded for ${page.host}.`);
}

/** SPEC.md §6 takes no other sites: what goes to them unencrypted goes to whoever listens. */
const SAFE = /^https:|^http:\/\/(localhost|127\.0\.0\.1|\[::1\]|[^/]+\.localhost)(:|$)/;

/** Record a release to the page beside. Throws Problem where that is of another site than the one that was shown. */
async function recordFor({ origin: site }: Page): Promise<Release> {
  if (site !== target)
    throw new Problem(
      "moved",
      "The tab has gone to another site. Nothing was released.",
      "Look where it goes, then try again.",
    );
  if (!SAFE.test(site))
    throw new Problem(
      "plain",
      "This page is not encrypted: what you insert could be read on its way.",
      "Use its https address.",
    );
  const body = { site, query: asked, limit: MOST_HITS, records: [...chosen.keys()] };
  return (await ask("vault", { name: "insert", body })) as Release;
}

function written({ release, hits }: Release): string {
  const parts = hits.map(({ title, text, date, collection }) => {
    const from = [title.replace(/\s+/g, " "), collection, (date ?? "").slice(0, 10)]
      .filter((one) => one !== "")
      .join(" · ");
    return `${from}\n${text.trim()}`;
  });
  return asInserted(parts.join("\n\n"), hits.length, release);
}

async function whileBusy(work: () => Promise<void>): Promise<void> {
  const buttons = [...part("choice", HTMLElement).querySelectorAll("button")];
  for (const one of buttons) one.disabled = true;
  try {
    await work();
  } finally {
    for (const one of buttons) one.disabled = false;
    await showTarget();
  }
}
