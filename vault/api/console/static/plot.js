// Points on a canvas, written pixel by pixel into one image: without a graphics card 100,000 of them take a few
// milliseconds, a tenth of what rectangles, paths or WebGL take (bench/atlas.py). Each series has a colour and, from some
// size on, a shape.

export const SHAPES = 8;
const DENSE = 20_000; // points from which on a single one is drawn faintly, so that many in one place show
const LABELS = 16;

/** Bitmaps of the shapes, 7 by 7: circle, square, triangle, diamond, plus, cross, ring, bar. */
const STAMPS = [
  ["  ###  ", " ##### ", "#######", "#######", "#######", " ##### ", "  ###  "],
  ["       ", " ##### ", " ##### ", " ##### ", " ##### ", " ##### ", "       "],
  ["   #   ", "   #   ", "  ###  ", "  ###  ", " ##### ", " ##### ", "#######"],
  ["   #   ", "  ###  ", " ##### ", "#######", " ##### ", "  ###  ", "   #   "],
  ["  ###  ", "  ###  ", "#######", "#######", "#######", "  ###  ", "  ###  "],
  ["##   ##", "### ###", " ##### ", "  ###  ", " ##### ", "### ###", "##   ##"],
  ["  ###  ", " ## ## ", "##   ##", "##   ##", "##   ##", " ## ## ", "  ###  "],
  ["       ", "       ", "#######", "#######", "#######", "       ", "       "],
].map((rows) => rows.flatMap((row, y) => [...row].flatMap((dot, x) => (dot === "#" ? [[x - 3, y - 3]] : []))));

/** Draw a series' mark on a small canvas. */
export function mark(canvas, code, colour) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = colour;
  for (const [x, y] of STAMPS[code % SHAPES]) context.fillRect((x + 3) * 2, (y + 3) * 2, 2, 2);
}

export class Plot {
  /** `x`, `y` from 0 to 65535 and `codes`, one for each point; `regions` have a place from 0 to 1 and words. */
  constructor(canvas, { x, y, codes, regions }) {
    Object.assign(this, { canvas, x, y, codes, regions });
    this.context = canvas.getContext("2d", { alpha: false });
    this.shown = new Uint8Array(256).fill(1); // by code
    this.shade = null; // or for each point whether it stands out
    this.shaded = 0;
    this.hot = -1;
  }

  colours({ series, ground, faint, ink, font }) {
    const background = rgb(ground);
    this.ground = packed(background);
    this.series = Uint32Array.from({ length: 256 }, (_, code) => packed(rgb(series[code % SHAPES])));
    this.faint = packed(rgb(faint).map((value, n) => Math.round(background[n] * 0.5 + value * 0.5)));
    Object.assign(this, { ink, groundColour: ground, font });
  }

  /** Pixels of the page that the map's whole width takes. */
  scale({ zoom }) {
    return Math.min(this.canvas.clientWidth, this.canvas.clientHeight) * zoom;
  }

  /** Return the place of the map under a pixel of the canvas, and the reverse for a point. */
  there(view, x, y) {
    const scale = this.scale(view);
    return { x: view.x + (x - this.canvas.clientWidth / 2) / scale, y: view.y + (y - this.canvas.clientHeight / 2) / scale };
  }

  here(view, point) {
    return this.at(view, this.x[point] / 65535, this.y[point] / 65535);
  }

  at(view, x, y) {
    const scale = this.scale(view);
    return { x: (x - view.x) * scale + this.canvas.clientWidth / 2, y: (y - view.y) * scale + this.canvas.clientHeight / 2 };
  }

  visible(point) {
    return this.shown[this.codes[point]] === 1 && (!this.shade || this.shade[point] === 1);
  }

