"""Claude Desktop: Anthropic's program for macOS and Windows. Its file takes local programs only."""

from vault.connect import LINUX, MACOS, WINDOWS, Client

PACKAGED = "$LOCALAPPDATA/Packages/Claude_pzs8sxrjxfjjc/LocalCache/Roaming/Claude"
"""Where the package from the store, and that of the maker's own installer, really reads what it calls %APPDATA%."""

CLIENT = Client(
    title="Claude Desktop",
    files={
        LINUX: ("$XDG_CONFIG_HOME/Claude/claude_desktop_config.json", "~/.config/Claude/claude_desktop_config.json"),
        MACOS: ("~/Library/Application Support/Claude/claude_desktop_config.json",),
        WINDOWS: (f"?{PACKAGED}/claude_desktop_config.json", "$APPDATA/Claude/claude_desktop_config.json"),
    },
    comments=False,
    traces={
        LINUX: ("$XDG_CONFIG_HOME/Claude", "~/.config/Claude"),
        MACOS: ("/Applications/Claude.app", "~/Library/Application Support/Claude"),
        WINDOWS: (PACKAGED, "$APPDATA/Claude"),
    },
    reading="quit Claude Desktop and start it again",
)
