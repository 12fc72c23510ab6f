"""`ownvault token` in the hands of a holder without a vault, on a machine without the heavy libraries."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vault.permissions import tokens
from vault.types import EVERYTHING, Action, Detail, Grant, Limits, Names, Sensitivity, Status

BLOCKED = "torch faiss sqlcipher3 numpy flask mcp sentence_transformers pydantic granian"
PROGRAM = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED.split()!r}:
            raise ModuleNotFoundError(name + " is not installed here", name=name)

sys.meta_path.insert(0, Blocker())
import vault.permissions.tokens
from vault.cli import run
sys.exit(run(sys.argv[1:]))
"""
AUDIENCE = tokens.audience("0123456789abcdef0123456789abcdef")
ROOT = tokens.Root.from_seeds({1: b"1" * 32, 2: b"2" * 32})
DAY = timedelta(days=1)


def made(**changes: Any) -> Grant:
    now = datetime.now(UTC).replace(microsecond=0)
    where = EVERYTHING.narrow(
        collections=Names.of("notes", "mail"), ceiling=Sensitivity.PERSONAL, since=datetime(2026, 1, 1, tzinfo=UTC)
    )
    given: dict[str, Any] = {
        "id": "g-1", "client": "claude", "purpose": "", "actions": frozenset({Action.SEARCH, Action.READ}),
        "where": where, "status": Status.ACTIVE, "created": now - 9 * DAY, "expires": now + 30 * DAY,
        "last_used": None, "detail": Detail.SNIPPET, "limits": Limits(results=10), **changes,
    }  # fmt: skip
    return Grant(**given)


def mint(grant: Grant | None = None, audience: str = AUDIENCE, root: tokens.Root = ROOT, **ago: float) -> str:
    grant, now = grant or made(), datetime.now(UTC) - timedelta(**ago)
    return tokens.mint(root, grant, audience, now + DAY, now)


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def token(self) -> str:
        assert self.code == 0, self.err
        return self.out.strip()


Holder = Callable[..., Said]


@pytest.fixture
def holder(tmp_path: Path) -> Holder:
    """Return a function that runs `ownvault token …` for a token, where there is neither vault nor heavy library."""
    keys = [{"kid": kid, "public_key": str(key)} for kid, key in sorted(ROOT.keys.items(), reverse=True)]
    (tmp_path / "vault-keys.json").write_text(
        json.dumps({"audience": AUDIENCE, "token_keys": keys, "log": "a log key"})
    )
    (tmp_path / "key").write_text(f"{ROOT.public}\n")

    def run(token: str, *words: str) -> Said:
        environment = {**os.environ, "OWNVAULT_DIR": str(tmp_path / "nothing"), "OWNVAULT_TOKEN": token}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "token", *words], cwd=tmp_path, env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    return run


def test_the_blocker_blocks(holder: Holder) -> None:
    """Else the tests below would show nothing."""
    code = PROGRAM.partition("import vault")[0] + "import sqlcipher3"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("key", ["vault-keys.json", "key", str(ROOT.public)])
def test_narrow_inspect_and_verify_with_the_public_key_alone(holder: Holder, key: str) -> None:
    parent = mint()
    child = holder(
        parent, "attenuate", "--key", key, "--action", "read", "--collection", "notes", "--detail", "redacted",
        "--per-query", "3", "--last", "7", "--expires", "1h",
    ).token  # fmt: skip
    inspected, verified = (holder(child, *words) for words in (("inspect",), ("verify", "--key", key)))
    for said in (inspected, verified):
        assert said.code == 0 and not said.err
        shown = dict(re.findall(r"^(\w[\w ]*?)  +(.*)$", said.out, re.MULTILINE))
        assert (shown["client"], shown["may"], shown["detail"]) == ("claude", "read", "redacted")
        assert (shown["per query"], shown["narrowed"]) == ("3 records", "1 time")
        assert "notes" in shown["scope"] and "mail" not in shown["scope"] and "7" in shown["scope"]
    first, *_, last = verified.out.splitlines()
    assert "not expired" in first and "revoked" in last
    real = tokens.verify(tokens.vet(child), ROOT.keys, AUDIENCE, datetime.now(UTC))
    assert real.actions == {Action.READ} and (real.detail, real.results, real.where.last) == (Detail.REDACTED, 3, 7)


def test_verify_as_json_says_what_was_checked(holder: Holder) -> None:
    said = json.loads(holder(mint(), "--json", "verify", "--key", "vault-keys.json").out)
    assert said["checked"] == {"signature": True, "expiry": True, "audience": True, "revocation": False}
    assert said["token"]["scope"]["collections"] == ["mail", "notes"] and said["token"]["detail"] == "snippet"
    alone = json.loads(holder(mint(), "verify", "--json", "--key", str(ROOT.public)).out)
    assert alone["checked"]["audience"] is False


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (lambda: mint(days=1), "this token has expired"),
        (lambda: mint(root=tokens.Root.from_seed(b"x" * 32, 2)), "was not signed by that key, or was changed"),
        (lambda: mint(root=tokens.Root.from_seed(b"x" * 32, 3)), "a key that is not among those of the vault"),
        (lambda: mint(audience="ownvault:other"), "this token is for another vault"),
        (lambda: mint()[:-4] + "AAAA", "ownvault: this"),
        (lambda: "nonsense", "this is no token of a vault"),
    ],
)  # fmt: skip
def test_verify_says_what_is_wrong(holder: Holder, token: Callable[[], str], why: str) -> None:
    said = holder(token(), "verify", "--key", "vault-keys.json")
    assert (said.code, said.out) == (4, "") and why in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--action count", "does not allow the action 'count'\nhint: it allows: read, search"),
        ("--collection photos", "does not allow the collection 'photos'\nhint: it allows: mail, notes"),
        ("--detail full", "allows at most the detail snippet\nhint: ask for less"),
        ("--per-query 11", "allows at most 10 records in one answer"),
        ("--sensitivity secret", "allows at most the sensitivity personal"),
        (
            "--until 2025-01-01",
            "nothing of this token's window would be left\nhint: it allows records since 2026-01-01",
        ),
        ("", "nothing to narrow was named"),
    ],
)
def test_attenuate_explains_what_does_not_fit(holder: Holder, words: str, told: str) -> None:
    said = holder(mint(), "attenuate", "--key", "key", *words.split())
    assert (said.code, said.out) == (2, "") and told in said.err


def test_attenuate_needs_the_vaults_own_key(holder: Holder) -> None:
    stranger = str(tokens.Root.from_seed(b"x" * 32, 2).public)
    said = holder(mint(), "attenuate", "--action", "read", "--key", stranger)
    assert said.code == 4 and "was not signed by that key" in said.err
    for key, told in (
        ("no-such-file", "cannot read no-such-file"), ("ed25519/00", "a public key is written"), (".", "cannot read ."),
    ):  # fmt: skip
        said = holder(mint(), "attenuate", "--action", "read", "--key", key)
        assert said.code == 2 and told in said.err
    said = holder(mint(), "attenuate", "--action", "read")
    assert said.code == 2 and "the vault's public key is not known" in said.err and "--key" in said.err


def test_the_token_is_also_read_from_a_file(holder: Holder, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(mint() + "\n")
    assert "claude" in holder("", "inspect", "token").out
    missing = holder("", "inspect")
    assert missing.code == 2 and "there is no token" in missing.err
