/** How it stands with the vault, found out anew each time it is asked. */

import { askCollections, remembered } from "./collections";
import { Problem, type Standing, type State } from "./messages";
import { DEFAULT_ADDRESS, lookForTokens } from "./pairing";
import { list } from "./queue";
import { deliver } from "./sending";
import { greet, type Pairing, pairing } from "./vault";

const DETAILS: Readonly<Record<Standing, string>> = {
  unpaired: "",
  waiting: "",
  open: "",
  locked: "Your vault is locked. What you save waits here until you unlock it.",
  away: "Your vault is not running. What you save waits here. Start it with: ownvault serve",
  foreign: "Something else answers where your vault should be. Nothing is sent to it.",
  ended: "The vault does not know this browser any more. Pair it again; what waits here is kept.",
};

/** Return the state. Sends what waits when the vault is there. */
export async function look(): Promise<State> {
  const first = await decided();
  const found = await standingOf(first);
  const collections = found === "open" ? await askCollections() : await remembered();
  if (found === "open") await deliver();
  const own = await pairing();
  const standing = own?.ended ? "ended" : found;
  return {
    ...{ standing, detail: DETAILS[standing], address: own?.address ?? DEFAULT_ADDRESS, rights: own?.rights ?? [] },
    ...{ collections: collections.collections, usual: collections.default, waiting: await list() },
    ...(standing === "waiting" && own?.open ? { words: own.open } : {}),
  };
}

async function decided(): Promise<Pairing | undefined> {
  const own = await pairing();
  return own?.open ? lookForTokens(own) : own;
}

async function standingOf(own: Pairing | undefined): Promise<Standing> {
  if (!own) return "unpaired";
  if (own.open) return "waiting";
  if (own.ended) return "ended";
  try {
    const greeting = await greet(own.address, own.serverKey);
    if (greeting.state === "locked") return "locked";
    return greeting.own ? "open" : "foreign";
  } catch (error) {
    if (error instanceof Problem) return error.code === "unreachable" ? "away" : "foreign";
    throw error;
  }
}
