// The timeline of the log: the numbers of the table below it, stacked. To drag over it is to ask for that time.

import uPlot from "./vendor/uplot/uPlot.esm.js";

const HEIGHT = 240;
const DAY = 86_400;

const plot = document.querySelector("[data-plot]");
const reading = document.querySelector("[data-reading]");
const table = document.querySelector("[data-numbers] table");

if (plot && table) draw(read(table));

for (const form of document.querySelectorAll("form[data-busy]")) {
  const button = form.querySelector("button");
  const words = button.textContent;
  const say = (busy) => {
    button.setAttribute("aria-busy", String(busy));
    button.textContent = busy ? form.dataset.busy : words;
  };
  form.addEventListener("submit", () => say(true));
  addEventListener("pageshow", () => say(false)); // the browser may show this page again as it was left
}

/** What the table says: its bands, and of each row its name, its time, and a number for each band. */
function read(table) {
  const bands = [...table.tHead.querySelectorAll("[data-ink]")].map((one) => ({ name: one.textContent, ink: one.dataset.ink }));
  const slots = [...table.tBodies[0].rows].map((row) => ({
    name: row.cells[0].textContent,
    start: Number(row.cells[0].dataset.start),
    end: Number(row.cells[0].dataset.end),
    numbers: [...row.cells].slice(1).map((cell) => Number(cell.textContent)),
  }));
  return { bands, slots };
}

/** Each band with all that lie under it, so that bars drawn from the highest to the lowest show as a stack. */
function stacked({ bands, slots }) {
  const heights = slots.map(({ numbers }) => numbers.map((_, at) => numbers.slice(0, at + 1).reduce((sum, one) => sum + one, 0)));
  return bands.map((_, at) => heights.map((height) => height[at])).reverse();
}

function draw(data) {
  const { bands, slots } = data;
  const style = getComputedStyle(document.documentElement);
  const probe = document.createElement("span");
  plot.append(probe);
  const colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const axis = () => ({ stroke: () => colour("--dim"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false },
    font: `12px ${style.fontFamily}` });
  const chart = new uPlot(
    {
      width: plot.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 8 } },
      scales: { x: { time: true, range: [slots[0].start, slots.at(-1).end] }, y: { range: (_, __, most) => [0, Math.max(1, most * 1.05)] } },
      axes: [{ ...axis(), space: 64, values: (_, marks, __, ___, step) => marks.map((mark) => told(mark, step)) }, { ...axis(), size: 56, incrs: [1, 2, 5].flatMap((n) => [...Array(9).keys()].map((e) => n * 10 ** e)).sort((a, b) => a - b),
        values: (_, marks) => marks.map((mark) => mark.toLocaleString("en")) }],
      series: [
        {},
        ...[...bands].reverse().map(({ name, ink }) => ({
          label: name,
          fill: () => colour(`--c${ink}`),
          width: 0,
          points: { show: false },
          paths: uPlot.paths.bars({ size: [0.86, 56], align: 1 }),
        })),
      ],
      hooks: {
        setCursor: [(self) => tell(data, self.posToVal(self.cursor.left, "x"), self.cursor.left)],
        setSelect: [(self) => ask(data, self.posToVal(self.select.left, "x"), self.posToVal(self.select.left + self.select.width, "x"), self.select.width)],
      },
    },
    [slots.map(({ start }) => start), ...stacked(data)],
    plot,
  );
  chart.root.setAttribute("role", "img");
  chart.root.setAttribute("aria-label", "Entries over time, stacked. The table below has the same numbers.");
  new ResizeObserver(() => chart.setSize({ width: plot.clientWidth, height: HEIGHT })).observe(plot);
  for (const change of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(change).addEventListener("change", () => chart.redraw(false));
  }
  reading.hidden = false;
  tell(data, NaN, -1);
}

/** A moment on the axis: the hour, the day, or the month, whichever is as fine as the marks are apart. */
function told(seconds, step) {
  const at = new Date(seconds * 1000);
  if (step < DAY && (at.getHours() || at.getMinutes())) return at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  return at.toLocaleDateString("en-GB", step < 28 * DAY ? { day: "numeric", month: "short" } : { month: "short", year: "numeric" });
}

/** Say in words what stands under the pointer. */
function tell({ bands, slots }, at, left) {
  const slot = left < 0 ? undefined : slots.find(({ start, end }) => start <= at && at < end);
  const each = slot?.numbers.map((number, i) => (number ? `${bands[i].name} ${number.toLocaleString("en")}` : "")).filter(Boolean);
  reading.textContent = slot ? `${slot.name}: ${each.join(", ") || "nothing"}` : "Point at a bar for its numbers; drag to see the entries of a time.";
}

/** Ask for the entries of the slots that were dragged over. */
function ask({ slots }, from, to, width) {
  if (width < 8) return;
  const over = slots.filter(({ start, end }) => start < to && from < end);
  if (!over.length) return;
  const place = new URL(location.href);
  place.searchParams.delete("before");
  place.searchParams.set("since", clock(over[0].start));
  place.searchParams.set("until", clock(over.at(-1).end));
  place.hash = "entries";
  location.assign(place);
}

/** A time as the form's own field has it: on this machine's clock, to the minute. */
function clock(seconds) {
  const at = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
