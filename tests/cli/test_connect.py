"""`ownvault connect` and `disconnect` as a person meets them: over a real server, to an assistant that really asks."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from tests.support import Server, run_command

TERMS = ("scope", "limits", "detail", "actions", "approval", "client")
TEXTS = {"notes": "The heating is bled every October.", "mail": "The dentist moved the appointment to Friday."}


@pytest.fixture
def stage(server: Server) -> Iterator[Server]:
    """The running server, with two collections, and nothing connected."""
    if not server.json("collections")["collections"]:
        for collection, text in TEXTS.items():
            server.command("add", "--collection", collection, "--title", collection, stdin=text)
    yield server
    for one in server.json("connect", "--list")["connections"]:  # type: ignore[attr-defined]
        server.command("disconnect", one["name"], "--leave-file")
    for name in (".cursor", ".codex", ".gemini", ".claude.json", "project"):
        run = Path(server.environment["HOME"]) / name
        subprocess.run(["rm", "-rf", str(run)], check=True)


def home(server: Server, *parts: str) -> Path:
    return Path(server.environment["HOME"]).joinpath(*parts)


def live(server: Server) -> list[str]:
    return [view["id"] for view in server.json("grants", "--json")["grants"] if view["status"] == "active"]  # type: ignore[attr-defined]


def entry(file: Path, key: str = "mcpServers") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())[key]["ownvault"]
    return found


def ask(server: Server, command: str, arguments: list[str], query: str) -> list[str]:
    """Start exactly what the file says, as a client would, and return the titles it finds."""

    async def asking() -> list[str]:
        kept = {name: server.environment[name] for name in ("PATH", "HOME")}
        started = StdioServerParameters(command=command, args=arguments, env=kept)
        async with Client(stdio_client(started)) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert {"search", "fetch", "count"} <= names and "add" not in names
            answer = await client.call_tool("search", {"query": query})
            assert not answer.is_error, answer
            return [hit["title"] for hit in (answer.structured_content or {})["results"]]

    return asyncio.run(asyncio.wait_for(asking(), 60))


def test_what_is_written_works_and_is_taken_back_whole(stage: Server) -> None:
    file = home(stage, ".cursor", "mcp.json")
    file.parent.mkdir()
    before = '{\n\t"mcpServers": {\n\t\t"mine": { "command": "x" }\n\t}\n}'
    file.write_text(before)
    file.chmod(0o640)
    told = stage.json("connect", "cursor", "--collection", "notes")
    assert told["status"] == "active" and told["entry"] == "there" and told["file"] == str(file)
    assert told["sees"]["records"] == 1  # type: ignore[index]
    found = entry(file)
    assert ask(stage, found["command"], found["args"], "the heating and the dentist") == ["notes"]
    assert file.stat().st_mode & 0o777 == 0o640
    token = Path(found["args"][-1])
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.read_text().strip() not in file.read_text() + json.dumps(told)
    assert stage.json("disconnect", "cursor")["changed"] is True
    assert file.read_text() == before and not token.exists() and live(stage) == []


def test_connecting_twice_is_the_same_as_once(stage: Server) -> None:
    stage.command("connect", "cursor", "--collection", "notes")
    file = home(stage, ".cursor", "mcp.json")
    written, grants = file.read_bytes(), live(stage)
    for words in (["--collection", "notes"], []):
        again = stage.command("connect", "cursor", *words)
        assert "connected already" in again.stdout and "--renew" in again.stderr
    assert file.read_bytes() == written and live(stage) == grants


def test_connecting_again_with_other_terms_replaces_the_grant(stage: Server) -> None:
    stage.command("connect", "cursor", "--collection", "notes")
    file, grants = home(stage, ".cursor", "mcp.json"), live(stage)
    written, found = file.read_bytes(), entry(file)
    stage.command("connect", "cursor", "--collection", "mail", "--detail", "snippet")
    assert file.read_bytes() == written and len(live(stage)) == 1 and live(stage) != grants
    assert ask(stage, found["command"], found["args"], "the heating and the dentist") == ["mail"]


def test_renewing_keeps_the_terms_and_ends_the_old_token(stage: Server) -> None:
    stage.command(
        "connect",
        "cursor",
        "--collection",
        "notes",
        "--expires",
        "2d",
        "--per-hour",
        "7",
        "--since",
        "2025",
        "--until",
        "2027-01",
        "--sensitivity",
        "sensitive",
        "--owner-written",
        "--label",
        "a, b",
        "--without-label",
        "c",
        "--detail",
        "redacted",
        "--approval",
        "first",
        "--anyway",
    )
    token = home(stage, "vault", "connections", "cursor.token")
    old, first = token.read_text(), stage.json("grants")["grants"][0]  # type: ignore[index]
    told = stage.json("connect", "cursor", "--renew")
    second = next(view for view in stage.json("grants")["grants"] if view["id"] == told["grant"])  # type: ignore[attr-defined]
    assert {name: first[name] for name in TERMS} == {name: second[name] for name in TERMS}
    assert live(stage) == [told["grant"]] and token.read_text() != old
    refused = run_command(stage.environment | {"OWNVAULT_TOKEN": old.strip()}, "search", "x", check=False)
    assert refused.returncode == 4


def test_a_revoked_connection_says_so_and_is_renewed(stage: Server) -> None:
    stage.command("connect", "cursor", "--collection", "notes")
    stage.command("revoke", "--client", "cursor")
    listed = stage.json("connect", "--list")["connections"][0]  # type: ignore[index]
    assert (listed["status"], listed["entry"]) == ("revoked", "there")
    done = stage.command("connect", "cursor", check=False)
    assert done.returncode == 2 and "--renew" in done.stderr
    stage.command("connect", "cursor", "--renew")
    assert len(live(stage)) == 1


def test_a_dry_run_changes_nothing_and_shows_all(stage: Server) -> None:
    done = stage.command("connect", "cursor", "--collection", "notes", "--dry-run")
    assert "It would see 1 record" in done.stdout and '+    "ownvault": {' in done.stdout
    assert "@@ line 1 @@" in done.stdout and "+++ " in done.stdout
    told = stage.json("connect", "cursor", "--collection", "notes", "--dry-run")
    assert told["changed"] is False and told["diff"]
    assert live(stage) == [] and not home(stage, ".cursor").exists()
    assert stage.json("connect", "--list")["connections"] == []


def test_what_is_not_said_is_not_granted(stage: Server) -> None:
    done = stage.command("connect", "cursor", check=False)
    assert done.returncode == 2 and "say what it may see" in done.stderr
    assert stage.command("connect", "cursor", "--collection", "nots", check=False).returncode == 3
    assert stage.command("connect", "cursr", "--collection", "notes", check=False).returncode == 3
    assert live(stage) == [] and not home(stage, ".cursor").exists()


def test_a_broken_configuration_costs_no_grant(stage: Server) -> None:
    file = home(stage, ".codex", "config.toml")
    file.parent.mkdir()
    file.write_text("[mcp_servers\n")
    done = stage.command("connect", "codex", "--collection", "notes", check=False)
    assert done.returncode == 16 and "left as it is" in done.stderr and "[mcp_servers.ownvault]" in done.stderr
    assert file.read_text() == "[mcp_servers\n" and live(stage) == []


def test_an_entry_that_went_missing_is_listed_and_put_back(stage: Server) -> None:
    stage.command("connect", "gemini", "--collection", "notes")
    file, grants = home(stage, ".gemini", "settings.json"), live(stage)
    file.write_text('{"mine": 1}')
    assert stage.json("connect", "--list")["connections"][0]["entry"] == "missing"  # type: ignore[index]
    stage.command("connect", "gemini")
    assert live(stage) == grants and entry(file)
    stage.command("disconnect", "gemini")
    assert file.read_text() == '{"mine": 1}'


def test_a_projects_file_names_nobody_and_works(stage: Server) -> None:
    project = home(stage, "project")
    project.mkdir()
    told = stage.json("connect", "claude-code", "--project", str(project), "--collection", "notes")
    assert told["name"] == "claude-code-project"
    file = project / ".mcp.json"
    found = entry(file)
    assert file.stat().st_mode & 0o777 == 0o644
    assert found["args"][-1] == "~/vault/connections/claude-code-project.token"
    assert all(str(home(stage)) not in word for word in found["args"])
    command, *more = [found["command"]] if found["command"] != "ownvault" else [sys.executable, "-m", "vault"]
    assert ask(stage, command, [*more, *found["args"]], "heating") == ["notes"]
    assert "connected already" in stage.command("connect", "claude-code-project").stdout  # by its name as well
    stage.command("connect", "claude-code", "--collection", "mail")  # a grant of its own
    assert len(live(stage)) == 2
    stage.command("disconnect", "claude-code", "--project", str(project))
    assert not file.exists() and len(live(stage)) == 1


def test_a_strangers_project_cannot_lead_out_of_it(stage: Server) -> None:
    project, outside = home(stage, "project"), home(stage, ".claude.json")
    project.mkdir()
    outside.write_text("{}")
    (project / ".mcp.json").symlink_to(outside)
    done = stage.command("connect", "claude-code", "--project", str(project), "--collection", "notes", check=False)
    assert done.returncode == 16 and "outside of" in done.stderr
    assert outside.read_text() == "{}" and live(stage) == []


def test_a_client_of_any_other_kind_gets_what_to_paste(stage: Server) -> None:
    told = stage.json("connect", "generic", "--name", "lmstudio", "--collection", "notes")
    found = json.loads(told["snippet"])["mcpServers"]["ownvault"]  # type: ignore[arg-type]
    assert ask(stage, found["command"], found["args"], "heating") == ["notes"]
    assert stage.json("connect", "--list")["connections"][0]["entry"] == "printed"  # type: ignore[index]
    assert stage.json("connect", "lmstudio", "--renew")["name"] == "lmstudio"
    stage.command("disconnect", "lmstudio")
    assert live(stage) == []


@pytest.mark.parametrize("client", ["chatgpt", "claude-web"])
def test_a_client_in_the_cloud_is_told_why_not(stage: Server, client: str) -> None:
    done = stage.command("connect", client, "--collection", "notes")
    assert "loopback" in done.stdout and "tunnel" in done.stdout and "switched\noff" in done.stdout
    assert live(stage) == []


def test_the_clients_of_this_machine_are_listed_without_a_passphrase(stage: Server) -> None:
    home(stage, ".cursor").mkdir()
    environment = {name: value for name, value in stage.environment.items() if name != "OWNVAULT_PASSPHRASE_FILE"}
    told = json.loads(run_command(environment, "connect", "--json", stdin="").stdout)
    assert {one["client"] for one in told["clients"] if one["found"]} >= {"cursor"}
    assert {one["client"] for one in told["clients"]} >= {"zed", "windsurf", "vscode", "chatgpt", "generic"}


def test_disconnecting_what_is_not_connected_says_so(stage: Server) -> None:
    done = stage.command("disconnect", "cursor", check=False)
    assert done.returncode == 3 and "not connected" in done.stderr


def test_a_name_belongs_to_one_connection(stage: Server) -> None:
    stage.command("connect", "cursor", "--collection", "notes", "--name", "mine")
    done = stage.command("connect", "gemini", "--collection", "notes", "--name", "mine", check=False)
    assert done.returncode == 2 and not home(stage, ".gemini").exists()
    assert stage.command("connect", "gemini", "--collection", "notes", "--name", "../x", check=False).returncode == 2
    assert len(live(stage)) == 1


def test_a_connection_stays_in_its_file_and_under_its_entry(stage: Server) -> None:
    stage.command("connect", "cursor", "--collection", "notes", "--entry", "mine")
    file = home(stage, ".cursor", "mcp.json")
    written = file.read_bytes()
    done = stage.command("connect", "cursor", "--collection", "notes", "--entry", "other", check=False)
    assert done.returncode == 2 and "mcpServers.mine" in done.stderr and "disconnect cursor" in done.stderr
    assert file.read_bytes() == written and len(live(stage)) == 1


def test_a_token_that_was_lost_is_made_anew(stage: Server) -> None:
    stage.command("connect", "cursor", "--collection", "notes")
    home(stage, "vault", "connections", "cursor.token").unlink()
    first = live(stage)
    stage.command("connect", "cursor")
    found = entry(home(stage, ".cursor", "mcp.json"))
    assert len(live(stage)) == 1 and live(stage) != first
    assert ask(stage, found["command"], found["args"], "heating") == ["notes"]


def test_an_assistants_token_connects_nobody(stage: Server) -> None:
    stage.command("connect", "gemini", "--collection", "notes", "--action", "search", "--action", "add")
    token = home(stage, "vault", "connections", "gemini.token").read_text().strip()
    theirs = stage.environment | {"OWNVAULT_TOKEN": token}
    done = run_command(theirs, "connect", "cursor", "--all", "--anyway", check=False)
    assert done.returncode == 4 and not home(stage, ".cursor").exists()
    assert run_command(theirs, "connect", "gemini", "--renew", check=False).returncode == 4
    assert run_command(theirs, "disconnect", "gemini", check=False).returncode == 4
    assert len(live(stage)) == 1 and home(stage, ".gemini", "settings.json").exists()


@pytest.mark.parametrize("text", [
    '{"mcpServers":{"a":{"env":{"KEY":"s3cret"}}},"z":"' + "x" * 300 + '"}',
    '{\n  "mcpServers": {\n    "a": {"env": {"KEY": "s3cret"}}\n  }\n}\n',
    '{"a": {"KEY": "s3cret"}}', '{\n  "mcpServers": {}, "a": "s3cret"\n}', '{"a": "s3cret", "mcpServers": {"b": {}}}\n',
])  # fmt: skip
def test_what_stands_beside_the_entry_is_not_shown(stage: Server, text: str) -> None:
    file = home(stage, ".cursor", "mcp.json")
    file.parent.mkdir()
    file.write_text(text)
    shown = stage.command("connect", "cursor", "--collection", "notes", "--dry-run").stdout
    assert "--token-file" in shown and "s3cret" not in shown


CRASH = """
import os, sys
from vault.connect import connections, files, wiring
{where} = lambda *_: os._exit(9)
from vault.cli import run
run(sys.argv[1:])
"""


def crashed(server: Server, where: str) -> None:
    """Connect Cursor with a process that is gone when it gets to `where`."""
    words = [sys.executable, "-c", CRASH.format(where=where), "connect", "cursor", "--collection", "notes"]
    assert subprocess.run(words, env=server.environment, capture_output=True, timeout=120).returncode == 9


def test_a_crash_before_the_file_is_written_is_mended_by_connecting_again(stage: Server) -> None:
    crashed(stage, "files.replace")
    grants = live(stage)
    assert len(grants) == 1 and not home(stage, ".cursor", "mcp.json").exists()
    assert stage.json("connect", "--list")["connections"][0]["entry"] == "missing"  # type: ignore[index]
    stage.command("connect", "cursor")
    found = entry(home(stage, ".cursor", "mcp.json"))
    assert live(stage) == grants and ask(stage, found["command"], found["args"], "heating") == ["notes"]
    stage.command("disconnect", "cursor")
    assert live(stage) == [] and not home(stage, ".cursor").exists()


def test_a_crash_before_anything_is_kept_leaves_a_grant_that_nobody_holds(stage: Server) -> None:
    crashed(stage, "connections.Connections.keep")
    [lost] = live(stage)
    stage.command("connect", "cursor", "--collection", "notes")
    assert len(live(stage)) == 2
    stage.command("revoke", lost)


def test_a_crash_while_disconnecting_is_mended_by_disconnecting_again(stage: Server) -> None:
    stage.command("connect", "cursor", "--collection", "notes")
    words = [sys.executable, "-c", CRASH.format(where="files.remove"), "disconnect", "cursor"]
    assert subprocess.run(words, env=stage.environment, capture_output=True, timeout=120).returncode == 9
    assert live(stage) == [] and entry(home(stage, ".cursor", "mcp.json"))
    stage.command("disconnect", "cursor")
    assert not home(stage, ".cursor").exists() and stage.json("connect", "--list")["connections"] == []


def test_asked_on_a_terminal_with_a_preview(stage: Server) -> None:
    said = terminal(stage, ["connect", "cursor"], [
        ("Collections", "nots"), ("How much", ""), ("For how long", "7d"),  # a misspelt name is asked again
        ("Collections", "notes"), ("How much", "snippet"), ("For how long", "7d"), ("Is that right", "y"),
    ])  # fmt: skip
    assert "did you mean notes" in said and "It would see 1 record" in said and "What may Cursor see" in said
    [view] = [one for one in stage.json("grants")["grants"] if one["status"] == "active"]  # type: ignore[attr-defined]
    assert view["scope"]["collections"] == ["notes"] and view["detail"] == "snippet" and view["client"] == "cursor"
    said = terminal(stage, ["connect", "cursor"], [("Renew it?", "n")])
    assert "connected already" in said


def test_leaving_the_questions_leaves_nothing_behind(stage: Server) -> None:
    terminal(stage, ["connect", "cursor"], [("Collections", "\x03")])
    assert live(stage) == [] and not home(stage, ".cursor").exists()


def terminal(server: Server, words: list[str], answers: list[tuple[str, str]]) -> str:
    """Run a command on a terminal of its own and answer what it asks."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "vault", *words], env=server.environment | {"TERM": "dumb"},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said, seen = "", 0
    try:
        while True:
            ready, _, _ = select.select([ours], [], [], 60)
            assert ready, f"it waits: {said[-400:]}"
            try:
                said += os.read(ours, 65536).decode("utf-8", "replace")
            except OSError:
                break
            if answers and (at := said.find(answers[0][0], seen)) >= 0 and said.rstrip(" ").endswith((":", "]")):
                seen = at + len(answers[0][0])
                answer = answers.pop(0)[1]
                if answer == "\x03":
                    process.send_signal(2)
                else:
                    os.write(ours, answer.encode() + b"\n")
    finally:
        process.wait(60)
        os.close(ours)
    assert not answers, said
    return said
