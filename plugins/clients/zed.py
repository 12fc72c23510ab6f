"""Zed: the editor and its agent panel."""

from vault.connect import LINUX, MACOS, WINDOWS, Bridge, Client


def entry(bridge: Bridge) -> dict[str, object]:
    return {"source": "custom", "command": bridge.command, "args": list(bridge.arguments), "env": {}}


CLIENT = Client(
    title="Zed",
    files={
        LINUX: ("$XDG_CONFIG_HOME/zed/settings.json", "~/.config/zed/settings.json"),
        MACOS: ("~/.config/zed/settings.json",),
        WINDOWS: ("$APPDATA/Zed/settings.json",),
    },
    project=".zed/settings.json",
    keys=("context_servers",),
    entry=entry,
    programs=("zed", "zeditor"),
    traces={
        LINUX: ("$XDG_CONFIG_HOME/zed", "~/.config/zed"),
        MACOS: ("~/.config/zed", "/Applications/Zed.app"),
        WINDOWS: ("$APPDATA/Zed",),
    },
    reading="Zed reads it at once; the agent panel's settings show it",
)
