"""Windsurf: the editor with Cascade."""

from vault.connect import LINUX, MACOS, WINDOWS, Client, anywhere

CLIENT = Client(
    title="Windsurf",
    files=anywhere("~/.codeium/windsurf/mcp_config.json"),
    programs=("windsurf",),
    traces={
        LINUX: ("~/.codeium/windsurf",),
        MACOS: ("~/.codeium/windsurf", "/Applications/Windsurf.app"),
        WINDOWS: ("~/.codeium/windsurf",),
    },
    reading="press Refresh in Cascade's MCP servers",
)
