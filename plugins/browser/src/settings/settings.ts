/** The settings: the pairing and its end, the owner's rules for sites, and what holds without one. */

import categories from "../categories.json";
import { element, part } from "../dom";
import { ask } from "../messages";
import { type Rule, type SiteRule, siteOf } from "../rules";

const RULES: Readonly<Record<Rule, string>> = { allow: "saved at a click", ask: "asked first", never: "never saved" };

function tell(text: string): void {
  part("notice", HTMLElement).textContent = text;
}

function failed(error: unknown): void {
  tell(error instanceof Error ? error.message : String(error));
}

async function showVault(): Promise<void> {
  const { standing, address } = await ask("state", {});
  const paired = standing !== "unpaired" && standing !== "waiting";
  part("vault", HTMLElement).textContent = paired
    ? `Paired with the vault at ${address}.`
    : "This browser is not paired. Open the extension by its button to pair it.";
  part("unpair", HTMLElement).hidden = !paired;
  part("sure", HTMLElement).hidden = true;
}

async function showRules(): Promise<void> {
  part("rules", HTMLElement).replaceChildren(...(await ask("rules", {})).map(ruleRow));
}

function ruleRow({ site, rule }: SiteRule): HTMLElement {
  const remove = () => void setRule(site, undefined).then(() => part("site", HTMLElement).focus(), failed);
  const button = element(
    "button",
    { type: "button", class: "small", click: remove, "aria-label": `Remove the rule for ${site}` },
    "Remove",
  );
  return element("li", {}, element("span", {}, element("strong", {}, site), `: ${RULES[rule]}`), button);
}

async function setRule(site: string, rule: Rule | undefined): Promise<void> {
  await ask("rule", { site, ...(rule === undefined ? {} : { rule }) });
  await showRules();
}

function showKinds(): void {
  const kinds = Object.entries(categories).map(([name, { why }]) =>
    element("li", {}, element("strong", {}, name), `: ${why}.`),
  );
  part("kinds", HTMLElement).replaceChildren(...kinds);
}

/** Return the site that was typed, as an address or a name; undefined when it is none. */
function typedSite(): string | undefined {
  const typed = part("site", HTMLInputElement).value.trim();
  const url = URL.parse(typed.includes("://") ? typed : `http://${typed}`);
  return typed === "" || url === null || url.hostname === "" ? undefined : siteOf(url.hostname);
}

async function unpair(): Promise<void> {
  const { revoked } = await ask("unpair", {});
  tell(
    revoked
      ? "Unpaired. The vault ended all that this browser was granted."
      : "Unpaired here. The vault could not be told: end this browser there, with `ownvault extension unpair`.",
  );
  await showVault();
}

part("rule-form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const site = typedSite();
  if (site === undefined) return tell("Type the name of a site, like example.org.");
  tell("");
  part("site", HTMLInputElement).value = "";
  void setRule(site, part("rule", HTMLSelectElement).value as Rule).catch(failed);
});
part("unpair", HTMLElement).addEventListener("click", () => {
  part("sure", HTMLElement).hidden = false;
  part("keep", HTMLElement).focus();
});
part("keep", HTMLElement).addEventListener("click", () => {
  part("sure", HTMLElement).hidden = true;
  part("unpair", HTMLElement).focus();
});
part("unpair-now", HTMLElement).addEventListener("click", () => void unpair().catch(failed));
showKinds();
Promise.all([showVault(), showRules()])
  .catch(failed)
  .finally(() => document.body.setAttribute("data-shown", ""));
