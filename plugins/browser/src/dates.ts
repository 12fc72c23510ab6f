/** Times for people, in the words of their browser. */

/** Return the day of an ISO 8601 time, "" for none. */
export function day(time: string | null): string {
  return said(time, { dateStyle: "medium" });
}

/** Return the day and the minute of an ISO 8601 time. */
export function minute(time: string | null): string {
  return said(time, { dateStyle: "medium", timeStyle: "short" });
}

function said(time: string | null, how: Intl.DateTimeFormatOptions): string {
  const at = Date.parse(time ?? "");
  return Number.isNaN(at) ? "" : new Intl.DateTimeFormat(undefined, how).format(at);
}
