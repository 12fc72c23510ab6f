/** What the assistant of this site has had from the vault, and the one button that ends it. */

import { day, minute } from "../dates";
import { counted, element, part } from "../dom";
import { ask } from "../messages";
import { notice, tell } from "../popup/notice";
import type { Seen } from "./shapes";
import { type Page, pageBeside } from "./site";

/** Show what is known of the site beside the panel. */
export async function showSeen(): Promise<void> {
  const place = part("seen", HTMLElement);
  const page = await pageBeside();
  if (!page) {
    place.replaceChildren(
      element(
        "p",
        { class: "quiet" },
        "No site to tell about. Click the ownvault button on its page once, then look here again.",
      ),
    );
    return;
  }
  const seen = (await ask("vault", { name: "seen", body: { site: page.origin } })) as Seen;
  place.replaceChildren(heading(page, seen), access(page, seen), ...records(seen));
}

function heading(page: Page, { records, others }: Seen): HTMLElement {
  const count = records.length + others;
  const said =
    count === 0
      ? "Nothing of your vault."
      : `${counted(count, "record")} of your vault. What was seen cannot be unseen.`;
  return element("div", {}, element("h2", { tabindex: "-1" }, `What ${page.host} has seen`), element("p", {}, said));
}

function access(page: Page, { blocked, clients }: Seen): HTMLElement {
  const live = clients.filter((one) => one.live);
  if (blocked && live.length === 0)
    return element(
      "p",
      { class: "notice" },
      "Revoked: this browser inserts nothing here until you allow it again in the vault.",
    );
  const ways = live.map(({ client, way }) =>
    element(
      "li",
      { dir: "auto" },
      way === "insert"
        ? "What you insert here yourself."
        : `${client} has a grant of its own and asks the vault itself.`,
    ),
  );
  const none = element("p", {}, "Nothing, until you insert something.");
  const revoke = element("button", { type: "button", class: "bad" }, "Revoke now");
  revoke.addEventListener("click", () => confirm(page, revoke));
  return element(
    "div",
    { class: "card" },
    element("h3", {}, "What it can get from now on"),
    ways.length > 0 ? element("ul", {}, ...ways) : none,
    element("p", {}, revoke),
  );
}

/** Ask once more, in the place of the button: a click cannot give back what it ended. */
function confirm(page: Page, button: HTMLElement): void {
  const yes = element("button", { type: "button", class: "bad" }, "Yes, end it");
  const no = element("button", { type: "button" }, "Keep it");
  const question = element(
    "span",
    { class: "row", role: "group", "aria-label": `End all access of ${page.host}?` },
    yes,
    no,
  );
  button.replaceWith(question);
  yes.focus();
  no.addEventListener("click", () => {
    question.replaceWith(button);
    button.focus();
  });
  yes.addEventListener("click", () => void revoke(page).catch(notice));
}

async function revoke(page: Page): Promise<void> {
  const { revoked } = (await ask("vault", { name: "revoke-site", body: { site: page.origin } })) as {
    revoked: readonly string[];
  };
  const ended = revoked.length === 0 ? "It had no grant." : `Ended: ${revoked.join(", ")}.`;
  tell(`${page.host} gets nothing more. ${ended}`);
  await showSeen();
  part("seen", HTMLElement).querySelector("h2")?.focus();
}

function records({ records, others }: Seen): HTMLElement[] {
  const items = records.map(({ title, collection, date, times, last }) => {
    const from = [collection, day(date), `last seen ${minute(last)}`, times > 1 ? `${times} times` : ""];
    return element(
      "li",
      {},
      element("p", { class: "who", dir: "auto" }, title || "(untitled)"),
      element("p", { class: "quiet" }, from.filter((one) => one !== "").join(" · ")),
    );
  });
  if (others > 0)
    items.push(
      element(
        "li",
        { class: "quiet" },
        `and ${counted(others, "record")} that this browser may not see. The console tells which.`,
      ),
    );
  return items.length === 0
    ? []
    : [element("ol", { class: "list lined", "aria-label": "Records it has seen" }, ...items)];
}
