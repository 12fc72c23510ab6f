// Import by drop or by button: files go to the vault part by part, then the page looks on until they are in.

import { part, place, send } from "./frame.js";

const PART = 4 << 20; // bytes of one request: well below what the server takes at once
const LOOK = 400; // milliseconds between two looks
const KINDS = [
  ["markdown", /\.(md|markdown|mdown|mkd|mdx|qmd|rmd)$/i],
  ["mbox", /\.(mbox|eml|mbx)$/i],
  ["jsonl", /\.jsonl(\.gz)?$/i],
  ["text", /\.(txt|text|log|org|rst|adoc|asciidoc|tex|csv|tsv|srt|vtt)$/i],
];

const form = document.querySelector("[data-import]");
const one = (name) => document.querySelector(`[data-${name}]`);
let files = []; // of { path, file }
let job = null;
let stopped = false;

if (form) {
  form.hidden = false;
  for (const input of [one("files"), one("folder")]) input.addEventListener("change", () => take(listed(input.files)));
  dropping(one("drop"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    bring().catch((error) => finished({ said: error.message, failures: [], new: 0 }));
  });
  form.importer.addEventListener("change", owners);
  one("stop").addEventListener("click", stop);
  undoing();
  owners();
}

function dropping(area) {
  for (const kind of ["dragenter", "dragover"])
    area.addEventListener(kind, (event) => { event.preventDefault(); area.classList.add("over"); });
  area.addEventListener("dragleave", () => area.classList.remove("over"));
  area.addEventListener("drop", async (event) => {
    event.preventDefault();
    area.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    take(entries.length ? (await Promise.all(entries.map(walked))).flat() : listed(event.dataTransfer.files));
  });
  // a file that misses the area must not replace the page
  for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());
}

const listed = (some) => [...some].map((file) => ({ path: file.webkitRelativePath || file.name, file }));

async function walked(entry) {
  if (entry.isFile) return [{ path: entry.fullPath.slice(1), file: await new Promise((yes, no) => entry.file(yes, no)) }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((yes, no) => reader.readEntries(yes, no)); // a hundred at a time
    if (!some.length) return found;
    for (const child of some) found.push(...(await walked(child)));
  }
}

function take(some) {
  files = some.filter(({ path }) => !path.split("/").some((name) => name.startsWith("."))); // as the importers do
  const counts = new Map();
  for (const { path } of files) for (const [kind, names] of KINDS) if (names.test(path)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const [kind] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (kind) form.importer.value = kind;
  if (!form.collection.value && files.length) form.collection.value = called(files[0].path);
  owners();
  tell();
}

const called = (path) => path.split("/")[0].replace(/(\.jsonl)?\.[^.]+$/, "").replace(/[^\p{L}\p{M}\p{N} ._@+\-'&()]/gu, "-").replace(/^[^\p{L}\p{N}]+/u, "").slice(0, 48).trim();

function owners() {
  one("owner").hidden = form.importer.value !== "mbox";
  tell();
}

function tell() {
  const size = files.reduce((sum, { file }) => sum + file.size, 0);
  const fits = KINDS.find(([kind]) => kind === form.importer.value)?.[1];
  const other = fits && files.length > 1 ? files.filter(({ path }) => !fits.test(path)).length : 0;
  one("list").textContent = files.length
    ? `${plural(files.length, "file")}, ${bytes(size)}.` + (other ? ` ${plural(other, "of them", "of them")} ${other === 1 ? "is" : "are"} of no kind that ${form.importer.value} reads.` : "")
    : "";
  one("go").disabled = !files.length;
}

async function bring() {
  stopped = false;
  form.hidden = true;
  one("progress").hidden = false;
  document.getElementById("going").focus();
  job = (await asked(send("/data/import/begin", new FormData(form)))).id;
  const total = files.reduce((sum, { file }) => sum + file.size, 0);
  let done = 0;
  for (const { path, file } of files) {
    let at = 0;
    do {
      if (stopped) return finished(await asked(part(`/data/import/${job}`)));
      const some = file.slice(at, at + PART);
      const said = new URLSearchParams({ path, at, modified: file.lastModified });
      await asked(send(`/data/import/${job}/part?${said}`, some));
      at += some.size;
      done += some.size;
      step(`Handing over ${path}: ${bytes(done)} of ${bytes(total)}`, total ? done / total : null);
    } while (at < file.size);
  }
  let state = await asked(send(`/data/import/${job}/go`, {}));
  while (state.stage === "running") {
    const kept = state.added + state.changed + state.unchanged;
    const most = state.expected ? Math.max(state.expected, kept) : null;
    step(`${plural(kept, "record")} ${most ? `of about ${most.toLocaleString("en")} ` : ""}in the vault${state.failed ? `, ${state.failed} failed` : ""}${stopped ? "; stopping" : ""}`, most ? kept / most : null);
    await new Promise((go) => setTimeout(go, LOOK));
    state = await asked(part(`/data/import/${job}`));
  }
  finished(state);
}

function step(said, share) {
  one("step").textContent = said;
  if (share === null) one("bar").removeAttribute("value");
  else one("bar").value = share;
}

async function stop() {
  stopped = true;
  step("Stopping: what was begun is finished first", null);
  if (job) await send(`/data/import/${job}/stop`, {});
}

function finished(state) {
  one("progress").hidden = true;
  one("result").hidden = false;
  const title = document.getElementById("result");
  title.textContent = { done: "Imported", stopped: "Stopped", undone: "Undone" }[state.stage] ?? "Not imported";
  title.focus();
  one("said").textContent = state.said;
  one("failures").replaceChildren(...state.failures.map(({ place: where, reason, hint }) => item(where, reason, hint)));
  if (state.collection && state.stage !== "undone") one("look").href = `${place}/data/collections/${encodeURIComponent(state.collection)}`;
  one("undo").hidden = !state.new;
  one("undo").textContent = `Undo: forget ${plural(state.new, "new record")}…`;
  one("sure-said").textContent = `${plural(state.new, "record")} that this import added will be forgotten for good. What it changed stays changed.`;
}

function item(where, reason, hint) {
  const shown = document.createElement("li");
  const name = document.createElement("strong");
  name.textContent = where;
  shown.append(name, `: ${reason}`);
  if (hint) {
    const more = document.createElement("span");
    more.className = "dim";
    more.textContent = ` (${hint})`;
    shown.append(more);
  }
  return shown;
}

function undoing() {
  const sure = one("sure");
  one("undo").addEventListener("click", () => sure.showModal());
  one("keep").addEventListener("click", () => sure.close());
  one("undo-now").addEventListener("click", async () => {
    sure.close();
    finished(await asked(send(`/data/import/${job}/undo`, { sure: "yes" })).catch((error) => ({ said: error.message, failures: [], new: 0 })));
  });
}

async function asked(answer) {
  const got = await answer;
  const told = got.headers.get("Content-Type")?.startsWith("application/json") ? await got.json() : {};
  if (got.ok && !told.problem) return told;
  throw new Error(told.problem ?? (got.status === 403 ? "You are signed out: sign in again, then import again." : `The vault answered ${got.status}.`));
}

const plural = (number, noun, many = `${noun}s`) => `${number.toLocaleString("en")} ${number === 1 ? noun : many}`;

function bytes(number) {
  for (const [name, unit] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) if (number >= unit) return `${(number / unit).toPrecision(3)} ${name}`;
  return plural(number, "byte");
}
