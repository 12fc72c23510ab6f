"""How a failure looks: one line on stderr, a hint for a person, a documented exit code.

With --json it is the problem object that the REST interface would answer, on stderr too: what a program reads from
stdout is only ever an answer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence

import click

from vault.cli.plain import json_safe, one_line
from vault.errors import BadRequest, StorageFailed, VaultError

REPORT = "https://github.com/ownvault/ownvault/issues"


class Failures:
    """Tells what kept a command from its end; each method returns the exit code."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Look at the command line as it was given: it may be what is wrong."""
        words = list(arguments)
        self._json = "--json" in words[: words.index("--") if "--" in words else None]

    def explain(self, error: VaultError, code: int | None = None) -> int:
        """Print `ownvault: message` and `hint: …`, or the problem object."""
        code = error.exit_code if code is None else code
        if self._json:
            from vault.api.problems import problem

            print(json_safe(json.dumps(problem(error) | {"exit_code": code}, indent=2)), file=sys.stderr)
            return code
        print(f"ownvault: {one_line(error.message)}", file=sys.stderr)
        if error.hint:
            print(f"hint: {one_line(error.hint)}", file=sys.stderr)
        return code

    def usage(self, error: click.UsageError) -> int:
        """Tell what is wrong with the command line itself."""
        message = error.format_message().strip().rstrip(".")
        where = error.ctx.command_path if error.ctx else "ownvault"
        return self.explain(BadRequest(message[:1].lower() + message[1:], hint=f"see: {where} --help"), error.exit_code)

    def internal(self, error: Exception) -> int:
        """Tell what no command expected. Only the type: the text of a stray exception may hold private data."""
        if os.environ.get("OWNVAULT_DEBUG"):
            import traceback

            traceback.print_exception(error)
        if isinstance(error, OSError) and error.strerror:
            place = f": {error.filename}" if error.filename else ""
            return self.explain(StorageFailed(f"{error.strerror.lower()}{place}"))
        hint = f"please report it at {REPORT} with what OWNVAULT_DEBUG=1 prints for the same command"
        return self.explain(VaultError(f"internal error: {type(error).__name__}", hint=hint))
