"""The command line: parses, calls one method of the vault, prints. It decides nothing.

`main` is the entry point; every failure ends in one line, a hint and a documented exit code.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT, as shells have it."""
BROKEN_PIPE = 141
"""Exit code when the reader of our output went away: 128 + SIGPIPE."""


def main() -> NoReturn:
    """Run the command in `sys.argv` and exit with its code."""
    from vault.store.hygiene import harden

    harden()  # before anything that could hold a secret: no core dumps, no ptrace, files for us only
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Nothing but a bug's own bug escapes."""
    import click

    from vault.cli.failures import Failures
    from vault.cli.root import root
    from vault.errors import VaultError

    failures = Failures(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal's encoding lacks is shown as an escape
            stream.reconfigure(errors="backslashreplace")
    try:
        if "_OWNVAULT_COMPLETE" in os.environ:
            return _complete()
        with root.make_context("ownvault", list(arguments)) as context:
            root.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.UsageError as error:
        return failures.usage(error)
    except VaultError as error:
        return failures.explain(error)
    except (KeyboardInterrupt, EOFError, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_output()
        return BROKEN_PIPE
    except Exception as error:
        return failures.internal(error)
    return 0


def _complete() -> int:
    from click.shell_completion import shell_complete

    from vault.cli.root import root

    return shell_complete(root, {}, "ownvault", "_OWNVAULT_COMPLETE", os.environ["_OWNVAULT_COMPLETE"])


def _abandon_output() -> None:
    """Point stdout at nothing, so that the interpreter's own flush at exit stays quiet."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
