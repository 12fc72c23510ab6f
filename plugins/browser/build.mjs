/**
 * Build the extension for both browsers from one source: node build.mjs
 *
 *   --out DIR     where to (default: built)
 *   --hosts A,B   sites that the result may read without asking: for tests, as a browser's own question
 *                 cannot be answered without a screen
 *   --tests       instead, bundle test/*.test.ts into DIR/tests
 *
 * The same source and lock file give the same bytes.
 */

import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const BROWSERS = ["chromium", "firefox"];
/** What is put into a page on a click: each file whole, as such scripts cannot import. */
const INJECTED = ["src/capture/extract.ts", "src/adapters/conversation.ts"];
const COMMON = {
  absWorkingDir: HERE,
  bundle: true,
  charset: "utf8",
  legalComments: "eof",
  logLevel: "warning",
  target: ["chrome126", "firefox142"],
};

/**
 * Readability writes markup in two places. It never does here: one keeps a copy of the page for a second attempt, the
 * other unwraps <noscript>, of which we leave none. So that no `innerHTML` is set in what we ship, both are replaced.
 */
const PATCHES = [
  ["var pageCacheHtml = page.innerHTML;", "var pageCacheHtml = page.cloneNode(true);"],
  ["page.innerHTML = pageCacheHtml;", "page.replaceChildren(...pageCacheHtml.cloneNode(true).childNodes);"],
  ["tmp.innerHTML = noscript.innerHTML;", "tmp.append(noscript.cloneNode(true));"],
];
const withoutMarkup = {
  name: "without-markup",
  setup(building) {
    building.onLoad({ filter: /Readability\.js$/ }, async ({ path }) => {
      let contents = await readFile(path, "utf8");
      for (const [before, after] of PATCHES) {
        if (contents.split(before).length !== 2) throw new Error(`Readability has changed: ${before}`);
        contents = contents.replace(before, () => after);
      }
      return { contents, loader: "js" };
    });
  },
};

const { values } = parseArgs({
  options: { out: { type: "string" }, hosts: { type: "string" }, tests: { type: "boolean" } },
});
const out = values.out ?? join(HERE, "built");

if (values.tests) await buildTests(join(out, "tests"));
else for (const browser of BROWSERS) await buildExtension(browser, join(out, browser), values.hosts?.split(",") ?? []);

/** A page is a folder of src with an .html in it; its script and style have the same name. */
async function pages() {
  const folders = (await readdir(join(HERE, "src"), { withFileTypes: true })).filter((one) => one.isDirectory());
  const found = [];
  for (const { name } of folders) {
    for (const file of await readdir(join(HERE, "src", name)))
      if (file.endsWith(".html")) found.push(`${name}/${file}`);
  }
  return found.sort();
}

async function buildExtension(browser, to, hosts) {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  const html = await pages();
  const own = [`.${browser}.ts`, ".ts", ".mjs", ".js", ".json"]; // where a browser is special: name.firefox.ts
  const common = { ...COMMON, outdir: to, entryNames: "[name]", resolveExtensions: own };
  const scripts = ["src/background.ts", ...html.map((page) => `src/${page.replace(/html$/, "ts")}`)];
  await build({ ...common, entryPoints: scripts, format: "esm" });
  await build({ ...common, entryPoints: INJECTED, format: "iife", plugins: [withoutMarkup] });
  for (const page of html) {
    for (const file of [page, page.replace(/html$/, "css")])
      await cp(join(HERE, "src", file), join(to, file.split("/")[1]));
  }
  await cp(join(HERE, "src", "look.css"), join(to, "look.css"));
  await cp(join(HERE, "src", "icons"), join(to, "icons"), { recursive: true });
  await writeFile(join(to, "manifest.json"), `${JSON.stringify(await manifest(browser, hosts), null, 2)}\n`);
  await writeFile(join(to, "licences.txt"), await licences());
}

async function manifest(browser, hosts) {
  const [common, own] = await Promise.all(["manifest.json", `manifest.${browser}.json`].map(json));
  const merged = { ...common, ...own };
  return { ...merged, host_permissions: [...merged.host_permissions, ...hosts] };
}

async function json(name) {
  return JSON.parse(await readFile(join(HERE, name), "utf8"));
}

/** The licences of what is bundled, as they demand. */
async function licences() {
  const { dependencies } = await json("package.json");
  const parts = [];
  for (const [name, version] of Object.entries(dependencies)) {
    const folder = join(HERE, "node_modules", name);
    const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
    if (!file) throw new Error(`${name} has no licence file`);
    parts.push(`${name} ${version}\n\n${(await readFile(join(folder, file), "utf8")).trim()}\n`);
  }
  return parts.join(`\n${"-".repeat(80)}\n\n`);
}

async function buildTests(to) {
  await rm(to, { recursive: true, force: true });
  const files = (await readdir(join(HERE, "test"))).filter((one) => one.endsWith(".test.ts")).sort();
  const entryPoints = files.map((one) => `test/${one}`);
  await build({
    ...COMMON,
    entryPoints,
    outdir: to,
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    target: "node20",
    packages: "external",
  });
}
