"""Ctrl-C in the middle of a real import: what was reported is there, and the next run completes it."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.support import Server, hear_interrupts

RECORDS = 5000


def test_ctrl_c_loses_nothing_reported(server: Server, tmp_path: Path) -> None:
    source = tmp_path / "long.jsonl"
    source.write_text(
        "".join(json.dumps({"id": f"n{i}", "text": f"Note {i} on the harbour."}) + "\n" for i in range(RECORDS))
    )
    progress, terminal = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "vault", "import", "jsonl", str(source), "--collection", "long"],
        env=server.environment | {"TERM": "xterm"}, stdout=subprocess.PIPE, stderr=terminal, text=True,
        preexec_fn=hear_interrupts,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while not re.search(rb"[1-9][\d,]* records", shown):  # the bar on the terminal says that a batch is stored
        shown += os.read(progress, 4096)
    running.send_signal(signal.SIGINT)
    assert running.stdout is not None
    report = running.stdout.read()
    running.stdout.close()
    assert running.wait(120) == 130, report
    os.close(progress)
    counted = re.search(r"long ← jsonl:long: ([\d,]+) added, 0 unchanged, 0 changed, 0 failed", report)
    assert counted, report
    added = int(counted[1].replace(",", ""))
    assert 0 < added < RECORDS
    assert server.json("count", "--collection", "long")["count"] == added

    second = server.json("import", "jsonl", str(source), "--collection", "long")
    assert (second["added"], second["unchanged"]) == (RECORDS - added, added)
    assert second["vanished"] == [] and second["interrupted"] is False
