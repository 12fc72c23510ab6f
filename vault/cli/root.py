"""The command table. A command's module is imported when the command runs, so `--help` is quick."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from vault import __version__

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Your vault": {
        "init": ("vault.cli.vault:init", "Create a vault and print its recovery key, once."),
        "status": ("vault.cli.vault:status", "Say how the vault is: absent, locked or unlocked."),
        "doctor": ("vault.cli.doctor:doctor", "Look the vault over, and say what to do."),
        "serve": ("vault.cli.vault:serve", "Run the server that assistants ask."),
        "unlock": ("vault.cli.vault:unlock", "Unlock the running server."),
        "lock": ("vault.cli.vault:lock", "Lock the running server: the key leaves memory."),
        "service": ("vault.cli.service:service", "Let the system start the server: install, remove, status."),
        "console": ("vault.cli.console:console", "Open the web console, signed in."),
        "demo": ("vault.cli.demo:demo", "Show the whole loop on sample data, in a vault of its own."),
    },
    "Your data": {
        "import": ("vault.cli.imports:import_", "Import notes, mail, chats or text files."),
        "add": ("vault.cli.records:add", "Add one record, its text from stdin or a file."),
        "search": ("vault.cli.search:search", "Search by meaning and by words."),
        "ask": ("vault.cli.ask:ask", "Answer a question with a language model of your choice."),
        "show": ("vault.cli.records:show", "Show one record whole."),
        "count": ("vault.cli.search:count", "Count records."),
        "label": ("vault.cli.label:label", "Add or take away labels; set how sensitive records are."),
        "collections": ("vault.cli.search:collections", "List the collections."),
        "forget": ("vault.cli.records:forget", "Delete one record for good."),
    },
    "Assistants": {
        "connect": ("vault.cli.connect:connect", "Connect an assistant on this machine to the vault."),
        "disconnect": (
            "vault.cli.disconnect:disconnect",
            "Disconnect an assistant: revoke its grant and take the vault out of its configuration.",
        ),
        "grant": ("vault.cli.grant:grant", "Grant an assistant access to part of the vault."),
        "grants": ("vault.cli.grants:grants", "List the grants; preview, pause, resume or narrow one."),
        "revoke": ("vault.cli.revoke:revoke", "Revoke a grant, at once and everywhere."),
        "requests": ("vault.cli.requests:requests", "List what assistants ask for and you have not decided."),
        "approve": ("vault.cli.approvals:approve", "Approve what an assistant asks for, or less."),
        "deny": ("vault.cli.approvals:deny", "Deny what an assistant asks for."),
        "pairing": ("vault.cli.pairing:pairing", "Let new OAuth clients register for a few minutes."),
        "extension": ("vault.cli.extension:extension", "Pair a browser that has the extension; list and unpair them."),
        "mcp": ("vault.cli.mcp:mcp", "Speak MCP over stdin and stdout for one assistant."),
        "providers": ("vault.cli.providers:providers", "List, add, remove and order the language models."),
        "token": ("vault.cli.tokens:token", "Narrow, inspect or verify a capability token, offline."),
        "keys": ("vault.cli.keys:keys", "Renew the keys that sign tokens; list who can open the vault."),
    },
    "What happened": {
        "audit": ("vault.cli.audit:audit", "List, replay, verify and export what was asked and decided."),
        "exposure": ("vault.cli.exposure:exposure", "Say which client ever got how much of what."),
        "notices": ("vault.cli.notices:notices", "List what you should know and have not dismissed."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


@dataclass(slots=True)
class Settings:
    """What was said for every command: which vault, where the passphrase is, how to print."""

    vault: str | None = None
    passphrase_file: str | None = None
    json: bool = False
    quiet: bool = False
    device: str | None = None


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value not in (None, False):
        setattr(context.ensure_object(Settings), str(parameter.name), value)


def everywhere(*, inner: bool) -> list[click.Parameter]:
    """Return the options that every command takes. Only the outermost read the environment and are listed."""
    # A path's own environment variable is read once, outermost: an inner flag must win over it.
    variable = None if inner else "OWNVAULT_PASSPHRASE_FILE"
    specs: list[tuple[str, dict[str, Any]]] = [
        ("--vault", {"metavar": "DIR", "help": "The vault's directory (or OWNVAULT_DIR)."}),
        ("--passphrase-file", {
            "metavar": "FILE", "envvar": variable,
            "help": "Read the passphrase from FILE; - is stdin (or OWNVAULT_PASSPHRASE_FILE). Asked otherwise.",
        }),
        ("--json", {"is_flag": True, "help": "Print the same JSON objects that the REST interface speaks."}),
        ("--quiet", {"is_flag": True, "help": "Print results only: no progress, no advice."}),
    ]  # fmt: skip
    return [
        click.Option([name], expose_value=False, is_eager=True, callback=_keep, hidden=inner, **spec)
        for name, spec in specs
    ]


computing = click.option(
    "--device",
    type=click.Choice(("auto", "cpu", "cuda", "mps")),
    expose_value=False,
    callback=_keep,
    help="Where this command computes (or `device` in config.toml). A running server has its own.",
)
"""The option of commands that may embed much."""


class Command(click.Command):
    """A command that takes the options of every command."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.params.extend(everywhere(inner=True))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, unless a word on the command line is no text. (A path may be any bytes.)"""
        for name, value in ctx.params.items():
            for word in value if isinstance(value, tuple) else (value,):
                if isinstance(word, str) and not word.isascii() and any("\ud800" <= c <= "\udfff" for c in word):
                    raise click.UsageError(f"{name} is not valid UTF-8", ctx)
        return super().invoke(ctx)


class Group(click.Group):
    """A command with commands of its own."""

    command_class = Command

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.params.extend(everywhere(inner=True))


class Root(click.Group):
    """`ownvault` itself: lists from the table, imports on use."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a misspelt one is answered with the nearest."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = get_close_matches(name, COMMANDS, 1)
            raise click.UsageError(f"no such command {name!r}" + (f"; did you mean {near[0]}?" if near else ""), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(12), summary) for name, (_, summary) in section.items()])


@click.command(
    cls=Root,
    params=everywhere(inner=False),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Every command takes these options too, before or after its name. Each has its own --help.",
)
@click.version_option(__version__, prog_name="ownvault", message="%(prog)s %(version)s")
@click.pass_context
def root(context: click.Context) -> None:
    """A private vault that AI assistants may ask: encrypted, scoped, revocable, audited."""
    context.ensure_object(Settings)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
