/** What the worker does for the panel and the cards: all that needs the network, the key or the badge. */

import { noteRequests } from "../badge";
import { keep } from "../capturing";
import { type Asks, type Handlers, Problem, type Saved } from "../messages";
import { judge, siteRules } from "../rules";
import { call, pairing } from "../vault";
import type { Wish } from "./shapes";

const ALARM = "requests";
const EVERY_MINUTES = 0.5;

/** The handlers of what only this folder's views ask. */
export const forViews: Pick<Handlers, "conversation" | "wishes" | "decide"> = {
  conversation,
  wishes,
  decide: async (said) => {
    await call("decide", said);
    await wishes();
    return null;
  },
};

/** Look from time to time whether something waits for the owner. Called once, as the worker starts. */
export function watchRequests(): void {
  chrome.alarms.onAlarm.addListener(({ name }) => {
    if (name === ALARM) void wishes().catch(() => noteRequests(0)); // no vault, no requests: the doctor says why
  });
  void keepWatching();
}

/** An alarm that is set anew each time a worker starts would never ring. */
async function keepWatching(): Promise<void> {
  if (!(await chrome.alarms.get(ALARM))) await chrome.alarms.create(ALARM, { periodInMinutes: EVERY_MINUTES });
}

/** Return what waits for the owner, and show how much it is on the button. */
async function wishes(): Promise<readonly Wish[]> {
  const own = await pairing();
  if (own?.refresh === undefined || own.ended) return [];
  const { requests } = await call<{ requests: readonly Wish[] }>("requests", {});
  await noteRequests(requests.length);
  const console = own.address.replace("127.0.0.1", "vault.localhost");
  return requests.map((wish) => ({ ...wish, place: console + wish.place }));
}

/** Save a conversation that its owner has looked at. */
async function conversation({ id, conversation, collection, labels }: Asks<"conversation">): Promise<Saved> {
  const { adapter, version, id: thread, turns, title, address } = conversation;
  const { rule, why } = judge(address, await siteRules());
  if (rule === "never") throw new Problem("forbidden", `Not saved: ${why}.`, "You can change the rule for this site.");
  if (turns.length === 0) throw new Problem("empty", "There is nothing in it.");
  const said = { adapter, version, id: thread, turns };
  const captured = new Date().toISOString();
  return keep(id, {
    key: id,
    kind: "conversation",
    url: address,
    captured,
    collection,
    title,
    labels,
    conversation: said,
  });
}
