"""The command reference, generated from the commands: `python -m vault.cli.reference > docs/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator

import click

from vault import plugins
from vault.cli import BROKEN_PIPE, INTERRUPTED
from vault.cli.root import COMMANDS, SECTIONS, root
from vault.errors import VaultError, kinds

WIDTH = 100
INTRODUCTION = """\
# The command line

This page is generated: `python -m vault.cli.reference > docs/cli.md`; a test compares it.

- The owner's commands need the passphrase. It comes from `--passphrase-file`, `OWNVAULT_PASSPHRASE_FILE`
  or the terminal; never from an argument or the environment itself.
- When a server runs for the vault, a command asks it; otherwise the command opens the vault itself and
  closes it again. The result is the same.
- `OWNVAULT_TOKEN`, when set, is the capability that commands present instead of the owner's:
  `eval "$(ownvault unlock --shell)"` sets the owner's for an hour, and an assistant's token there shows what
  that assistant sees.
- Results go to stdout, remarks and progress to stderr. `--json` prints the objects of the REST interface.
- An error is one line, `ownvault: …`, and a hint, on stderr. `OWNVAULT_DEBUG=1` adds the traceback of a bug.
- Text from records cannot control the terminal: control and invisible characters are shown or dropped.
- Shell completion: `eval "$(_OWNVAULT_COMPLETE=bash_source ownvault)"` (or `zsh_source`, `fish_source`).
"""


def reference() -> str:
    """Return the whole page as Markdown."""
    parts = [INTRODUCTION, "## ownvault\n", _help(root, "ownvault")]
    for title, section in SECTIONS.items():
        parts.append(f"## {title}\n")
        for name in section:
            for path, command in _commands(name):
                parts += [f"### ownvault {path}\n", _help(command, f"ownvault {path}")]
    parts += ["## Importers\n", _importers(), "## Exit codes\n", _exit_codes()]
    return "\n".join(parts)


def _commands(name: str) -> Iterator[tuple[str, click.Command]]:
    command = root.get_command(click.Context(root), name)
    assert command is not None and name in COMMANDS
    yield name, command
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            yield f"{name} {inner}", command.commands[inner]


def _help(command: click.Command, name: str) -> str:
    settings = {**root.context_settings, **command.context_settings, "terminal_width": WIDTH}
    context = click.Context(command, info_name=name, **settings)
    return f"```text\n{command.get_help(context)}\n```\n"


def _importers() -> str:
    lines = ["| Importer | Reads | Options (`--option NAME=VALUE`) |", "|---|---|---|"]
    for info in plugins.importers().values():
        options = "; ".join(f"`{name}`: {words}" for name, words in info.options.items())
        lines.append(f"| `{info.name}` | {info.summary} | {options} |")
    return "\n".join(lines) + "\n"


def _exit_codes() -> str:
    rows = [(0, "", "It worked."), (1, VaultError.code, "A bug. Please report it.")]
    rows += [(kind.exit_code, kind.code, (kind.__doc__ or "").splitlines()[0]) for kind in kinds().values()]
    rows += [(INTERRUPTED, "", "Ctrl-C."), (BROKEN_PIPE, "", "Whoever read the output went away.")]
    lines = ["| Exit code | Error code | Meaning |", "|---|---|---|"]
    lines += [f"| {number} | {f'`{code}`' if code else ''} | {words} |" for number, code, words in sorted(rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
