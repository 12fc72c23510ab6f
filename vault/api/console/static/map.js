// The map's page: gets the points, draws what is seen of them, and answers pointer and keys.
// Drawing itself: plot.js. Which points are near: nearby.js. Both know nothing of the page.

import { part, place } from "./frame.js";
import { Nearby } from "./nearby.js";
import { mark, Plot, SHAPES } from "./plot.js";

const one = (name) => document.querySelector(`[data-${name}]`);
const canvas = one("canvas");
const NAMED = 200; // points that are named at once
const REST = 120; // milliseconds of a resting pointer before names are asked for
const AGAIN = 500; // milliseconds between two looks whether the map is drawn
const CLOSEST = 0.6; // of the sheet's width that the smallest view still shows, divided by the zoom
const FARTHEST = 200;

let atlas, plot, nearby;
let names = new Map(); // point -> { id, title, kind, date }
let asking = null;
let waiting = 0;
const view = { x: 0.5, y: 0.5, zoom: 1 }; // the middle, and how much closer than the whole map

one("map").hidden = false;
start().catch(() => (one("status").textContent = "The map did not come: is the vault unlocked, and are you signed in?"));

async function start() {
  let told = await checked(part("/map/atlas"));
  while (told.status === 202) {
    await new Promise((go) => setTimeout(go, AGAIN));
    told = await checked(part("/map/atlas"));
  }
  atlas = await told.json();
  const bytes = await (await checked(part(`/map/points/${atlas.tag}`))).arrayBuffer();
  if (!atlas.size || !bytes.byteLength) {
    one("status").textContent = atlas.size ? "The map was drawn anew: load this page again." : "There is nothing to draw yet.";
    return;
  }
  const x = new Uint16Array(bytes, 0, atlas.size);
  const y = new Uint16Array(bytes, atlas.size * 2, atlas.size);
  const codes = new Uint8Array(bytes, atlas.size * 4, atlas.size);
  plot = new Plot(canvas, { x, y, codes, regions: atlas.regions });
  nearby = new Nearby(x, y);
  legend();
  regions();
  colours();
  listen();
  tell();
  redraw();
}

async function checked(answer) {
  const got = await answer;
  if (!got.ok) throw new Error(String(got.status));
  return got;
}

function tell() {
  const some = atlas.size < atlas.records ? `every ${Math.ceil(atlas.records / atlas.size)}th of ` : "";
  const seen = plot.shade ? `${plot.shaded.toLocaleString("en")} of ${atlas.size.toLocaleString("en")} points can be seen by this grant` : `${some}${atlas.records.toLocaleString("en")} records`;
  one("count").textContent = `${seen}.`;
  one("status").textContent = "";
}

// ---------------------------------------------------------------- legend and list

function legend() {
  const rows = atlas.collections.map((name, code) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    Object.assign(box, { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      plot.shown[code] = box.checked ? 1 : 0;
      redraw();
    });
    const drawn = document.createElement("canvas");
    Object.assign(drawn, { width: 14, height: 14, className: `mark-of c${(code % SHAPES) + 1}` });
    drawn.setAttribute("aria-hidden", "true");
    const said = document.createElement("bdi");
    said.textContent = name;
    label.append(box, drawn, said);
    return label;
  });
  one("legend").append(...rows);
}

function colours() {
  const shown = getComputedStyle(canvas.parentElement);
  const probe = (name) => {
    const made = document.createElement("span");
    made.className = name;
    canvas.parentElement.append(made);
    const found = getComputedStyle(made).color;
    made.remove();
    return found;
  };
  const series = Array.from({ length: SHAPES }, (_, n) => probe(`c${n + 1}`));
  plot.colours({ series, ground: shown.backgroundColor, faint: probe("dim"), ink: shown.color, font: shown.fontFamily });
  for (const [code, drawn] of document.querySelectorAll(".mark-of").entries()) mark(drawn, code, series[code % SHAPES]);
}

