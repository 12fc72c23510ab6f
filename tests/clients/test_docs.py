"""The pages on connecting and on the service say what the commands do."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from vault import connect
from vault.cli.root import root

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {name: (DOCS / f"{name}.md").read_text("utf-8") for name in ("connect", "service")}


def shown() -> list[str]:
    return [line for page in PAGES.values() for line in re.findall(r"^\$ ownvault ([^#\n]+)", page, re.MULTILINE)]


@pytest.mark.parametrize("line", shown())
def test_every_command_on_the_pages_is_one(line: str) -> None:
    words = shlex.split(line)
    context, command = click.Context(root, info_name="ownvault"), click.Command("")
    command = root
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        context, command = click.Context(found, context, info_name=name), found
    command.make_context(command.name, list(words), parent=context.parent)  # raises for an option that is none


def test_every_client_and_every_option_is_on_the_page() -> None:
    page = PAGES["connect"]
    for name, kind in connect.clients().items():
        assert f"`{name}`" in page
        assert not kind.project or f"`{kind.project}`" in page
    for name in ("connect", "disconnect"):
        command = root.get_command(click.Context(root), name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.opts[0] in page, option.opts[0]


def test_every_command_of_the_service_is_on_its_page() -> None:
    command = root.get_command(click.Context(root), "service")
    assert isinstance(command, click.Group)
    assert all(f"ownvault service {name}" in PAGES["service"] for name in command.commands)
