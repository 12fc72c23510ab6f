"""What a hardened process is like."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_hardened_process_keeps_to_itself(tmp_path: Path) -> None:
    program = """
        import ctypes, os, resource, sys
        from pathlib import Path
        from vault.store.hygiene import harden
        dumpable = lambda: ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
        assert dumpable() == 1  # the control
        harden()
        harden()
        assert dumpable() == 0
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
        Path(sys.argv[1]).write_text("")
        assert Path(sys.argv[1]).stat().st_mode & 0o777 == 0o600
        assert os.umask(0) == 0o077
    """
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), tmp_path / "file"], check=True, cwd=root)
