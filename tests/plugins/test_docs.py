"""The importer that docs/importers.md shows is a working one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from vault import plugins
from vault.types import Draft, Provenance

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_imports(tmp_path):
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "importers.md").read_text("utf-8"), re.DOTALL)[1]
    assert len(code.split("\n")) <= 50
    folder, source = tmp_path / "importers", tmp_path / "calendar"
    folder.mkdir(), source.mkdir()
    (folder / "ics.py").write_text(code, "utf-8")
    (folder / "_source.py").write_bytes((ROOT / "plugins" / "importers" / "_source.py").read_bytes())
    (source / "a.ics").write_text(
        "BEGIN:VEVENT\r\nSUMMARY:Dentist\r\nDTSTART:20230507T103000Z\r\nDESCRIPTION:Upper floor\r\n"
    )
    assert plugins.importers(folder)["ics"].summary == "Appointments from a folder of .ics files."
    drafts = [item for item in plugins.run("ics", source, directory=folder) if isinstance(item, Draft)]
    assert drafts == [
        Draft(
            "a.ics", "Upper floor", "Dentist", "event", datetime(2023, 5, 7, 10, 30, tzinfo=UTC),
            provenance=Provenance.OWNER,
        )
    ]  # fmt: skip
