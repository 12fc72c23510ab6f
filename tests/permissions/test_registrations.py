"""OAuth clients: who is known, what a stranger may call itself, and where answers are sent."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault import limits
from vault.errors import Damaged, FlowRefused
from vault.legible import legible
from vault.permissions import names, pairing, refreshes, registrations
from vault.types import RegisterRequest, Registration

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
BACK = "http://127.0.0.1:7777/cb"


def made(id: str = "c" + "0" * 23 + "a", **change: Any) -> Registration:
    said = {"name": "A tool", "redirects": (BACK,)} | change
    return registrations.checked(RegisterRequest(**said), id, NOW, LATER)


# ---------------------------------------------------------------- known


def test_the_known_clients_are_sound() -> None:
    known = registrations.known()
    assert {one.name for one in known.values()} >= {
        "Claude",
        "Claude Code",
        "ChatGPT",
        "Codex",
        "Visual Studio Code",
        "Zed",
    }
    assert len({one.name for one in known.values()}) == len(known)
    for id, one in known.items():
        assert id == one.id and one.known and one.expires is None
        assert id.startswith(("https://", "ownvault-")) and (one.redirects or one.devices)
    assert all(known[own].bound and known[own].devices for own in ("ownvault-cli", "ownvault-extension"))


def test_a_known_client_needs_no_row(conn: Any) -> None:
    assert registrations.find(conn, "ownvault-cli", NOW).known
    with pytest.raises(FlowRefused):
        registrations.find(conn, "https://claude.ai/oauth/other", NOW)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Gemini CLI", "Gemini CLI (000a)"), ("  a\tb\n", "a b (000a)"), ("Claude\u202eedoC", "ClaudeedoC (000a)"),
        ("<b>x</b>", "b x /b (000a)"), ("x" * 500, "x" * 120 + " (000a)"), ("Äpfel", "Äpfel (000a)"),
        ("owner", "owner (000a)"), ("100 % 猫", "100 猫 (000a)"),
    ],
)  # fmt: skip
def test_a_name_is_what_a_person_can_read_of_it(said: str, name: str) -> None:
    assert made(name=said).name == name


@pytest.mark.parametrize("said", ["", " ", "\u200b", "(((", "\u202e\u202c", "- x" * 0, "\U000e0041"])
def test_no_name(said: str) -> None:
    with pytest.raises(FlowRefused) as refused:
        made(name=said)
    assert refused.value.error == "invalid_client_metadata"


@given(st.text(max_size=300))
def test_whatever_it_says_the_name_is_one_and_ends_in_its_id(said: str) -> None:
    try:
        name = made(name=said).name
    except FlowRefused:
        return
    assert names.name(name) == name == legible(name) and name.endswith(" (000a)")


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "uri",
    ["https://x.example/cb", "https://x.example:8443/cb?a=b", "http://localhost/cb", "http://[::1]:80/cb", BACK,
     "com.example.app:/cb", "cursor://anysphere.cursor-mcp/oauth/callback", "http://127.0.0.1", "vscode://x/y"],
)  # fmt: skip
def test_an_answer_may_go_there(uri: str) -> None:
    assert registrations.checked_redirect(uri) == uri


@pytest.mark.parametrize(
    "uri",
    ["", "x", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://x.example/cb", "https://", "https:///x",
     "http://127.0.0.1.example/cb", "http://127.0.0.2/cb", "http://localhost.example/cb", "https://u@x.example/",
     "https://u:p@x.example/", "https://x.example/#f", "https://x.example/ cb", "https://x.example\\cb", "http://[::1/cb",
     "https://x.example/\u202e", "https://x.example:99999/", "http://127.0.0.1:123456/", "blob:https://x.example/1",
     "vbscript:x", "view-source:https://x.example", "https://ex\u00e4mple.org/", "cursor://u@x/", "HTTP://127.0.0.1@e.com/"],
)  # fmt: skip
def test_no_answer_goes_there(uri: str) -> None:
    with pytest.raises(FlowRefused) as refused:
        registrations.checked_redirect(uri)
    assert refused.value.error == "invalid_redirect_uri"


@pytest.mark.parametrize("uri", [None, 1, b"https://x.example/", ["https://x.example/"]])
def test_what_is_no_text_is_no_address(uri: Any) -> None:
    with pytest.raises(FlowRefused):
        registrations.checked_redirect(uri)


def test_exactly_an_address_that_was_named() -> None:
    one = made(redirects=("https://x.example/cb", BACK, "http://localhost:7777/cb", "http://[::1]:1/cb"))
    for fine in (*one.redirects, "http://127.0.0.1:1/cb", "http://127.0.0.1/cb", "http://[::1]:9/cb"):
        assert registrations.sends_to(one, fine), fine
    for other in ("https://x.example/cb/", "https://x.example/CB", "https://x.example:443/cb", "https://x.example/cb?x",
                  "http://localhost:7778/cb", "http://127.0.0.1:1/cbx", "http://127.0.0.1:1/cb?x", "https://127.0.0.1:1/cb",
                  "http://127.0.0.1:1", "http://127.0.0.1:1/cb#x", "http://127.0.0.1:1/cb\n"):  # fmt: skip
        assert not registrations.sends_to(one, other), other


def test_of_localhost_the_port_is_free_where_a_known_description_leaves_it_out() -> None:
    known = registrations.known()
    assert registrations.sends_to(
        known["https://claude.ai/oauth/claude-code-client-metadata"], "http://localhost:3118/callback"
    )
    assert not registrations.sends_to(
        known["https://zed.dev/oauth/client-metadata.json"], "http://localhost:3118/callback"
    )
    vscode = known["https://vscode.dev/oauth/client-metadata.json"]
    assert registrations.sends_to(vscode, "http://127.0.0.1:50000/")
    assert not registrations.sends_to(vscode, "http://localhost:33418/")


# ---------------------------------------------------------------- rows


def test_what_is_stored_is_found(conn: Any) -> None:
    one = made(bound=True)
    registrations.add(conn, one)
    assert registrations.find(conn, one.id, NOW) == one and registrations.listed(conn) == (one,)
    with pytest.raises(FlowRefused):
        registrations.find(conn, one.id, LATER)
    registrations.keep(conn, one.id)
    registrations.prune(conn, LATER)
    assert registrations.find(conn, one.id, LATER) == replace(one, expires=None)


def test_the_unused_are_forgotten(conn: Any) -> None:
    registrations.add(conn, made())
    registrations.prune(conn, LATER)
    assert registrations.listed(conn) == ()


def test_what_was_tampered_with_is_damage(conn: Any) -> None:
    registrations.add(conn, made())
    for redirects in ("[", '["javascript:x"]', "1"):
        conn.execute("UPDATE registration SET redirects = ?", (redirects,))
        with pytest.raises(Damaged):
            registrations.listed(conn)


def test_there_are_not_more_than_so_many(conn: Any) -> None:
    for n in range(limits.REGISTERED):
        one = made(f"c{n:024x}")
        registrations.add(conn, replace(one, name=f"{n}", created=NOW + timedelta(seconds=n)))
    with pytest.raises(FlowRefused):
        registrations.add(conn, made("c" + "f" * 24))
    conn.execute("UPDATE registration SET expires = NULL")
    oldest, second = f"c{0:024x}", f"c{1:024x}"
    refreshes.start(conn, refreshes.Family("q1", oldest, "g1", "", "", ""))
    registrations.add(conn, made("c" + "f" * 24))
    kept = {one.id for one in registrations.listed(conn)}
    assert oldest in kept and second not in kept, "who is in use stays"


# ---------------------------------------------------------------- the window


def test_the_window(conn: Any) -> None:
    assert pairing.state(conn, NOW) == (None, 0) and not pairing.admit(conn, NOW)
    until = pairing.open_(conn, 60, NOW)
    assert pairing.state(conn, NOW) == (until, limits.REGISTERING)
    assert pairing.admit(conn, NOW) and pairing.state(conn, NOW)[1] == limits.REGISTERING - 1
    assert not pairing.admit(conn, until)
    assert not pairing.admit(conn, NOW), "seen closed, it stays closed when the clock goes back"
    pairing.open_(conn, 60, NOW)
    pairing.close(conn)
    assert not pairing.admit(conn, NOW)


# ---------------------------------------------------------------- refresh tokens


def test_successors_are_the_same_for_the_vault_and_unknown_to_others() -> None:
    first = refreshes.fresh(bytes(32))
    assert refreshes.successor(first, b"k") == refreshes.successor(first, b"k") != refreshes.successor(first, b"l")
    seen = {first}
    for _ in range(100):
        first = refreshes.successor(first, b"k")
        assert first not in seen and len(first) == 68
        seen.add(first)


def test_only_digests_are_stored(conn: Any) -> None:
    token = refreshes.fresh(bytes(32))
    refreshes.start(conn, refreshes.Family("q1", "c1", "g1", "i", "r", ""))
    refreshes.put(conn, token, "q1", NOW)
    stored = [*conn.execute("SELECT * FROM refresh").fetchone(), *conn.execute("SELECT * FROM family").fetchone()]
    assert not any(part in str(one) for one in stored for part in (token, token.removeprefix(refreshes.PREFIX)))
    assert hashlib.sha256(token.encode()).digest() in stored
    refreshes.end(conn, "q1", NOW)
    assert refreshes.get(conn, token) is None and refreshes.family(conn, "q1") == refreshes.Family(
        "q1", "c1", "g1", "i", "r", "", True
    )  # fmt: skip
