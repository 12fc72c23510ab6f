/** The adapter packs that the owner's vault serves. Each is checked here once more, as data from anywhere would be. */

import { FORMAT, type Pack, readPack } from "../adapters/pack";
import { ask } from "../messages";

let known: Promise<readonly Pack[]> | undefined;

/** Return the packs. One that is none is left out: the others are not the worse for it. */
export function packs(): Promise<readonly Pack[]> {
  known ??= load().catch((error: unknown) => {
    known = undefined;
    throw error;
  });
  return known;
}

async function load(): Promise<readonly Pack[]> {
  const said = (await ask("vault", { name: "adapters", body: {} })) as { format: string; packs: readonly unknown[] };
  return said.format === FORMAT ? said.packs.flatMap(read) : [];
}

function read(value: unknown): Pack[] {
  try {
    return [readPack(value)];
  } catch {
    return [];
  }
}
