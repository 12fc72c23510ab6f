"""The map of a vault: how long it takes to draw, and how long a frame of it takes without a graphics card.

`python -m bench.atlas [--records N]`. The vectors are mixed from some thousand real ones (see `bench.load`). A frame is
drawn by the console's own `plot.js` and, to compare, by rectangles, by paths and by WebGL; each waits for its pixels.
"""

from __future__ import annotations

import argparse
import base64
import random
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from bench.importing import note
from bench.load import StandIn
from bench.machine import keep, milliseconds, spread, table
from tests.e2e.browser import chromium
from tests.support import FLOOR_KIB, PASSPHRASE, grant
from vault.config import Config
from vault.service import Vault
from vault.types import AddRequest, Atlas, Draft, Holder

RECORDS, FRAMES = 100_000, 30
DRAW_MS, FRAME_MS = 5_000.0, 33.0
STATIC = Path(__file__).parent.parent / "vault" / "api" / "console" / "static"
SHEET = (1200, 800)
TECHNIQUES = {
    "image": "plot.draw(view)",
    "rectangles": "each((x, y, c) => { context.fillStyle = names[c % 8]; context.fillRect(x, y, 2, 2); })",
    "paths": """each((x, y, c) => {
        context.fillStyle = names[c % 8]; context.beginPath(); context.arc(x, y, 1.5, 0, 7); context.fill(); })""",
    "webgl": "shaded()",
}
PAGE = """
const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0)).buffer;
const [width, height] = sheet;
const x = new Uint16Array(bytes, 0, size), y = new Uint16Array(bytes, size * 2, size);
const codes = new Uint8Array(bytes, size * 4);
const made = () => {
  const one = document.createElement("canvas");
  Object.assign(one, { width, height });
  one.style = `width: ${width}px; height: ${height}px`;
  document.body.append(one);
  return one;
};
const names = ["#0072b2", "#b35a00", "#007d5c", "#a8487e", "#6b5bb5", "#8c6d00", "#c03d2b", "#5f666b"];
const plot = new Plot(made(), { x, y, codes, regions: [] });
const series = names.map((one) => `rgb(${[1, 3, 5].map((n) => parseInt(one.slice(n, n + 2), 16)).join(",")})`);
plot.colours({ series, ground: "rgb(255,255,255)", faint: "rgb(90,90,90)", ink: "rgb(0,0,0)", font: "sans-serif" });
const view = { x: 0.5, y: 0.5, zoom: 1 };
const flat = made();
const context = flat.getContext("2d", { alpha: false });
const each = (drawn) => {
  context.clearRect(0, 0, width, height);
  const scale = (height * view.zoom) / 65535;
  const left = width / 2 - view.x * 65535 * scale, top = height / 2 - view.y * 65535 * scale;
  for (let n = 0; n < size; n++) drawn(x[n] * scale + left, y[n] * scale + top, codes[n]);
};
const gl = made().getContext("webgl2", { preserveDrawingBuffer: true });
const shaded = (() => {
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, `#version 300 es
      in vec2 at; uniform vec3 view; void main() {
      gl_Position = vec4((at - view.xy) * 2.0 * view.z * vec2(1, -1), 0, 1); gl_PointSize = 2.0; }`],
      [gl.FRAGMENT_SHADER, `#version 300 es
      precision mediump float; out vec4 c; void main() { c = vec4(0, .4, .7, 1); }`]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  const flatData = new Float32Array(size * 2);
  for (let n = 0; n < size; n++) { flatData[2 * n] = x[n] / 65535; flatData[2 * n + 1] = y[n] / 65535; }
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, flatData, gl.STATIC_DRAW);
  const at = gl.getAttribLocation(program, "at");
  gl.enableVertexAttribArray(at);
  gl.vertexAttribPointer(at, 2, gl.FLOAT, false, 0, 0);
  const seen = gl.getUniformLocation(program, "view");
  const pixel = new Uint8Array(4);
  return () => {
    gl.uniform3f(seen, view.x, view.y, view.zoom);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.drawArrays(gl.POINTS, 0, size);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  };
})();
globalThis.timed = (technique) => {
  const draw = { image: () => plot.draw(view), %s }[technique];
  if (technique === "webgl" && !gl) return [];
  const taken = [];
  for (let n = 0; n < frames; n++) {
    view.zoom = 1 + (n / frames) * 3;
    const began = performance.now();
    draw();
    if (technique !== "webgl") (technique === "image" ? plot.context : context).getImageData(0, 0, 1, 1);
    taken.push(performance.now() - began);
  }
  return taken;
};
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, default=RECORDS)
    given, rng = options.parse_args(), random.Random(11)
    with tempfile.TemporaryDirectory() as place:
        config = Config(directory=Path(place) / "vault", argon2_memory=FLOOR_KIB)
        Vault.create(config, bytearray(PASSPHRASE))
        with Vault.open(config, bytearray(PASSPHRASE), encoder=StandIn(rng)) as vault:
            owner = Holder(vault.owner_token().token)
            for start in range(0, given.records, 1000):
                drafts = tuple(Draft(f"n{i}", note(rng)) for i in range(start, start + 1000))
                vault.add(owner, AddRequest(f"collection {start // 1000 % 7}", drafts, source="bench"))
            figures, atlas = _drawn(vault, owner, rng)
    frames = _frames(atlas)
    keep("atlas", {"records": atlas.records, "frames": FRAMES, "bar_ms": FRAME_MS, **figures, "frame": frames})
    table(
        f"The map of {atlas.records:,} records",
        [
            ("drawn anew", f"{figures['drawn_ms']:,.0f} ms", f"bar {DRAW_MS:,.0f} ms"),
            ("after 1,000 more records", f"{figures['taken_in_ms']:,.0f} ms", ""),
            ("a grant's points", f"{figures['shade_ms']['median']:.1f} ms", ""),
            *((f"frame: {name}", _said(one), f"bar {FRAME_MS:g} ms") for name, one in frames.items()),
        ],
    )


def _drawn(vault: Vault, owner: Holder, rng: random.Random) -> tuple[dict[str, Any], Atlas]:
    (drawn,) = milliseconds(partial(vault.atlas, owner), 1)
    atlas = vault.atlas(owner)
    grant(vault, "claude", "collection 3")
    shade = milliseconds(partial(vault.shade, owner, vault.grants(owner)[0].id), 20)
    more = tuple(Draft(f"m{i}", note(rng)) for i in range(1000))
    vault.add(owner, AddRequest("collection 0", more, source="bench"))
    (taken_in,) = milliseconds(partial(vault.atlas, owner), 1)
    return {"drawn_ms": drawn, "taken_in_ms": taken_in, "shade_ms": spread(shade)}, atlas


def _frames(atlas: Atlas) -> dict[str, dict[str, float]]:
    others = ", ".join(f"{name}: () => {{ {TECHNIQUES[name]} }}" for name in TECHNIQUES if name != "image")
    script = (STATIC / "plot.js").read_text().replace("export ", "") + PAGE % others
    known = f"const data = {base64.b64encode(atlas.points).decode()!r}, size = {atlas.size}, frames = {FRAMES};"
    with chromium() as browser:
        page = browser.new_page(viewport={"width": SHEET[0], "height": SHEET[1]})
        page.set_content("<body></body>")
        page.add_script_tag(content=f"{known} const sheet = {list(SHEET)};\n{script}", type="module")
        page.wait_for_function("() => Boolean(globalThis.timed)")
        taken = {name: page.evaluate(f"timed({name!r})") for name in TECHNIQUES}
    return {name: spread(one[1:]) for name, one in taken.items() if one}


def _said(one: dict[str, float]) -> str:
    return f"{one['median']:.1f} ms (p95 {one['p95']:.1f})"


if __name__ == "__main__":
    main()
