"""Any other client that starts a local MCP server: prints what to paste, writes no file of the client's."""

from vault.connect import Client

CLIENT = Client(title="any other client", prints=True)