  draw(view) {
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.image?.width !== width || this.image?.height !== height) {
      Object.assign(this.canvas, { width, height });
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.pixels.fill(this.ground);
    const scale = (this.scale(view) * ratio) / 65535;
    const left = width / 2 - view.x * 65535 * scale;
    const top = height / 2 - view.y * 65535 * scale;
    const size = this.size(view.zoom) * ratio;
    const faint = Math.max(1, Math.round(Math.min(2, size / 2)));
    if (this.shade) this.each(scale, left, top, 0, (x, y) => this.square(x, y, faint, this.faint, false));
    if (size >= 5 * ratio) this.each(scale, left, top, 1, (x, y, code) => this.stamp(x, y, code, Math.round(ratio)));
    else {
      const dense = this.x.length >= DENSE && view.zoom < 4;
      this.each(scale, left, top, 1, (x, y, code) => this.square(x, y, Math.round(size), this.series[code], dense));
    }
    this.context.putImageData(this.image, 0, 0);
    this.words(view, ratio);
    this.ring(view, ratio);
  }

  size(zoom) {
    const crowd = this.x.length < 2_000 ? 4 : this.x.length < DENSE ? 2.5 : 1.5;
    return Math.min(7, crowd * Math.sqrt(zoom) + (this.x.length < 2_000 ? 1 : 0));
  }

  /** Call back for every point that is shown and on the canvas; `bright` says which side of the shade. */
  each(scale, left, top, bright, drawn) {
    const { x, y, codes, shown, shade } = this;
    const { width, height } = this.image;
    for (let n = 0; n < x.length; n++) {
      const code = codes[n];
      if (!shown[code] || (shade !== null && shade[n] !== bright)) continue;
      const across = (x[n] * scale + left) | 0;
      const down = (y[n] * scale + top) | 0;
      if (across >= 8 && down >= 8 && across < width - 16 && down < height - 16) drawn(across, down, code);
    }
  }

  square(x, y, size, colour, dense) {
    const { pixels } = this;
    const { width } = this.image;
    for (let row = 0, at = y * width + x; row < size; row++, at += width)
      for (let column = 0; column < size; column++)
        pixels[at + column] = dense ? (((pixels[at + column] >>> 1) & 0x7f7f7f7f) + ((colour >>> 1) & 0x7f7f7f7f)) | 0xff000000 : colour;
  }

  stamp(x, y, code, times) {
    for (const [across, down] of STAMPS[code % SHAPES]) this.square(x + across * times, y + down * times, times, this.series[code], false);
  }

  /** Write what the regions are about, the largest first, where there is room. */
  words(view, ratio) {
    const { context, canvas } = this;
    const taken = [];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = `600 13px ${this.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    for (const region of this.regions.slice(0, LABELS)) {
      const words = region.words.slice(0, view.zoom < 2 ? 2 : 3).join(" · ");
      const { x, y } = this.at(view, region.x, region.y);
      const half = context.measureText(words).width / 2 + 6;
      const box = [x - half, y - 11, x + half, y + 11];
      const clash = taken.some((one) => box[0] < one[2] && one[0] < box[2] && box[1] < one[3] && one[1] < box[3]);
      if (!words || clash || box[0] < 0 || box[1] < 0 || box[2] > canvas.clientWidth || box[3] > canvas.clientHeight) continue;
      taken.push(box);
      context.strokeStyle = this.groundColour;
      context.lineWidth = 4;
      context.strokeText(words, x, y);
      context.fillStyle = this.ink;
      context.fillText(words, x, y);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  ring(view, ratio) {
    if (this.hot < 0) return;
    const { x, y } = this.here(view, this.hot);
    this.context.strokeStyle = this.ink;
    this.context.lineWidth = 2 * ratio;
    this.context.beginPath();
    this.context.arc(x * ratio, y * ratio, 8 * ratio, 0, 2 * Math.PI);
    this.context.stroke();
  }
}

/** Return red, green and blue of a computed colour, `rgb(…)` or `color(srgb …)`. */
function rgb(colour) {
  const parts = colour.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0];
  return parts.slice(0, 3).map((value) => Math.round(colour.startsWith("color(") ? value * 255 : value));
}

const packed = ([red, green, blue]) => ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0; // little endian
