"""Claude Code: Anthropic's assistant in the terminal."""

from vault.connect import Bridge, Client, anywhere


def entry(bridge: Bridge) -> dict[str, object]:
    return {"type": "stdio", "command": bridge.command, "args": list(bridge.arguments), "env": {}}


CLIENT = Client(
    title="Claude Code",
    files=anywhere("$CLAUDE_CONFIG_DIR/.claude.json", "~/.claude.json"),
    project=".mcp.json",
    entry=entry,
    comments=False,
    programs=("claude",),
    traces=anywhere("~/.claude"),
    reading="start a new `claude`; `claude mcp list` shows it",
)