function regions() {
  const list = one("regions");
  one("unlisted")?.remove();
  if (!list.children.length) list.append(...atlas.regions.map(region));
  for (const button of list.querySelectorAll("[data-show]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const { x, y } = atlas.regions[Number(button.dataset.show)];
      Object.assign(view, { x, y, zoom: Math.max(view.zoom, 5) });
      redraw();
      canvas.scrollIntoView({ block: "nearest" });
      canvas.focus({ preventScroll: true });
      middle();
    });
  }
}

function region({ words, records, collections }, at) {
  const card = document.createElement("li");
  card.className = "card";
  const title = document.createElement("h3");
  title.textContent = words.join(", ") || "various";
  const held = Object.entries(collections);
  const said = document.createElement("p");
  said.textContent = `${records.toLocaleString("en")} ${records === 1 ? "record" : "records"}: ${held.slice(0, 3).map(([name, number]) => `${name} ${number.toLocaleString("en")}`).join(", ")}${held.length > 3 ? ", others" : ""}`;
  const deeds = document.createElement("p");
  deeds.className = "buttons";
  const show = document.createElement("button");
  Object.assign(show, { type: "button", className: "slim", textContent: "Show" });
  show.dataset.show = at;
  const search = document.createElement("a");
  Object.assign(search, { className: "button slim", textContent: "Search", href: `${place}/data/search?${new URLSearchParams({ q: words.join(" ") })}` });
  search.setAttribute("aria-label", `Search for ${words.join(", ")}`);
  deeds.append(show, search);
  card.append(title, said, deeds);
  return card;
}

// ---------------------------------------------------------------- drawing

function redraw() {
  if (waiting) return;
  waiting = requestAnimationFrame(() => {
    waiting = 0;
    const began = performance.now();
    plot.draw(view);
    canvas.dataset.frame = (performance.now() - began).toFixed(2);
    canvas.dataset.frames = Number(canvas.dataset.frames ?? 0) + 1;
  });
}

function zoomed(by, at = { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 }) {
  const before = plot.there(view, at.x, at.y);
  view.zoom = Math.min(FARTHEST, Math.max(CLOSEST, view.zoom * by));
  const after = plot.there(view, at.x, at.y);
  view.x += before.x - after.x;
  view.y += before.y - after.y;
  kept();
}

function moved(x, y) {
  const scale = plot.scale(view);
  view.x += x / scale;
  view.y += y / scale;
  kept();
}

function kept() {
  view.x = Math.min(1.1, Math.max(-0.1, view.x));
  view.y = Math.min(1.1, Math.max(-0.1, view.y));
  hide();
  redraw();
}

function whole() {
  Object.assign(view, { x: 0.5, y: 0.5, zoom: 1 });
  kept();
}

// ---------------------------------------------------------------- pointer and keys

function listen() {
  new ResizeObserver(redraw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours(); redraw(); });
  one("in").addEventListener("click", () => zoomed(1.6));
  one("out").addEventListener("click", () => zoomed(1 / 1.6));
  one("all").addEventListener("click", whole);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomed(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), { x: event.offsetX, y: event.offsetY });
  }, { passive: false });
  pointers();
  canvas.addEventListener("keydown", keyed);
  const grants = one("grant");
  grants.disabled = false;
  grants.addEventListener("change", () => shade(grants.value));
}

function pointers() {
  const down = new Map();
  let travelled = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    travelled = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = down.get(event.pointerId);
    const here = { x: event.offsetX, y: event.offsetY };
    if (!last) return hover(here);
    if (down.size === 2) {
      const other = [...down].find(([id]) => id !== event.pointerId)[1];
      const apart = (point) => Math.hypot(point.x - other.x, point.y - other.y);
      zoomed(apart(here) / Math.max(1, apart(last)), { x: (here.x + other.x) / 2, y: (here.y + other.y) / 2 });
    } else moved(last.x - here.x, last.y - here.y);
    travelled += Math.hypot(here.x - last.x, here.y - last.y);
    down.set(event.pointerId, here);
    canvas.classList.toggle("moving", travelled > 4);
  });
  const up = (event) => {
    if (down.delete(event.pointerId) && event.type === "pointerup" && travelled <= 4) open(found(event.offsetX, event.offsetY));
    canvas.classList.remove("moving");
  };
  for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, up);
  canvas.addEventListener("pointerleave", hide);
}

