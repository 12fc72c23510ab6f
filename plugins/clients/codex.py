"""Codex: OpenAI's assistant in the terminal and in editors."""

from vault.connect import TOML, Client, anywhere

CLIENT = Client(
    title="Codex",
    files=anywhere("$CODEX_HOME/config.toml", "~/.codex/config.toml"),
    project=".codex/config.toml",
    keys=("mcp_servers",),
    form=TOML,
    programs=("codex",),
    traces=anywhere("~/.codex"),
    reading="start a new `codex`; `codex mcp list` shows it",
)
