/** The badge: how much waits here, and whether something waits for the owner. Colour is never all it says. */

import { list } from "./queue";

const WAITING = "#8a4b00";
const ASKED = "#1f6f5c";

let requests = 0;

/** Note how many requests wait for the owner; they come before what waits to be sent. */
export async function noteRequests(count: number): Promise<void> {
  requests = count;
  await showBadge();
}

/** Show on the button what waits. */
export async function showBadge(): Promise<void> {
  const waiting = (await list()).length;
  const text = requests > 0 ? `?${requests}` : waiting > 0 ? String(waiting) : "";
  await chrome.action.setBadgeText({ text: text.length > 4 ? "99+" : text });
  await chrome.action.setBadgeBackgroundColor({ color: requests > 0 ? ASKED : WAITING });
  await chrome.action.setTitle({ title: title(requests, waiting) });
}

function title(asked: number, waiting: number): string {
  const parts = [
    asked > 0 ? `${asked} waiting for your answer` : "",
    waiting > 0 ? `${waiting} waiting to be sent` : "",
  ];
  return ["ownvault", ...parts.filter((part) => part !== "")].join(", ");
}
