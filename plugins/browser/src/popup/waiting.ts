/** What waits to be sent: a list with a way to send and a way to delete. */

import { counted, element, part, size } from "../dom";
import { ask } from "../messages";
import type { Item } from "../queue";
import { notice } from "./notice";

/** Show what waits; nothing of it where nothing does. */
export function showWaiting(items: readonly Item[]): void {
  part("waiting-part", HTMLElement).hidden = items.length === 0;
  const refused = items.filter(({ problem }) => problem !== undefined).length;
  part("waiting-title", HTMLElement).textContent =
    refused === items.length
      ? `${counted(refused, "item")} refused`
      : `${counted(items.length, "item")} waiting for your vault`;
  part("retry-all", HTMLElement).hidden = refused === items.length;
  part("waiting", HTMLElement).replaceChildren(...items.map(row));
}

/** Let the owner send all of it now. */
export function startWaiting(): void {
  part("retry-all", HTMLElement).addEventListener("click", () => void ask("retry", {}).then(showWaiting).catch(notice));
}

function row(item: Item): HTMLElement {
  const name = item.title || item.url;
  const discard = () => void ask("discard", { id: item.id }).then(left).catch(notice);
  const retry = () => void ask("retry", { id: item.id }).then(left).catch(notice);
  const buttons = element("span", { class: "row" });
  if (item.problem !== undefined)
    buttons.append(
      element(
        "button",
        { type: "button", class: "small", click: retry, "aria-label": `Try again: ${name}` },
        "Try again",
      ),
    );
  buttons.append(
    element("button", { type: "button", class: "small", click: discard, "aria-label": `Delete: ${name}` }, "Delete"),
  );
  const when = new Date(item.captured).toLocaleString([], { dateStyle: "short", timeStyle: "short" });
  return element(
    "li",
    {},
    element("span", { class: "name", dir: "auto", title: name }, name),
    buttons,
    element("span", { class: "quiet" }, `${item.kind}, ${when}, ${size(item.bytes)}`),
    ...(item.problem === undefined ? [] : [element("span", { class: "problem" }, `Refused: ${item.problem}`)]),
  );
}

/** Show what is left, and put the focus where the person can go on. */
function left(items: readonly Item[]): void {
  showWaiting(items);
  (
    document.querySelector<HTMLElement>("#waiting-part:not([hidden]) button:not([hidden])") ??
    part("save-page", HTMLElement)
  ).focus();
}
