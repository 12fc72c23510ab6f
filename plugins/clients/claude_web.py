"""Claude on the web and on the phone: its connectors are called from its maker's machines."""

from vault.connect import Client

INSTEAD = """\
Claude on the web cannot reach this vault, and nothing was changed.

Its connectors are called from Anthropic's machines, also those that are set up in Claude Desktop's settings.
The vault answers on this machine's loopback address only, which no other machine can reach, and opens no way
in by itself.

What works without one: Claude Desktop and Claude Code, by the same maker, run here.

    ownvault connect claude-desktop --collection NAME
    ownvault connect claude-code --collection NAME

The way in would be a tunnel of your own: a public https address that leads here. ownvault has that switched
off. It would need an issuer of its own (so that a token for the tunnel is none for this machine, and the
other way round), OAuth only (no token in a file), and grants of a class of their own that you make for it:
whatever they release leaves this machine and is kept by others. Do not point a tunnel at the vault's port:
it refuses every host name but its own."""

CLIENT = Client(title="Claude on the web", instead=INSTEAD)
