"""Access that an assistant asks for: what its owner is shown, and what the assistant gets of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support import Server
from vault.api.client import RemoteVault
from vault.errors import Denied, NotFound
from vault.types import AccessRequest, Action, Detail, Filter, Holder, Limits, Verdict

SOURCES = Path(__file__).parent / "sources"


@pytest.fixture(scope="module")
def filled(server: Server) -> Server:
    server.command("import", "markdown", str(SOURCES / "notes"), "--collection", "notes")
    server.command("import", "jsonl", str(SOURCES / "chats.jsonl"), "--collection", "chats")
    return server


@pytest.fixture
def claude(filled: Server) -> Holder:
    return Holder(filled.command("grant", "claude", "--collection", "notes", "--quiet").stdout.strip())


def asked(server: Server, holder: Holder, purpose: str, **more: object) -> str:
    request = AccessRequest(purpose, **more)  # type: ignore[arg-type]
    return RemoteVault(server.address).request_access(holder, request).id


def test_the_owner_reads_what_is_asked_and_gives_less(filled: Server, claude: Holder) -> None:
    lately = Filter(collections=("chats",), since=datetime(2024, 1, 1, tzinfo=UTC))
    id = asked(
        filled, claude, "to plan\x1b[2J the week",
        filter=lately, limits=Limits(results=5), detail=Detail.SNIPPET, expires_in=7 * 86400,
    )  # fmt: skip
    shown = filled.command("requests")
    assert "\x1b" not in shown.stdout
    assert f"{id}  claude  waits until" in shown.stdout
    told = " ".join(shown.stdout.split())
    assert (
        "claude asks to search, read and count in chats, from 1 January 2024 on; passages of at most 480 characters; "
        "nothing sensitive or secret; 5 records an answer; for 7 days." in told
    )
    assert "it says “to plan the week”" in told.replace("[2J", "")
    assert "It would see 3 records now: collections chats 3" in told
    assert "ownvault approve" in shown.stderr

    done = filled.command("approve", id[:6], "--action", "count", "--expires", "1d")
    assert "Approved: claude may count in chats, from 1 January 2024 on; numbers and dates, no text; " in " ".join(
        done.stdout.split()
    )
    assert "claude can fetch this token itself, once" in done.stderr

    remote = RemoteVault(filled.address)
    collected = remote.collect(claude, id)
    assert filled.command("requests", "--all").stdout.count(f"{id}  claude  approved") == 1
    given = next(view for view in remote.grants(owner(filled)) if view.id == collected.grant)
    assert given.actions == (Action.COUNT,)
    with pytest.raises(NotFound):
        remote.collect(claude, id)


def test_no_is_told_to_the_assistant(filled: Server, claude: Holder) -> None:
    id = asked(filled, claude, "all of it, please", filter=Filter(collections=("notes", "chats")))
    assert "count in chats and notes; whole records" in " ".join(filled.command("requests").stdout.split())
    assert filled.json("deny", id)["verdict"] == "denied"
    assert RemoteVault(filled.address).request_state(claude, id).verdict is Verdict.DENIED
    with pytest.raises((Denied, NotFound)):
        RemoteVault(filled.address).collect(claude, id)


def test_access_is_granted_for_a_time_of_its_own(filled: Server, claude: Holder) -> None:
    id = asked(filled, claude, "the chats", filter=Filter(collections=("chats",)))
    refused = filled.command("approve", id, "--for", "1h", check=False)
    assert refused.returncode == 2
    assert "hint: say --expires 7d" in refused.stderr


def test_access_is_not_granted_once(filled: Server, claude: Holder) -> None:
    id = asked(filled, claude, "the chats, once", filter=Filter(collections=("chats",)))
    refused = filled.command("approve", id, "--once", check=False)
    assert refused.returncode == 2
    assert "hint: say --expires 7d" in refused.stderr
    assert RemoteVault(filled.address).request_state(claude, id).verdict is Verdict.PENDING


def owner(server: Server) -> Holder:
    return Holder(server.json("unlock")["token"])  # type: ignore[arg-type]
