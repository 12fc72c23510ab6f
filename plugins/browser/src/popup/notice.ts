/** The one place at the top of the popup where something is said. */

import { part } from "../dom";
import { Problem } from "../messages";

/** Say something; `warn` and `bad` are not told apart by colour alone, but by what is said. */
export function tell(text: string, kind: "good" | "warn" | "bad" = "good"): void {
  const place = part("notice", HTMLElement);
  place.className = `notice ${kind}`;
  place.textContent = text;
  place.hidden = false;
}

/** Say what went wrong. */
export function notice(error: unknown): void {
  const hint = error instanceof Problem && error.hint !== "" ? ` ${sentence(error.hint)}` : "";
  tell(sentence(error instanceof Error ? error.message : String(error)) + hint, "bad");
}

function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
