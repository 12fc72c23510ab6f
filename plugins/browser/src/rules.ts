/**
 * Which sites may be saved: the owner's rule for the site, else what its category says, else yes.
 *
 * Nothing is saved without a click; a rule says what a click may do. Pure but for `ruleFor` and below.
 */

import categories from "./categories.json";
import { answer, transaction } from "./database";

/** `ask` = a click in the popup saves, a click elsewhere first opens the popup. */
export type Rule = "allow" | "ask" | "never";

/** The owner's rule for a site and all beneath it. */
export interface SiteRule {
  readonly site: string;
  readonly rule: Rule;
}

/** What may be done with a page, why in plain words, and whether the owner may say otherwise. */
export interface Verdict {
  readonly rule: Rule;
  readonly site: string;
  readonly why: string;
  readonly fixed: boolean;
  /** The owner's own rule, where there is one for just this site. */
  readonly own?: Rule;
}

/** The vault's own pages: what they show came out of the vault. */
const OWN = "vault.localhost";

/** Return the verdict on an address, under the owner's rules. */
export function judge(address: string, rules: readonly SiteRule[]): Verdict {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol))
    return { rule: "never", site: "", why: "only web pages can be saved", fixed: true };
  const site = siteOf(url.hostname);
  if (site === OWN) return { rule: "never", site, why: "this is your vault itself", fixed: true };
  const own = ruleAmong(site, rules);
  if (own) {
    const said = { rule: own.rule, site, why: `you said "${own.rule}" for ${own.site}`, fixed: false };
    return own.site === site ? { ...said, own: own.rule } : said;
  }
  const category = categoryOf(site);
  return category
    ? { rule: "never", site, why: categories[category].why, fixed: false }
    : { rule: "allow", site, why: "", fixed: false };
}

/** Return what rules are kept under for a host: the host, without a leading www. */
export function siteOf(host: string): string {
  return host
    .toLowerCase()
    .replace(/\.$/, "")
    .replace(/^www\./, "");
}

function ruleAmong(site: string, rules: readonly SiteRule[]): SiteRule | undefined {
  return rules
    .filter((one) => site === one.site || site.endsWith(`.${one.site}`))
    .sort((one, other) => other.site.length - one.site.length)[0];
}

/** Return the category that a site falls in, undefined for none: by its name in the list, a word of it, or its place. */
export function categoryOf(site: string): keyof typeof categories | undefined {
  if (isInside(site)) return "intranet";
  const words = site
    .split(".")
    .slice(0, -1)
    .flatMap((label) => [label, ...label.split("-")]);
  for (const [name, { sites, words: known, endings }] of Object.entries(categories)) {
    const listed = sites.some((one) => site === one || site.endsWith(`.${one}`));
    const worded = words.some((word) => known.includes(word) || endings.some((end) => word.endsWith(end)));
    if (listed || worded) return name as keyof typeof categories;
  }
  return undefined;
}

/** Tell whether a host is of a house or a company: a bare name, a private or own address, a name only known inside. */
function isInside(site: string): boolean {
  if (site.startsWith("[")) return true;
  if (/^\d+\.\d+\.\d+\.\d+$/.test(site))
    return /^(0|10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(site);
  return (
    !site.includes(".") ||
    /\.(local|localhost|internal|intranet|corp|lan|home|private)$|(^|\.)(home\.arpa|fritz\.box)$/.test(site)
  );
}

/** Return the owner's rules, by site. */
export async function siteRules(): Promise<readonly SiteRule[]> {
  const rules: SiteRule[] = await transaction(["rules"], "readonly", (within) =>
    answer(within.objectStore("rules").getAll()),
  );
  return rules.sort((one, other) => one.site.localeCompare(other.site));
}

/** Keep the owner's rule for a site; undefined takes it back. */
export function setRule(site: string, rule: Rule | undefined): Promise<void> {
  return transaction(["rules"], "readwrite", async (within) => {
    const rules = within.objectStore("rules");
    if (rule === undefined) rules.delete(site);
    else rules.put({ site, rule });
  });
}
