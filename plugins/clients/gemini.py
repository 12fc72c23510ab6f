"""Gemini CLI: Google's assistant in the terminal."""

from vault.connect import Client, anywhere

CLIENT = Client(
    title="Gemini CLI",
    files=anywhere("$GEMINI_CLI_HOME/.gemini/settings.json", "~/.gemini/settings.json"),
    project=".gemini/settings.json",
    programs=("gemini",),
    traces=anywhere("~/.gemini"),
    reading="start a new `gemini`; `gemini mcp list` shows it",
)
