// Which points are near a place: a grid of cells over the map, each with its points in a row.

const SIDE = 256; // cells
const WIDTH = 65536 / SIDE;

export class Nearby {
  constructor(x, y) {
    Object.assign(this, { x, y });
    const starts = new Uint32Array(SIDE * SIDE + 1);
    const cells = new Uint16Array(x.length);
    for (let n = 0; n < x.length; n++) starts[(cells[n] = cell(x[n], y[n])) + 1]++;
    for (let n = 0; n < SIDE * SIDE; n++) starts[n + 1] += starts[n];
    const next = starts.slice();
    const points = new Uint32Array(x.length);
    for (let n = 0; n < x.length; n++) points[next[cells[n]]++] = n;
    Object.assign(this, { starts, points });
  }

  /** Return the nearest point within a distance that is admitted, -1 for none. */
  nearest(x, y, within, admits) {
    let best = -1;
    let least = within * within;
    for (const point of this.within(x, y, within)) {
      const apart = (this.x[point] - x) ** 2 + (this.y[point] - y) ** 2;
      if (apart < least && admits(point)) [best, least] = [point, apart];
    }
    return best;
  }

  /** Return a point and at most so many in all of those that are nearest to it. */
  around(point, most) {
    const [x, y] = [this.x[point], this.y[point]];
    let found = [];
    for (let reach = WIDTH; found.length < most && reach < 65536; reach *= 2) found = [...this.within(x, y, reach)];
    const apart = (one) => (this.x[one] - x) ** 2 + (this.y[one] - y) ** 2;
    return [point, ...found.filter((one) => one !== point).sort((a, b) => apart(a) - apart(b))].slice(0, most);
  }

  *within(x, y, reach) {
    const edge = (value) => Math.min(SIDE - 1, Math.max(0, Math.floor(value / WIDTH)));
    for (let row = edge(y - reach); row <= edge(y + reach); row++)
      for (let column = edge(x - reach); column <= edge(x + reach); column++) {
        const at = row * SIDE + column;
        for (let n = this.starts[at]; n < this.starts[at + 1]; n++) yield this.points[n];
      }
  }
}

const cell = (x, y) => Math.floor(y / WIDTH) * SIDE + Math.floor(x / WIDTH);
