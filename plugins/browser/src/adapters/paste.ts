/** The way that always works: the owner copies the conversation and pastes it here. */

import { type Conversation, MOST_LETTERS, MOST_TURNS, type Turn } from "./engine";
import { withoutInserted } from "./inserted";
import { type Pack, ROLES, type Role } from "./pack";

const NAMES: Readonly<Record<Role, readonly string[]>> = {
  user: ["You said:", "You:", "User:", "Me:"],
  assistant: ["Assistant:", "AI:"],
  system: ["System:"],
};

/** Return the conversation that a pasted text is. A text in which nobody is named is one turn of the owner's. */
export function readPasted(text: string, title: string, address: string, pack: Pack | undefined): Conversation {
  const names = ROLES.flatMap((role) =>
    [...(pack?.said[role] ?? []), ...NAMES[role]].map((name) => ({ role, name: name.toLowerCase() })),
  );
  const parts: { role: Role; lines: string[] }[] = [];
  let fenced = false;
  for (const line of text.slice(0, MOST_LETTERS).split(/\r?\n/)) {
    const start = fenced ? undefined : names.find(({ name }) => line.trim().toLowerCase().startsWith(name));
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced; // code may hold any word
    if (start) parts.push({ role: start.role, lines: [line.trim().slice(start.name.length).trim()] });
    else if (parts.length > 0) parts.at(-1)?.lines.push(line);
    else if (line.trim() !== "") parts.push({ role: "user", lines: [line] });
  }
  return conversation(parts.slice(0, MOST_TURNS), title, address, pack);
}

function conversation(
  parts: readonly { role: Role; lines: string[] }[],
  title: string,
  address: string,
  pack: Pack | undefined,
): Conversation {
  const owns = parts.map(({ role, lines }) => ({ role, own: withoutInserted(lines.join("\n")) }));
  const turns: Turn[] = owns
    .map(({ role, own }) => ({ role, text: own.text, time: "", model: "" }))
    .filter(({ text }) => text !== "");
  const one = turns.length > 0 && new Set(turns.map((turn) => turn.role)).size === 1;
  return {
    adapter: pack?.name ?? "pasted",
    version: pack?.version ?? 0,
    id: "",
    title: title.replace(/\s+/g, " ").trim().slice(0, 500),
    address,
    turns,
    left: owns.reduce((sum, { own }) => sum + own.taken, 0),
    health:
      turns.length === 0
        ? { state: "failed", why: "nothing was pasted" }
        : one
          ? { state: "doubtful", why: "the text names only one speaker" }
          : { state: "good", why: "" },
  };
}
