/** What waits for the owner: a card for each request, with who asks, why, and which records would leave. */

import { day, minute } from "../dates";
import { counted, element } from "../dom";
import { ask, Problem } from "../messages";
import type { Line, Wish } from "../panel/shapes";
import { notice, tell } from "./notice";

const SHOWN_RECORDS = 5;
const HOUR = 3600;

/** How the owner can answer here. */
type Said = "once" | "hour" | "deny";

/** Show the requests that wait, nothing where none does or where this browser may not decide. */
export async function showRequests(place: HTMLElement): Promise<void> {
  const requests = await waiting();
  const named = requests.map(({ id }) => id).join(" ");
  if (place.dataset.shown === named) return; // somebody may be in the middle of reading them
  place.dataset.shown = named;
  if (requests.length === 0) place.replaceChildren();
  else {
    const title = element("h2", { tabindex: "-1" }, `${counted(requests.length, "request")} waiting for your answer`);
    place.replaceChildren(title, ...requests.map((wish) => card(wish, place)));
  }
}

async function waiting(): Promise<readonly Wish[]> {
  try {
    return await ask("wishes", {});
  } catch (error) {
    if (error instanceof Problem && error.code === "not_allowed") return []; // this right was not given
    throw error;
  }
}

function card(wish: Wish, place: HTMLElement): HTMLElement {
  const why =
    wish.purpose === "" ? [] : [element("p", { dir: "auto" }, "Its grant is for: ", element("q", {}, wish.purpose))];
  return element(
    "article",
    { class: "card request", "data-request": wish.id, "aria-labelledby": `wish-${wish.id}` },
    element("h3", { id: `wish-${wish.id}`, dir: "auto" }, ...headline(wish)),
    ...why,
    ...(wish.decidable ? [records(wish.records), ...decide(wish, place)] : inConsole(wish, place)),
    element("p", { class: "quiet" }, `Denied by itself at ${minute(wish.expires)}.`),
  );
}

function headline({ client, action, query }: Wish): (Node | string)[] {
  const deed =
    {
      search: "asks to search",
      read: "asks to read a record",
      count: "asks for a number",
      request_access: "asks for access",
      add: "asks to add",
    }[action] ?? `asks to ${action}`;
  return [`${client} ${deed}`, ...(query === "" ? [] : [" ", element("q", {}, query)])];
}

function records(lines: readonly Line[]): HTMLElement {
  const first = element("ul", { class: "lines" }, ...lines.slice(0, SHOWN_RECORDS).map(line));
  const rest = lines.slice(SHOWN_RECORDS);
  const more =
    rest.length === 0
      ? []
      : [
          element(
            "details",
            {},
            element("summary", {}, `and ${counted(rest.length, "record")} more`),
            element("ul", { class: "lines" }, ...rest.map(line)),
          ),
        ];
  return element("div", {}, element("p", {}, `${counted(lines.length, "record")} would leave:`), first, ...more);
}

function line({ title, collection, date, sensitivity }: Line): HTMLElement {
  const from = [collection, day(date), sensitivity].filter((one) => one !== "").join(" · ");
  return element(
    "li",
    {},
    element("span", { class: "name", dir: "auto" }, title || "(untitled)"),
    " ",
    element("span", { class: "quiet", dir: "auto" }, from),
  );
}

/** What is sensitive, a number, or a wish for new access is decided where the passphrase is asked for. */
function inConsole(wish: Wish, place: HTMLElement): HTMLElement[] {
  const count = wish.count > 0 ? `${counted(wish.count, "record")} would leave. ` : "";
  const console = element(
    "a",
    { class: "button first", href: wish.place, target: "_blank", rel: "noreferrer" },
    "Look in the console",
  );
  return [
    element("p", {}, `${count}This is decided in the console.`),
    element("div", { class: "row" }, console, answer(wish, "deny", "Deny", place)),
  ];
}

function decide(wish: Wish, place: HTMLElement): HTMLElement[] {
  const narrower = narrowing(wish);
  const buttons = element(
    "div",
    { class: "row" },
    answer(wish, "once", "Once", place, narrower.chosen),
    answer(wish, "hour", "For an hour", place, narrower.chosen),
    answer(wish, "deny", "Deny", place),
  );
  return [...narrower.parts, buttons];
}

type Narrower = () => readonly string[] | undefined;

function answer(
  wish: Wish,
  said: Said,
  words: string,
  place: HTMLElement,
  narrower: Narrower = () => undefined,
): HTMLElement {
  const button = element(
    "button",
    { type: "button", class: { once: "first", hour: "", deny: "bad" }[said], "aria-describedby": `wish-${wish.id}` },
    words,
  );
  button.addEventListener("click", () => void send(wish, said, narrower(), place).catch(notice));
  return button;
}

/** Fewer than asked, by collection. Nothing at all is no narrower answer but a denial, so one always stays chosen. */
function narrowing(wish: Wish): { parts: HTMLElement[]; chosen: Narrower } {
  const names = [...new Set(wish.records.map(({ collection }) => collection))].sort();
  if (names.length < 2) return { parts: [], chosen: () => undefined };
  const boxes = names.map((name) => element("input", { type: "checkbox", value: name, checked: true }));
  const lines = boxes.map((box) => {
    const count = wish.records.filter(({ collection }) => collection === box.value).length;
    return element("label", { class: "choice", dir: "auto" }, box, `${box.value}, ${counted(count, "record")}`);
  });
  for (const box of boxes) {
    box.addEventListener("change", () => {
      if (boxes.every((one) => !one.checked)) box.checked = true;
    });
  }
  const parts = [
    element(
      "details",
      {},
      element("summary", {}, "Narrower"),
      element("fieldset", {}, element("legend", {}, "Only from"), ...lines),
    ),
  ];
  return {
    parts,
    chosen: () =>
      boxes.every((one) => one.checked) ? undefined : boxes.filter((one) => one.checked).map((one) => one.value),
  };
}

async function send(
  wish: Wish,
  said: Said,
  collections: readonly string[] | undefined,
  place: HTMLElement,
): Promise<void> {
  for (const button of place.querySelectorAll<HTMLButtonElement>("button")) button.disabled = true;
  const filter = collections === undefined ? {} : { filter: { collections } };
  const approval = said === "hour" ? { lasting: "while", seconds: HOUR } : { lasting: "once" };
  try {
    await ask(
      "decide",
      said === "deny"
        ? { request: wish.id, verdict: "deny" }
        : { request: wish.id, verdict: "approve", ...approval, ...filter },
    );
    tell(
      {
        once: `${wish.client} may, this once.`,
        hour: `${wish.client} may, for an hour.`,
        deny: `${wish.client} was told no.`,
      }[said],
    );
  } finally {
    delete place.dataset.shown; // also where nothing changed: its buttons are to work again
    await showRequests(place);
    goOn(place);
  }
}

/** The button that had the focus is gone: go on at what is left, or where it is told what became of it. */
function goOn(place: HTMLElement): void {
  const next = place.querySelector<HTMLElement>("h2") ?? document.getElementById("notice");
  next?.setAttribute("tabindex", "-1");
  next?.focus();
}
