"""Whatever is wrong with the input: one clear line, a hint, the documented exit code, nothing lost, no traceback."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import Server, run_command


@pytest.fixture(scope="module")
def sealed(home: dict[str, str]) -> dict[str, str]:
    """A vault with one record that nobody has open."""
    run_command(home, "init")
    run_command(home, "add", "--collection", "notes", "--title", "boat", stdin="the boat leaks")
    return home


def refused(environment: dict[str, str], code: int, *words: str, stdin: str | None = None) -> str:
    """Run a command that must fail as the documentation says, and return what it said."""
    done = run_command(environment, *words, stdin=stdin, check=False)
    said = done.stderr.strip().splitlines()
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr + done.stdout
    assert said[0].startswith("ownvault: ") and len(said) <= 2, said
    assert len(said) < 2 or said[1].startswith("hint: "), said
    return done.stderr


def damage(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


DAMAGE = {
    "keyslots.json empty": ("keyslots.json", lambda _: b""),
    "keyslots.json not JSON": ("keyslots.json", lambda _: b"{]"),
    "keyslots.json cut": ("keyslots.json", lambda content: content[: len(content) // 2]),
    "keyslots.json binary": ("keyslots.json", lambda _: bytes(range(256)) * 4),
    "database empty": ("vault.db", lambda _: b""),
    "database cut at a page": ("vault.db", lambda content: content[:4096]),
    "database cut within a page": ("vault.db", lambda content: content[:6000]),
    "database noise": ("vault.db", lambda content: bytes(reversed(content))),
    "database first page flipped": ("vault.db", lambda content: flip(content[:4096]) + content[4096:]),
    "config not TOML": ("config.toml", lambda _: b"port = = 1"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damaged_files(sealed: dict[str, str], tmp_path: Path, case: str) -> None:
    copy = tmp_path / "vault"
    shutil.copytree(sealed["OWNVAULT_DIR"], copy)
    name, change = DAMAGE[case]
    (copy / name).touch()
    damage(copy / name, change)
    before = {path.name: path.read_bytes() for path in copy.iterdir() if path.name in ("keyslots.json", "vault.db")}
    refused({**sealed, "OWNVAULT_DIR": str(copy)}, 7, "search", "boat")
    assert before == {path.name: path.read_bytes() for path in copy.iterdir() if path.name in before}


@pytest.mark.parametrize("name", ["keyslots.json", "vault.db"])
def test_a_missing_file_is_never_a_new_vault(sealed: dict[str, str], tmp_path: Path, name: str) -> None:
    copy = tmp_path / "vault"
    shutil.copytree(sealed["OWNVAULT_DIR"], copy)
    (copy / name).unlink()
    refused({**sealed, "OWNVAULT_DIR": str(copy)}, 12 if name == "keyslots.json" else 7, "search", "boat")
    assert not (copy / name).exists()


def test_wrong_passphrase(sealed: dict[str, str], tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the passphrase\n")
    said = refused(sealed, 6, "--passphrase-file", str(wrong), "search", "boat")
    assert "recovery key" in said


def test_no_vault(sealed: dict[str, str], tmp_path: Path) -> None:
    assert "ownvault init" in refused({**sealed, "OWNVAULT_DIR": str(tmp_path / "none")}, 12, "search", "boat")


def test_init_over_a_vault(sealed: dict[str, str]) -> None:
    refused(sealed, 12, "init")


@pytest.fixture(scope="module")
def running(sealed: dict[str, str]):  # type: ignore[no-untyped-def]
    from tests.support import start_server

    server = start_server(sealed)
    yield server
    server.stop()


def test_queries(running: Server) -> None:
    refused(running.environment, 2, "search", "  ")
    refused(running.environment, 2, "search", "boat " * 1000)
    refused(running.environment, 3, "search", "boat", "--collection", "no-such")
    refused(running.environment, 3, "grant", "claude", "--collection", "no-such")
    refused(running.environment, 3, "show", "r" + "a" * 26)
    refused(running.environment, 3, "forget", "r" + "a" * 26, "--yes")
    refused(running.environment, 3, "revoke", "g0000000000000000")


def test_imports(running: Server, tmp_path: Path) -> None:
    refused(running.environment, 10, "import", "markdown", str(tmp_path / "none"), "--collection", "notes")
    refused(running.environment, 10, "import", "no-such-importer", str(tmp_path), "--collection", "notes")
    (tmp_path / "binary.md").write_bytes(bytes(range(256)) * 50)
    (tmp_path / "good.md").write_text("# Good\n\nfine")
    report = running.json("import", "markdown", str(tmp_path), "--collection", "notes")
    assert report["added"] == 1
    assert [failure["place"] for failure in report["failed"]] == ["binary.md"]  # type: ignore[index]


def test_malformed_mail(running: Server, tmp_path: Path) -> None:
    mailbox = tmp_path / "bad.mbox"
    mailbox.write_bytes(
        b"From a@example.org Mon Jan  1 00:00:00 2024\nSubject: =?utf-8?q?caf=C3?=\n"
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n"
        b"Content-Type: text/plain; charset=no-such\nContent-Transfer-Encoding: base64\n\n!!!!\n\n"
        b"From b@example.org Mon Jan  1 00:00:00 2024\nFrom: B <b@example.org>\nSubject: good\n"
        b"Message-ID: <g@example.org>\n\nwell formed\n"
    )
    report = running.json("import", "mbox", str(mailbox), "--collection", "mail")
    assert report["added"] >= 1
    assert any("well formed" in hit["text"] for hit in running.json("search", "well formed mail")["hits"])  # type: ignore[attr-defined]


def ask(
    running: Server, token: str, body: bytes = b'{"query": "boat"}', path: str = "/v1/search"
) -> tuple[int, dict[str, object]]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(running.address + path, body, headers), timeout=30
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_tokens(running: Server) -> None:
    token = str(running.json("grant", "claude", "--collection", "notes")["token"])
    assert ask(running, token)[0] == 200
    bad = {
        "none": "",
        "junk": "junk",
        "truncated": token[:-7],
        "tampered": token[:40] + ("A" if token[40] != "A" else "B") + token[41:],
        "padded": token + "=",
        "oversized": token + "A" * 20_000,
        "twice": token + token,
    }
    for name, value in bad.items():
        status, problem = ask(running, value)
        assert (status, problem["code"]) == (401, "token_refused"), (name, status, problem)
        assert "boat" not in json.dumps(problem)


def test_bodies(running: Server) -> None:
    token = str(running.json("grant", "claude", "--collection", "notes")["token"])
    for body, codes in {
        b"": (400,),
        b"{": (400,),
        b"[]": (400,),
        b"null": (400,),
        b'{"query": 1}': (400,),
        b'{"query": ""}': (400,),
        b"\xff\xfe": (400,),
        b'{"query": "x", "surprise": 1}': (400,),
        b'{"query": "x", "limit": 0}': (400,),
        b'{"query": "x", "limit": 1e9}': (400,),
        b'{"query": "x", "limit": "10"}': (400,),
        b'{"query": "%s"}' % (b"x" * 5000): (400, 413),
        b"[" * 100_000: (400,),
        b'{"query": "x", "filter": {"collections": "notes"}}': (400,),
        b'{"query": "x", "filter": {"since": "yesterday"}}': (400,),
        b'{"query": "\\ud800"}': (200, 400),
        b'{"query": "\\u0000"}': (200, 400),
    }.items():
        status, answer = ask(running, token, body)
        assert status in codes, (body[:60], status, answer)
        assert status == 200 or answer["code"] in ("bad_request", "too_large"), answer
