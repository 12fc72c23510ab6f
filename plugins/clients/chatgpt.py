"""ChatGPT: answers from its maker's machines, in the browser and in its programs alike."""

from vault.connect import Client

INSTEAD = """\
ChatGPT cannot reach this vault, and nothing was changed.

Its connectors are called from OpenAI's machines. The vault answers on this machine's loopback address
only, which no other machine can reach, and opens no way in by itself.

What works without one: Codex, by the same maker, runs here.

    ownvault connect codex --collection NAME

The way in would be a tunnel of your own: a public https address that leads here. ownvault has that switched
off. It would need an issuer of its own (so that a token for the tunnel is none for this machine, and the
other way round), OAuth only (no token in a file), and grants of a class of their own that you make for it:
whatever they release leaves this machine and is kept by others. Do not point a tunnel at the vault's port:
it refuses every host name but its own."""

CLIENT = Client(title="ChatGPT", instead=INSTEAD)
