"""The documentation and the program say the same, and `--help` stays light."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest

import vault
from tests.test_layers import HEAVY
from vault import plugins
from vault.cli import reference
from vault.cli.root import COMMANDS, Settings, root
from vault.config import Config
from vault.errors import VaultError, kinds

DOCS = Path(__file__).parents[2] / "docs"
PACKAGE = Path(vault.__file__).parent


def commands() -> list[tuple[str, click.Command]]:
    context = click.Context(root)
    found = []
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        inner = command.commands.items() if isinstance(command, click.Group) else ()
        found += [(name, command), *((f"{name} {sub}", one) for sub, one in inner)]
    return found


def test_the_reference_is_up_to_date() -> None:
    page = DOCS / "cli.md"
    assert page.read_text("utf-8") == reference.reference(), "run: python -m vault.cli.reference > docs/cli.md"


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_and_option_says_what_it_does(name: str, command: click.Command) -> None:
    assert command.help
    undescribed = [p.opts[0] for p in command.params if isinstance(p, click.Option) and not p.help]
    assert not undescribed
    page = (DOCS / "cli.md").read_text("utf-8")
    section = page.partition(f"### ownvault {name}\n")[2].partition("\n#")[0]
    shown = {p.opts[0] for p in command.params if isinstance(p, click.Option) and not p.hidden}
    assert shown <= set(re.findall(r"--[a-z-]+", section))


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda value: value if isinstance(value, str) else "")
def test_every_command_takes_the_options_of_all(name: str, command: click.Command) -> None:
    assert {"--vault", "--passphrase-file", "--json", "--quiet"} <= {p.opts[0] for p in command.params}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_the_command_says(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None and command.help is not None
    assert command.help.splitlines()[0] == COMMANDS[name][1]


def test_an_inner_option_wins_over_an_outer_one() -> None:
    with root.make_context("ownvault", ["--vault", "/outer", "status", "--vault", "/inner"]) as context:
        assert context.command.parse_args is not None
        name, command, rest = root.resolve_command(context, ["status", "--vault", "/inner"])
        assert command is not None
        with command.make_context(name, rest, parent=context) as inner:
            assert inner.ensure_object(Settings).vault == "/inner"


def test_every_setting_is_documented() -> None:
    page = (DOCS / "config.md").read_text("utf-8")
    for setting in fields(Config):
        if setting.name != "directory":
            row = re.search(rf"^\| `{setting.name}` \| `(.+?)` \|", page, re.MULTILINE)
            assert row, setting.name
            assert row[1].strip('"') == str(setting.default)
    listed = set(re.findall(r"^\| `([a-z_0-9]+)` \|", page, re.MULTILINE))
    assert listed == {setting.name for setting in fields(Config)} - {"directory"}


def test_every_variable_is_documented() -> None:
    page = (DOCS / "config.md").read_text("utf-8")
    sources = [path for path in PACKAGE.rglob("*.py") if "_plugins" not in path.parts]
    used = {name for path in sources for name in re.findall(r"\bOWNVAULT_[A-Z_]+", path.read_text("utf-8"))}
    assert {name for name in used if not re.search(rf"`{name}`", page)} <= {"OWNVAULT_COMPLETE"}


def shown_commands() -> list[str]:
    """Return every `$ … ownvault …` line of the page on permissions."""
    page = (DOCS / "permissions.md").read_text("utf-8")
    return re.findall(r"^\$ (?:OWNVAULT_TOKEN=\S+ )?ownvault (.+)$", page, re.MULTILINE)


@pytest.mark.parametrize("line", shown_commands())
def test_every_command_on_the_page_of_permissions_is_one(line: str) -> None:
    words = shlex.split(line)
    context = click.Context(root, info_name="ownvault")
    command: click.Command = root
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        context, command = click.Context(found, context, info_name=name), found
        if isinstance(command, click.Group) and (not words or words[0] not in command.commands):
            break
    command.make_context(command.name, list(words), parent=context.parent)  # raises for an option that is none


def test_the_page_of_permissions_has_a_session_and_every_option_of_grant() -> None:
    assert len(shown_commands()) >= 15
    page = (DOCS / "permissions.md").read_text("utf-8")
    command = dict(commands())["grant"]
    missing = [
        p.opts[0] for p in command.params if isinstance(p, click.Option) and not p.hidden and p.opts[0] not in page
    ]
    assert not missing


def test_import_names_every_importer() -> None:
    command = dict(commands())["import"]
    assert command.help is not None
    named = re.search(r"IMPORTER is ([a-z, ]+) or ([a-z]+)\.", command.help)
    assert named
    assert {*named[1].split(", "), named[2]} == set(plugins.importers())


def test_every_exit_code_is_documented() -> None:
    page = (DOCS / "cli.md").read_text("utf-8")
    for kind in (VaultError, *kinds().values()):
        assert "__doc__" in vars(kind) and kind.__doc__, f"{kind.__name__} does not say what it means"
        assert f"| {kind.exit_code} | `{kind.code}` |" in page


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "vault", "--help"], capture_output=True, text=True, check=True
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "click" in loaded
    assert not loaded & HEAVY
