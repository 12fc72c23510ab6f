"""Cursor: the editor, and its agent in the terminal."""

from vault.connect import LINUX, MACOS, WINDOWS, Client, anywhere

CLIENT = Client(
    title="Cursor",
    files=anywhere("~/.cursor/mcp.json"),
    project=".cursor/mcp.json",
    programs=("cursor", "cursor-agent"),
    traces={
        LINUX: ("~/.cursor",),
        MACOS: ("~/.cursor", "/Applications/Cursor.app"),
        WINDOWS: ("~/.cursor",),
    },
    reading="Cursor reads it at once; its settings show it under MCP",
)
