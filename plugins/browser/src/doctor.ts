/**
 * Why the vault cannot be reached, and what to do: from what can be seen, one cause, by one table.
 *
 * Pure. What is seen comes from `Evidence`, which the worker gathers.
 */

/** How far the clocks may lie apart before the vault refuses what this browser signs, in seconds. */
export const CLOCK_SECONDS = 60;

/**
 * What answers at an address. `stranger` = a program that is no vault. Of a hello, `own` = signed by the pinned key.
 * A locked vault has no key to sign with, so `locked` is what anybody there could say.
 */
export type Answer =
  | { readonly kind: "none" }
  | { readonly kind: "stranger" }
  | { readonly kind: "locked" }
  | { readonly kind: "hello"; readonly own: boolean; readonly version: string; readonly time: number };

/** What can be seen from here. Times are seconds since 1970. */
export interface Evidence {
  readonly address: string;
  /** The browser lets the extension reach this computer. */
  readonly allowed: boolean;
  readonly paired: boolean;
  /** The extension's version. It and the vault fit when the first two numbers are the same. */
  readonly version: string;
  readonly now: number;
  readonly answer: Answer;
  /** Where else a vault answers: the one this browser is paired with, or any before it is paired. */
  readonly elsewhere?: string;
  /** What the vault said when this browser showed its key; undefined when it was not asked. */
  readonly refusal?: string;
}

export type Cause =
  | "fine"
  | "permission"
  | "off"
  | "wrong_port"
  | "stranger"
  | "impostor"
  | "vault_older"
  | "vault_newer"
  | "unpaired"
  | "clock"
  | "locked"
  | "ended"
  | "refused";

/** What a click can do about it. */
export type Step = "allow" | "move" | "pair" | "again";

/** The cause in a few words, what it means, what to do, and a command to type where there is one. */
export interface Diagnosis {
  readonly cause: Cause;
  readonly title: string;
  readonly meaning: string;
  readonly remedy: string;
  readonly command?: string;
  readonly step: Step;
  /** The owner can say at which other port the vault is. */
  readonly movable: boolean;
  /** Where a step leads to: the address at which the vault was found. */
  readonly address?: string;
}

/** The codes by which the vault, or our own worker after it, says that it knows this browser no more. */
const ENDED: ReadonlySet<string> = new Set(["pairing_over", "token_refused", "unpaired"]);

/** Return the cause. The first that holds is told: what comes later cannot be judged before it is gone. */
export function diagnose(seen: Evidence): Diagnosis {
  const { answer } = seen;
  if (!seen.allowed) return told(seen, "permission");
  if (answer.kind === "none" || answer.kind === "stranger") return told(seen, lost(seen));
  if (answer.kind === "locked") return told(seen, "locked");
  if (seen.paired && !answer.own) return told(seen, "impostor"); // whatever else it says is not the vault's word
  const older = age(answer.version) - age(seen.version);
  if (older !== 0) return told(seen, older < 0 ? "vault_older" : "vault_newer");
  if (!seen.paired) return told(seen, "unpaired");
  if (Math.abs(answer.time - seen.now) > CLOCK_SECONDS) return told(seen, "clock");
  if (seen.refusal === undefined) return told(seen, "fine");
  return told(seen, ENDED.has(seen.refusal) ? "ended" : "refused");
}

/** Nobody is there, or a stranger; perhaps a vault is elsewhere. Before a browser is paired any vault may be its own. */
function lost({ answer, elsewhere, paired }: Evidence): Cause {
  if (elsewhere !== undefined) return paired ? "wrong_port" : "unpaired";
  return answer.kind === "none" ? "off" : "stranger";
}

/** The first two numbers of a version as one that can be compared. */
function age(version: string): number {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major * 10_000 + minor;
}

type Words = Omit<Diagnosis, "cause" | "movable" | "address">;

const MOVABLE: ReadonlySet<Cause> = new Set(["off", "stranger", "impostor"]);

function told(seen: Evidence, cause: Cause): Diagnosis {
  const found = { cause, ...WORDS[cause](seen), movable: seen.paired && MOVABLE.has(cause) };
  return cause === "wrong_port" && seen.elsewhere !== undefined ? { ...found, address: seen.elsewhere } : found;
}

