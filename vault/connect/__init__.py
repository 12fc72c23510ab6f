"""Connects clients: which kinds there are, their configuration files, and what was written into them.

A kind is a file in `plugins/clients/` that says where its configuration lies and what an entry looks like. Every
entry starts the same bridge, `ownvault mcp --token-file …`, so that no configuration holds a secret. What was written
is recorded beside the vault (SPEC.md), and undone from that record.
"""

from __future__ import annotations

from vault.connect.client import (
    ENTRY,
    JSON,
    LINUX,
    MACOS,
    TOML,
    WINDOWS,
    Bridge,
    Client,
    Machine,
    anywhere,
    stdio,
)
from vault.connect.connections import Connection, Connections
from vault.connect.finding import clients
from vault.connect.joining import command, join, leave, rewrite
from vault.connect.wiring import Plan, State, bridge, plan, snippet, state

__all__ = [
    "ENTRY", "JSON", "LINUX", "MACOS", "TOML", "WINDOWS", "Bridge", "Client", "Connection", "Connections", "Machine",
    "Plan", "State", "anywhere", "bridge", "clients", "command", "join", "leave", "plan", "rewrite", "snippet", "state",
    "stdio",
]  # fmt: skip
