/** Saving what the tab shows: title, place, labels; what the site's rule says; and what became of it. */

import { element, part } from "../dom";
import { ask, type Order, type Saved, type State } from "../messages";
import type { Rule, Verdict } from "../rules";
import { notice, tell } from "./notice";

type What = Order["what"];

const USUAL = "web";

/** The tab that the popup is about, and what a look at it tells. */
interface Subject {
  readonly tab: number;
  readonly url: string;
  readonly selected: boolean;
  readonly file: boolean;
  readonly verdict: Verdict;
  /** A click in a menu asks for this one thing. */
  readonly only: What | undefined;
  readonly link: string | undefined;
}

let subject: Subject | undefined;

/** Show the form for the tab, or why nothing can be saved from it. */
export async function showSave(state: State): Promise<void> {
  const section = part("save", HTMLElement);
  section.hidden = ["unpaired", "waiting", "ended"].includes(state.standing);
  if (section.hidden || subject) return;
  showCollections(state);
  const tab = await currentTab();
  if (tab?.id === undefined || tab.url === undefined) return refuse("This page cannot be saved.");
  const asked = new URLSearchParams(location.search);
  const only = asked.get("what") as What | null;
  subject = {
    ...{ tab: tab.id, url: tab.url, only: only ?? undefined, link: asked.get("url") ?? undefined },
    ...(await look(tab.id, tab.url)),
    verdict: await ask("judge", { url: tab.url }),
  };
  part("title", HTMLInputElement).value = subject.only === "link" ? (subject.link ?? "") : (tab.title ?? "");
  part("site", HTMLElement).textContent = subject.link ?? tab.url.replace(/^https?:\/\//, "").replace(/\/$/, "");
  showVerdict(subject);
}

/** Let the owner save, and say what holds for the site. */
export function startSave(): void {
  part("save-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const pressed = event.submitter;
    if (pressed instanceof HTMLButtonElement) void once(() => save(pressed.value as What)).catch(notice);
  });
  part("rule", HTMLSelectElement).addEventListener("change", () => void changeRule().catch(notice));
}

async function currentTab(): Promise<chrome.tabs.Tab | undefined> {
  const named = new URLSearchParams(location.search).get("tab");
  if (named !== null) return chrome.tabs.get(Number(named));
  return (await chrome.tabs.query({ active: true, currentWindow: true }))[0];
}

/** Look whether something is selected, and whether the tab shows a file. Where we may not look, its address tells. */
async function look(tab: number, url: string): Promise<{ selected: boolean; file: boolean }> {
  const func = () => ({
    selected: String(getSelection()).trim() !== "",
    file: document.contentType === "application/pdf",
  });
  try {
    const [answer] = await chrome.scripting.executeScript({ target: { tabId: tab }, func });
    if (answer?.result) return answer.result;
  } catch {
    // a page of the browser's own, or its viewer of files
  }
  return { selected: false, file: /^https?:.*\.pdf$/i.test(url.replace(/[?#].*$/s, "")) };
}

/** Offer the collections; where the vault cannot be asked, it will be the one that is usual when it is back. */
function showCollections({ collections, usual }: State): void {
  const names = collections.length === 0 ? [usual || USUAL] : collections;
  const options = names.map((name) => element("option", { value: name, selected: name === usual }, name));
  part("collection", HTMLSelectElement).replaceChildren(...options);
}

function showVerdict({ verdict, selected, file, only }: Subject): void {
  const never = verdict.rule === "never";
  const notice = part("verdict", HTMLElement);
  notice.hidden = !never && verdict.rule !== "ask";
  notice.textContent = never ? `Not saved: ${verdict.why}.` : "You asked to be asked on this site: Save is the answer.";
  part("save-form", HTMLElement).hidden = never;
  part("site-rule", HTMLDetailsElement).hidden = verdict.fixed;
  part("site-rule", HTMLDetailsElement).open ||= never && !verdict.fixed;
  part("rule", HTMLSelectElement).value = verdict.own ?? "";
  part("rule-label", HTMLElement).textContent = `Clicks on ${verdict.site}`;
  const page = part("save-page", HTMLButtonElement);
  page.value = file ? "file" : "page";
  page.textContent = file ? "Save PDF" : "Save page";
  page.hidden = only !== undefined && only !== page.value;
  part("save-selection", HTMLElement).hidden = !selected || (only !== undefined && only !== "selection");
  part("save-link", HTMLElement).hidden = only !== undefined && only !== "link";
}

function refuse(why: string): void {
  const notice = part("verdict", HTMLElement);
  notice.hidden = false;
  notice.textContent = why;
  part("save-form", HTMLElement).hidden = true;
  part("site-rule", HTMLElement).hidden = true;
}

async function changeRule(): Promise<void> {
  if (!subject) return;
  const { value } = part("rule", HTMLSelectElement);
  await ask("rule", { site: subject.verdict.site, ...(value === "" ? {} : { rule: value as Rule }) });
  subject = { ...subject, verdict: await ask("judge", { url: subject.url }) };
  showVerdict(subject);
}

/** Do one thing at a time. The buttons stay as they are: one that is switched off loses the focus of who pressed it. */
async function once(work: () => Promise<void>): Promise<void> {
  const form = part("save-form", HTMLElement);
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  try {
    await work();
  } finally {
    form.ariaBusy = "false";
  }
}

async function save(what: What): Promise<void> {
  if (!subject) return;
  const title = part("title", HTMLInputElement).value.trim();
  const labels = part("labels", HTMLInputElement)
    .value.split(",")
    .map((one) => one.trim());
  const order: Order = {
    id: crypto.randomUUID(),
    tab: subject.tab,
    what,
    collection: part("collection", HTMLSelectElement).value,
    labels: [...new Set(labels.filter((one) => one !== ""))],
    shown: true,
    ...(title === "" ? {} : { title }),
    ...(subject.link === undefined ? {} : { url: subject.link }),
  };
  tell(outcome(await ask("capture", order), order.collection));
}

/** Say what became of it, and who can see it now. */
function outcome(saved: Saved, collection: string): string {
  const parts = [
    saved.where === "queue"
      ? `Kept here: ${saved.why}. It is sent as soon as the vault is back.`
      : `Saved to ${collection}.`,
  ];
  if (saved.where === "vault") parts.push(audience(saved.seenBy));
  if (saved.hidden > 0) parts.push(`${saved.hidden} characters that the page hides from people were left out.`);
  if (saved.truncated) parts.push("The page is very long: only its first part was saved.");
  return parts.filter((part) => part !== "").join(" ");
}

function audience(clients: readonly string[] | null): string {
  if (clients === null) return "";
  if (clients.length === 0) return "No assistant can see it.";
  return `These live grants will see it: ${clients.join(", ")}.`;
}
