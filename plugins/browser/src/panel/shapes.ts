/** What the vault answers the panel and the cards. SPEC.md §5 to §7. */

/** A hit: the passage that answers, and where it comes from. */
export interface Hit {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly collection: string;
  readonly source: string;
  readonly date: string | null;
  /** Somebody else than the owner wrote it. */
  readonly untrusted: boolean;
}

/** A release to a site, recorded; with what is released. */
export interface Release {
  readonly release: string;
  readonly site: string;
  readonly hits: readonly Hit[];
}

/** A record as a request names it. */
export interface Line {
  readonly id: string;
  readonly title: string;
  readonly collection: string;
  readonly date: string | null;
  readonly sensitivity: string;
}

/** A request that waits for the owner. What is not `decidable` here is denied here at most, and else in the console. */
export interface Wish {
  readonly id: string;
  readonly client: string;
  readonly purpose: string;
  readonly action: string;
  readonly query: string;
  readonly count: number;
  readonly created: string;
  readonly expires: string;
  readonly decidable: boolean;
  readonly records: readonly Line[];
  /** Where in the console. */
  readonly place: string;
}

/** What a site's assistant has had, as far as this browser may know it, and by which ways it gets more. */
export interface Seen {
  readonly site: string;
  readonly blocked: boolean;
  readonly clients: readonly { readonly client: string; readonly way: "insert" | "grant"; readonly live: boolean }[];
  readonly records: readonly (Omit<Line, "sensitivity"> & { readonly times: number; readonly last: string })[];
  /** Records besides these, that this browser may not know. */
  readonly others: number;
}
