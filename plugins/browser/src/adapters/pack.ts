/**
 * An adapter pack: where one assistant's chat page keeps its turns, told in selectors.
 *
 * Packs come from the owner's own vault as JSON. They are data: nothing in them runs. One that says anything that
 * is not known here is refused whole, so that a newer pack is never half understood.
 */

export const FORMAT = "ownvault-adapter/1";
export const ROLES = ["user", "assistant", "system"] as const;

const MOST_SELECTORS = 20;
const LONGEST = 300;

export type Role = (typeof ROLES)[number];

/** What a text is taken from: the first element that one of the selectors finds, or an attribute of it. */
export interface Place {
  readonly select: readonly string[];
  readonly attribute?: string;
}

/** A pack that has been read. Of a list of selectors the first that finds something is used. */
export interface Pack {
  readonly format: typeof FORMAT;
  readonly name: string;
  readonly title: string;
  readonly version: number;
  /** Hosts it is for, and all beneath them. */
  readonly hosts: readonly string[];
  /** What a conversation's address starts with, and after which its id comes. */
  readonly paths: readonly string[];
  /** The part of the page that holds the conversation and little else. */
  readonly root: readonly string[];
  readonly heading: Place;
  /** The turns, in the order of the page. */
  readonly turn: readonly string[];
  /** Whose turn it is: the turn is, or holds, what a selector finds. */
  readonly roles: Readonly<Record<Role, readonly string[]>>;
  /** The words of a turn, without what stands around them. All that are found, in the order of the page. */
  readonly body: readonly string[];
  readonly time: Place;
  readonly model: Place;
  /** What is no part of what was said: buttons, "You said:", reasoning that is folded away. */
  readonly leave: readonly string[];
  /** Where a code block tells its language. */
  readonly language: Place;
  /** The box in which the owner writes. */
  readonly box: readonly string[];
  /** How a copied conversation names who speaks, for when nothing above is found any more. */
  readonly said: Readonly<Record<Role, readonly string[]>>;
}

/** Why a pack is not used. */
export class BadPack extends Error {}

const LISTS = ["hosts", "paths", "root", "turn", "body", "leave", "box"] as const;
const PLACES = ["heading", "time", "model", "language"] as const;
const BY_ROLE = ["roles", "said"] as const;
const KEYS: ReadonlySet<string> = new Set(["format", "name", "title", "version", ...LISTS, ...PLACES, ...BY_ROLE]);

/** Return the pack that a JSON value is. Throws BadPack with the place that is wrong. */
export function readPack(value: unknown): Pack {
  const pack = object(value, "the pack");
  for (const key of Object.keys(pack)) if (!KEYS.has(key)) throw new BadPack(`${key.slice(0, 40)}: unknown key`);
  if (pack.format !== FORMAT) throw new BadPack(`format: only ${FORMAT} is known`);
  for (const key of ["name", "title"]) if (!isLine(pack[key])) throw new BadPack(`${key}: should be a short text`);
  if (!Number.isSafeInteger(pack.version) || (pack.version as number) < 1)
    throw new BadPack("version: should be 1 or more");
  for (const key of LISTS) list(pack[key], key);
  for (const key of PLACES) place(pack[key], key);
  for (const key of BY_ROLE) byRole(pack[key], key);
  for (const key of ["hosts", "turn", "body"]) {
    if ((pack[key] as unknown[]).length === 0) throw new BadPack(`${key}: must not be empty`);
  }
  return value as Pack;
}

/** Return the pack for an address, undefined where there is none. */
export function packFor(address: string, packs: readonly Pack[]): Pack | undefined {
  const host = URL.parse(address)?.hostname ?? "";
  return packs.find((pack) => pack.hosts.some((one) => host === one || host.endsWith(`.${one}`)));
}

function object(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new BadPack(`${where}: should be an object`);
  return value as Record<string, unknown>;
}

function list(value: unknown, where: string): void {
  if (!Array.isArray(value) || value.length > MOST_SELECTORS || !value.every(isLine))
    throw new BadPack(`${where}: should be a list of at most ${MOST_SELECTORS} short texts`);
}

function place(value: unknown, where: string): void {
  const { select, attribute, ...rest } = object(value, where);
  list(select, `${where}.select`);
  if (attribute !== undefined && !/^[a-z][a-z0-9-]{0,40}$/.test(String(attribute)))
    throw new BadPack(`${where}.attribute: should be an attribute's name`);
  // Attributes that hold code or what is not shown as text have nothing to tell.
  if (/^on|^srcdoc$/.test(String(attribute))) throw new BadPack(`${where}.attribute: is not text`);
  if (Object.keys(rest).length > 0) throw new BadPack(`${where}: unknown key`);
}

function byRole(value: unknown, where: string): void {
  const lists = object(value, where);
  if (Object.keys(lists).some((key) => !ROLES.includes(key as Role))) throw new BadPack(`${where}: unknown role`);
  for (const role of ROLES) list(lists[role], `${where}.${role}`);
}

function isLine(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= LONGEST;
}
