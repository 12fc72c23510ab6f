"""Visual Studio Code: its agent mode, with any model."""

from vault.connect import LINUX, MACOS, WINDOWS, Bridge, Client


def entry(bridge: Bridge) -> dict[str, object]:
    return {"type": "stdio", "command": bridge.command, "args": list(bridge.arguments)}


CLIENT = Client(
    title="VS Code",
    files={
        LINUX: ("$XDG_CONFIG_HOME/Code/User/mcp.json", "~/.config/Code/User/mcp.json"),
        MACOS: ("~/Library/Application Support/Code/User/mcp.json",),
        WINDOWS: ("$APPDATA/Code/User/mcp.json",),
    },
    project=".vscode/mcp.json",
    keys=("servers",),
    entry=entry,
    programs=("code",),
    traces={
        LINUX: ("$XDG_CONFIG_HOME/Code/User", "~/.config/Code/User"),
        MACOS: ("/Applications/Visual Studio Code.app", "~/Library/Application Support/Code/User"),
        WINDOWS: ("$APPDATA/Code/User",),
    },
    reading="VS Code asks once whether you trust it; `MCP: List Servers` shows it",
)
