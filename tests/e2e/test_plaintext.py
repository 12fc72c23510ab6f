"""Nothing derived from content is readable at rest: not while the server runs, not after it was killed.

The canary goes everywhere a person's words can go: content, titles, file and collection names, labels, people, queries.
"""

from __future__ import annotations

import base64
import os
import signal
from pathlib import Path

import pytest

CANARY = "xylokarp7731quasten"
FORMS = {
    "utf-8": CANARY.encode(),
    "upper": CANARY.upper().encode(),
    "utf-16": CANARY.encode("utf-16-le"),
    "reversed": CANARY[::-1].encode(),
    "hex": CANARY.encode().hex().encode(),
    **{f"base64+{shift}": base64.b64encode(b"\0" * shift + CANARY.encode())[4:-4] for shift in range(3)},
}


def sightings(*places: Path) -> list[str]:
    """Return every file name or content under `places` that shows the canary in any form."""
    found = []
    for place in places:
        for path in [place, *place.rglob("*")]:
            names = str(path.relative_to(place)).encode()
            content = path.read_bytes() if path.is_file() else b""
            found += [f"{path}: {form}" for form, needle in FORMS.items() if needle in names or needle in content]
    return found


@pytest.mark.parametrize("form", FORMS)
def test_the_grep_would_see_one(tmp_path: Path, form: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\0" * 5000 + FORMS[form] + b"\xff" * 100)
    assert sightings(tmp_path)


def test_the_grep_sees_file_names(tmp_path: Path) -> None:
    (tmp_path / f"{CANARY}.tmp").touch()
    assert sightings(tmp_path)


def test_no_canary_at_rest(server, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / f"{CANARY}.md").write_text(
        f"---\ntitle: On {CANARY}\ntags: [{CANARY}]\npeople: [{CANARY}]\n---\n# {CANARY}\n\nAll about {CANARY}.\n" * 3
    )
    collection = f"c-{CANARY}"
    before = {p for p in Path("/tmp").iterdir()}
    assert server.json("import", "markdown", str(notes), "--collection", collection)["added"] == 1
    server.command("add", "--collection", collection, "--title", CANARY, stdin=f"and again {CANARY}")
    hits = server.json("search", f"what about {CANARY}?")["hits"]
    assert any(CANARY in hit["text"] for hit in hits)
    granted = server.json("grant", f"client-{CANARY}", "--collection", collection, "--purpose", CANARY)
    server.command("search", "x", "--collection", f"no-{CANARY}", check=False)
    server.command("revoke", granted["grant"]["id"])
    assert CANARY in server.command("audit").stdout

    places = [server.directory, server.home / "tmp", server.log, *({p for p in Path("/tmp").iterdir()} - before)]
    assert sightings(*places) == []

    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    for pid in [*map(int, children), server.process.pid]:
        os.kill(pid, signal.SIGKILL)
    server.process.wait(20)
    assert sightings(*places) == []
    server.stop()