const WORDS: Readonly<Record<Cause, (seen: Evidence) => Words>> = {
  fine: () => ({
    title: "All is well",
    meaning: "Your vault answers, and knows this browser.",
    remedy: "",
    step: "again",
  }),
  permission: () => ({
    title: "The browser does not let the extension reach this computer",
    meaning: "The permission for 127.0.0.1 was taken away, so no vault can be reached.",
    remedy: "Allow it here, or under the extension's site access in your browser.",
    step: "allow",
  }),
  off: ({ address, paired }) => ({
    title: "No vault is running",
    meaning: `Nothing answers at ${address}. ${paired ? "What you save is kept here until it does." : "This browser is not paired yet."}`,
    remedy: `Start it. If it runs at another port, say which ${paired ? "below" : "when you pair"}.`,
    command: "ownvault serve",
    step: "again",
  }),
  wrong_port: ({ address, elsewhere }) => ({
    title: "Your vault runs at another port",
    meaning: `It is not at ${address}, but a vault answers at ${elsewhere}.`,
    remedy: "Use that port from now on.",
    step: "move",
  }),
  stranger: ({ address }) => ({
    title: "Another program uses the vault's port",
    meaning: `What answers at ${address} is no vault. Nothing was sent to it.`,
    remedy: "End that program, or start the vault at another port and say which below.",
    command: "ownvault serve --port 7118",
    step: "again",
  }),
  impostor: ({ address }) => ({
    title: "This is not your vault",
    meaning: `Something at ${address} says it is a vault, but it cannot prove that it is the one you paired with. Nothing was sent to it.`,
    remedy: "See which program has the port. If you have made a new vault there yourself, unpair here and pair anew.",
    command: "ownvault status",
    step: "again",
  }),
  vault_older: ({ version, answer }) => ({
    title: "The vault is older than this extension",
    meaning: `The vault is version ${spoken(answer)}, the extension ${version}. They may not understand each other.`,
    remedy: "Update the vault, then start it again.",
    command: "pip install --upgrade ownvault",
    step: "again",
  }),
  vault_newer: ({ version, answer }) => ({
    title: "This extension is older than the vault",
    meaning: `The vault is version ${spoken(answer)}, the extension ${version}. They may not understand each other.`,
    remedy: "The vault brings the right one along: load the extension again from the folder that this command names.",
    command: "ownvault extension path",
    step: "again",
  }),
  unpaired: ({ address, elsewhere }) => ({
    title: "This browser is not paired",
    meaning: `Your vault is there, at ${elsewhere ?? address}, but does not know this browser yet.`,
    remedy: "Pair it: you compare three words here and in the vault.",
    step: "pair",
  }),
  clock: ({ answer, now }) => ({
    title: "The clocks do not agree",
    meaning: `The vault's clock is ${apart(answer, now)} this browser's, so it takes what is sent for old or not yet due.`,
    remedy: "Set the computer's clock right, best by letting it set itself, and start the vault again.",
    step: "again",
  }),
  locked: () => ({
    title: "Your vault is locked",
    meaning: "It is there, and opens nothing until you unlock it. What you save is kept here until then.",
    remedy: "Unlock it with your passphrase, in the console or a terminal.",
    command: "ownvault unlock",
    step: "again",
  }),
  ended: () => ({
    title: "The vault has ended this pairing",
    meaning: "Somebody unpaired this browser in the vault. It may not do anything there any more.",
    remedy: "If that was you, and you want it back: pair anew. What waits here is kept.",
    step: "pair",
  }),
  refused: ({ refusal }) => ({
    title: "The vault refuses",
    meaning: `It answered: ${refusal}.`,
    remedy: "See what it has written down.",
    command: "ownvault audit",
    step: "again",
  }),
};

function spoken(answer: Answer): string {
  return answer.kind === "hello" ? answer.version : "?";
}

function apart(answer: Answer, now: number): string {
  const seconds = Math.round(answer.kind === "hello" ? answer.time - now : 0);
  const [length, unit] = [
    [86400, "day"] as const,
    [3600, "hour"] as const,
    [60, "minute"] as const,
    [1, "second"] as const,
  ].find(([size]) => Math.abs(seconds) >= size) ?? [1, "second"];
  const count = Math.round(Math.abs(seconds) / length);
  return `${count} ${unit}${count === 1 ? "" : "s"} ${seconds < 0 ? "behind" : "ahead of"}`;
}
