/**
 * The two lines that stand around what came out of the vault, so that it is not taken in again as somebody's words.
 * SPEC.md §6; the vault does the same with what it is sent.
 *
 *     [from my vault: 2 records, release 1f0c9a7724be51d0]
 *     …
 *     [end of release 1f0c9a7724be51d0]
 */

const ID = "[0-9a-f]{8,64}";
// A chat page may turn a line's end into any space, and a writer of Markdown may escape the brackets.
const START = String.raw`\\?\[from\s+my\s+vault:\s+\d+\s+records?,\s+release\s+(${ID})\\?\]`;
const END = String.raw`\\?\[end\s+of\s+release\s+\1\\?\]`;

/** What is left of a text, and how many insertions were taken out of it. */
export interface Own {
  readonly text: string;
  readonly taken: number;
  /** An insertion had no end, so the rest of the text went with it. */
  readonly cut: boolean;
}

/** Return the text as it is put into a page. `id` is the release's, as the vault recorded it. */
export function asInserted(text: string, records: number, id: string): string {
  if (!new RegExp(`^${ID}$`).test(id)) throw new Error("this is no release of a vault");
  // A record could pretend that the insertion ends, and so have its words taken in as the owner's.
  const calm = text.replace(/\[(?=\s*(?:from\s+my\s+vault|end\s+of\s+release))/g, "(");
  return `[from my vault: ${records} record${records === 1 ? "" : "s"}, release ${id}]\n${calm.trim()}\n[end of release ${id}]\n`;
}

/** Return what a text holds besides what the vault had put in. */
export function withoutInserted(text: string): Own {
  const start = new RegExp(START, "g");
  const kept: string[] = [];
  let [at, taken, cut] = [0, 0, false];
  for (let found = start.exec(text); found; found = start.exec(text)) {
    kept.push(text.slice(at, found.index));
    taken += 1;
    const end = new RegExp(END.replace("\\1", found[1] ?? ""), "g");
    end.lastIndex = start.lastIndex;
    cut = end.exec(text) === null;
    at = cut ? text.length : end.lastIndex;
    if (cut) break;
    start.lastIndex = at;
  }
  kept.push(text.slice(at));
  return {
    text: kept
      .join("")
      .replace(/\n{3,}/g, "\n\n")
      .trim(),
    taken,
    cut,
  };
}
