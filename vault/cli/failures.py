"""How a failure looks: one line on stderr, a hint for a person, a documented exit code."""

from __future__ import annotations

import os
import sys

import click

from vault.cli.plain import one_line
from vault.errors import StorageFailed

REPORT = "https://github.com/ownvault/ownvault/issues"


def explain(message: str, hint: str, code: int) -> int:
    """Print `ownvault: message` and `hint: …` to stderr; return `code`."""
    print(f"ownvault: {one_line(message)}", file=sys.stderr)
    if hint:
        print(f"hint: {one_line(hint)}", file=sys.stderr)
    return code


def usage(error: click.UsageError) -> int:
    """Print what is wrong with the command line itself; return its exit code, 2."""
    message = error.format_message().strip().rstrip(".")
    where = error.ctx.command_path if error.ctx else "ownvault"
    return explain(message[:1].lower() + message[1:], f"see: {where} --help", error.exit_code)


def internal(error: Exception) -> int:
    """Print what no command expected. Only the type: the text of a stray exception may hold private data."""
    if os.environ.get("OWNVAULT_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return explain(f"{error.strerror.lower()}{place}", StorageFailed.default_hint, StorageFailed.exit_code)
    hint = f"please report it at {REPORT} with what OWNVAULT_DEBUG=1 prints for the same command"
    return explain(f"internal error: {type(error).__name__}", hint, 1)