function keyed(event) {
  const step = Math.min(canvas.clientWidth, canvas.clientHeight) / 8;
  const deeds = {
    ArrowLeft: () => moved(-step, 0), ArrowRight: () => moved(step, 0), ArrowUp: () => moved(0, -step), ArrowDown: () => moved(0, step),
    "+": () => zoomed(1.4), "=": () => zoomed(1.4), "-": () => zoomed(1 / 1.4), 0: whole,
    Enter: () => open(found(canvas.clientWidth / 2, canvas.clientHeight / 2, 80)),
  };
  const deed = event.ctrlKey || event.metaKey || event.altKey ? null : deeds[event.key];
  if (!deed) return;
  event.preventDefault();
  deed();
  if (event.key !== "Enter") middle();
}

/** Show and say which record is in the middle, for who moves by keys. */
function middle() {
  hover({ x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 }, 80);
}

// ---------------------------------------------------------------- names

function found(x, y, within = 12) {
  const at = plot.there(view, x, y);
  return nearby.nearest(at.x * 65535, at.y * 65535, (within / plot.scale(view)) * 65535, (point) => plot.visible(point));
}

let resting = 0;

function hover({ x, y }, within) {
  const point = found(x, y, within);
  canvas.classList.toggle("hit", point >= 0);
  clearTimeout(resting);
  plot.hot = point;
  redraw();
  if (point < 0) return hide();
  if (names.has(point)) return tip(point);
  resting = setTimeout(async () => { if (await named(point)) tip(point); }, REST);
}

/** Learn the names of a point and of those around it. */
async function named(point) {
  if (names.has(point)) return true;
  await asking;
  if (names.has(point)) return true;
  const around = nearby.around(point, NAMED).filter((one) => !names.has(one));
  asking = part(`/map/spots/${atlas.tag}?at=${around.join(",")}`).then(async (answer) => {
    if (answer.ok) for (const spot of await answer.json()) names.set(spot.point, spot);
    else one("status").textContent = "The vault has changed since: load this page again for the new map.";
  }, () => {});
  await asking;
  return names.has(point);
}

function tip(point) {
  if (plot.hot !== point) return;
  const { title, kind, date } = names.get(point);
  const shown = one("tip");
  const about = document.createElement("span");
  about.textContent = [atlas.collections[plot.codes[point]] ?? "others", kind, date].filter(Boolean).join(" · ");
  const said = document.createElement("bdi");
  said.textContent = title || "(untitled)";
  shown.replaceChildren(said, about);
  shown.hidden = false;
  const at = plot.here(view, point);
  const left = Math.min(at.x + 12, canvas.clientWidth - shown.offsetWidth - 4);
  const top = at.y + 12 + shown.offsetHeight > canvas.clientHeight ? at.y - 12 - shown.offsetHeight : at.y + 12;
  shown.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  if (document.activeElement === canvas) one("status").textContent = `${title || "untitled"}, ${about.textContent}`;
}

function hide() {
  one("tip").hidden = true;
  if (plot) plot.hot = -1;
}

async function open(point) {
  if (point >= 0 && (await named(point))) location.assign(`${place}/data/records/${names.get(point).id}`);
}

// ---------------------------------------------------------------- as a grant sees it

async function shade(grant) {
  if (!grant) plot.shade = null;
  else {
    const answer = await part(`/map/shade/${encodeURIComponent(grant)}`);
    if (!answer.ok || answer.headers.get("X-Vault-Map") !== atlas.tag) {
      one("status").textContent = answer.ok ? "The vault has changed since: load this page again for the new map." : "That grant is no more.";
      return;
    }
    plot.shaded = 0;
    const bits = new Uint8Array(await answer.arrayBuffer());
    plot.shade = Uint8Array.from({ length: atlas.size }, (_, n) => (bits[n >> 3] >> (n & 7)) & 1);
    plot.shaded = plot.shade.reduce((sum, bit) => sum + bit, 0);
  }
  tell();
  redraw();
}
