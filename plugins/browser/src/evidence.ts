/** Gathering what the doctor judges by: what the browser allows, what answers, and whether the vault knows us. */

import { type Answer, type Diagnosis, diagnose, type Evidence } from "./doctor";
import { Problem } from "./messages";
import { DEFAULT_ADDRESS, loopback } from "./pairing";
import { call, greet, keepPairing, type Pairing, pairing } from "./vault";

const LOOPBACK = "http://127.0.0.1/*";
/** Where a vault is looked for besides where it should be: the usual port and those that one would take next. */
const USUAL = [7117, 7118, 7119, 7120, 7121].map((port) => `http://127.0.0.1:${port}`);

/** Look for why the vault cannot be reached. Runs in the worker, which alone may use the network. */
export async function examine(): Promise<Diagnosis> {
  const own = await pairing();
  const paired = own?.refresh === undefined ? undefined : own;
  const address = own?.address ?? DEFAULT_ADDRESS;
  const allowed = await chrome.permissions.contains({ origins: [LOOPBACK] });
  const answer: Answer = allowed ? await answerAt(address, own?.serverKey) : { kind: "none" };
  const lost = allowed && (answer.kind === "none" || answer.kind === "stranger");
  const elsewhere = lost ? await search(address, own?.serverKey) : undefined;
  const refusal = answer.kind === "hello" && answer.own ? await refusalOf(paired) : undefined;
  const seen: Evidence = {
    ...{ address, allowed, paired: paired !== undefined, version: chrome.runtime.getManifest().version },
    ...{ now: Math.floor(Date.now() / 1000), answer },
    ...(elsewhere === undefined ? {} : { elsewhere }),
    ...(refusal === undefined ? {} : { refusal }),
  };
  return diagnose(seen);
}

/** The vault is at another port from now on. Throws Problem where the one there is not the one that is pinned. */
export async function move(typed: string): Promise<null> {
  const address = loopback(typed);
  const own = await pairing();
  if (!own) return null; // the popup asks for the address when it pairs
  const answer = await answerAt(address, own.serverKey);
  if (answer.kind === "hello" && !answer.own)
    throw new Problem("foreign", "The vault there is not the one you paired with.");
  await keepPairing({ ...own, address });
  return null;
}

/** Ask whoever is at an address who they are. */
async function answerAt(address: string, pinned: string | undefined): Promise<Answer> {
  try {
    const greeting = await greet(address, pinned);
    if (greeting.state === "locked") return { kind: "locked" };
    if (typeof greeting.version !== "string" || typeof greeting.time !== "number") return { kind: "stranger" };
    return { kind: "hello", own: greeting.own, version: greeting.version, time: greeting.time };
  } catch (error) {
    return { kind: error instanceof Problem && error.code === "unreachable" ? "none" : "stranger" };
  }
}

/** Return where else the pinned vault answers, or any vault while none is pinned. */
async function search(address: string, pinned: string | undefined): Promise<string | undefined> {
  const others = USUAL.filter((one) => one !== address);
  const answers = await Promise.all(others.map((one) => answerAt(one, pinned)));
  return others.find((_, at) => {
    const answer = answers[at];
    return answer?.kind === "hello" && answer.own;
  });
}

/** Return the code with which the vault refuses us, undefined where it does not. */
async function refusalOf(own: Pairing | undefined): Promise<string | undefined> {
  if (own === undefined) return undefined;
  if (own.ended) return "pairing_over";
  return call("adapters", {}).then(
    () => undefined,
    (error: unknown) => (error instanceof Problem ? error.code : "failed"),
  );
}
