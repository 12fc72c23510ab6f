"""How an importer's process binds itself before the importer's own code runs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def confine(file: str, bounds: str) -> None:
    """Bind this process to its limits, then run the importer `file`: the child's first act, see `child`.

    No core dump, no byte written to any file, no program started, no network, bounded memory and
    time. The audit hook binds Python code only; the kernel's limits bind everything.
    """
    import resource
    import runpy

    limits = json.loads(bounds)
    wanted = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0, "RLIMIT_AS": limits["memory"], "RLIMIT_CPU": limits["cpu"]}
    for name, most in wanted.items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        ceiling = most + 5 * (kind == resource.RLIMIT_CPU)  # the soft limit's signal tells us why, the hard one kills
        if hard != resource.RLIM_INFINITY:
            ceiling = min(ceiling, hard)
        try:
            resource.setrlimit(kind, (min(most, ceiling), ceiling))
        except (ValueError, OSError):
            if name != "RLIMIT_AS":  # macOS has no limit of address space
                raise
    sys.excepthook = _crashed
    sys.path.append(str(Path(file).parent))
    sys.addaudithook(_forbid)
    runpy.run_path(file, run_name="__main__")


_FORBIDDEN = (
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "os.utime", "os.setxattr", "os.removexattr", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty",
    "os.kill", "subprocess.Popen", "pty.spawn", "tempfile.", "shutil.", "socket.", "webbrowser.", "ctypes.",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _forbid(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        if isinstance(arguments[0], int) or not arguments[2] & _WRITING:
            return
    elif not event.startswith(_FORBIDDEN):
        return
    raise PermissionError(f"an importer may not {event}")


def _crashed(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Say where an importer broke, never with what: an exception's message may quote the input."""
    file, line = "start", 0
    while trace is not None:
        name = Path(trace.tb_frame.f_code.co_filename).name
        if not name.startswith("<"):
            file, line = name, trace.tb_lineno
        trace = trace.tb_next
    sys.stderr.write(f"stopped: {kind.__name__} at {file}:{line}\n")
