"""Idempotency keys: an addition happens once, whatever breaks, however many ask, and whoever else has the same key."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support import FLOOR_KIB, PASSPHRASE, Clock, HashingEncoder, grant
from vault import limits
from vault.config import Config
from vault.errors import BadRequest, KeyReused, NotAllowed, Refused, Throttled, UnderWay
from vault.permissions import once
from vault.service import Vault
from vault.types import Action, AddAnswer, AddRequest, Approval, AuditRequest, Draft, Holder, ReadRequest

FIRST = AddRequest("notes", (Draft("1", "The first."), Draft("2", " ")))


def opened(directory: Path, clock: Clock) -> Vault:
    config = Config(directory, argon2_memory=FLOOR_KIB)
    if not directory.exists():
        Vault.create(config, bytearray(PASSPHRASE), clock=clock)
    return Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder(), clock=clock)


def owner(vault: Vault) -> Holder:
    return Holder(vault.owner_token().token)


def text(vault: Vault, answer: AddAnswer) -> str:
    return vault.read(owner(vault), ReadRequest(answer.outcomes[0].id)).record.text


def test_the_answer_outlives_the_process_and_ends_with_the_day(tmp_path: Path) -> None:
    clock = Clock(datetime(2026, 3, 1, tzinfo=UTC))
    with opened(tmp_path / "vault", clock) as vault:
        scribe = grant(vault, "scribe", actions=(Action.ADD,))
        told = vault.add(scribe, FIRST, "key")
        assert [one.outcome for one in told.outcomes] == ["added", "failed"] and told.outcomes[1].reason
        changed = AddRequest("notes", (Draft("1", "The second."),))
        assert vault.add(scribe, changed).outcomes[0].outcome == "changed"
    with opened(tmp_path / "vault", clock) as vault:
        assert vault.add(scribe, FIRST, "key") == told
        assert text(vault, told) == "The second."
        entry = vault.audit(owner(vault), AuditRequest(limit=20)).entries
        assert {"again": told.receipt.entry} in [one.entry.detail for one in entry]
        with pytest.raises(KeyReused):
            vault.add(scribe, changed, "key")
        clock.now += timedelta(seconds=limits.ONCE_SECONDS)
        again = vault.add(scribe, FIRST, "key")
        assert again.outcomes[0].outcome == "changed" and again.receipt != told.receipt
        with vault._parts.db.read() as conn:
            assert conn.execute("SELECT count(*) FROM once").fetchone() == (1,)


def test_a_key_belongs_to_its_grant(vault: Vault) -> None:
    one, other = (grant(vault, name, actions=(Action.ADD,)) for name in ("one", "other"))
    first = vault.add(one, FIRST, "key")
    second = vault.add(other, FIRST, "key")
    assert first.outcomes[0].id != second.outcomes[0].id
    third = vault.add(owner(vault), AddRequest("notes", (Draft("1", "Mine."),), "me"), "key")
    assert third.outcomes[0].outcome == "added"


def test_a_key_opens_nothing(vault: Vault) -> None:
    """Whoever lost the right to add gets no answer of before either."""
    scribe = grant(vault, "scribe", actions=(Action.ADD,))
    vault.add(scribe, FIRST, "key")
    made = next(one for one in vault.grants(owner(vault)) if one.client == "scribe")
    vault.pause(owner(vault), made.id)
    with pytest.raises(Refused):
        vault.add(scribe, FIRST, "key")
    vault.resume(owner(vault), made.id)
    assert vault.add(scribe, FIRST, "key").outcomes[0].outcome == "added"
    vault.revoke(owner(vault), made.id)
    with pytest.raises(Refused):
        vault.add(scribe, FIRST, "key")
    with pytest.raises(NotAllowed):
        vault.add(grant(vault, "reader"), FIRST, "key")


def test_many_at_once_add_once(vault: Vault) -> None:
    scribe = grant(vault, "scribe", actions=(Action.ADD,))
    start = threading.Barrier(8)

    def ask(_: int) -> AddAnswer | None:
        start.wait()
        try:
            return vault.add(scribe, FIRST, "key")
        except UnderWay:
            return None

    with ThreadPoolExecutor(8) as pool:
        answers = [one for one in pool.map(ask, range(8)) if one]
    assert answers and all(one == answers[0] for one in answers)
    assert vault.add(scribe, FIRST, "key") == answers[0]
    entries = [one.entry for one in vault.audit(owner(vault), AuditRequest(limit=50)).entries]
    assert len([one for one in entries if one.action == "add" and one.decision == "allow" and one.records]) == 1


def test_what_is_under_way_is_not_begun_again(vault: Vault) -> None:
    scribe = grant(vault, "scribe", actions=(Action.ADD,))
    made = next(one for one in vault.grants(owner(vault)) if one.client == "scribe")
    with vault._parts.once.alone(made.id, "key") as free:
        assert free
        with pytest.raises(UnderWay):
            vault.add(scribe, FIRST, "key")
        vault.add(scribe, FIRST, "another")
    assert vault.add(scribe, FIRST, "key").outcomes[0].outcome == "unchanged"


def test_what_was_not_done_is_not_remembered(vault: Vault) -> None:
    """Held for approval, the same key asks again once it is given; the answer is then kept."""
    scribe = grant(vault, "scribe", actions=(Action.ADD,), approval=Approval.EACH)
    with pytest.raises(Exception, match="approval") as raised:
        vault.add(scribe, FIRST, "key")
    from vault.types import ApproveRequest

    vault.approve(owner(vault), raised.value.request, ApproveRequest())  # type: ignore[attr-defined]
    told = vault.add(scribe, FIRST, "key")
    assert told.outcomes[0].outcome == "added"
    assert vault.add(scribe, FIRST, "key") == told, "an answer that was given needs no approval again"


def test_a_forgotten_record_leaves_no_name_and_does_not_come_back(vault: Vault) -> None:
    scribe = grant(vault, "scribe", actions=(Action.ADD,))
    request = AddRequest("notes", (Draft("secret-name", "Forget me."), Draft("kept", "Keep me.")))
    told = vault.add(scribe, request, "key")
    vault.forget(owner(vault), told.outcomes[0].id)
    again = vault.add(scribe, request, "key")
    assert [one.origin for one in again.outcomes] == ["", "kept"] and again.receipt == told.receipt
    assert vault.origins(owner(vault), "client:scribe:notes") == ("kept",)
    with vault._parts.db.read() as conn:
        assert "secret-name" not in str(conn.execute("SELECT answer FROM once").fetchall())


def test_answers_kept_are_bounded(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    scribe = grant(vault, "scribe", actions=(Action.ADD,))
    monkeypatch.setattr(limits, "ONCE_KEYS", 2)
    for n in range(2):
        vault.add(scribe, AddRequest("notes", (Draft(str(n), "x"),)), f"key{n}")
    with pytest.raises(Throttled):
        vault.add(scribe, AddRequest("notes", (Draft("3", "x"),)), "key3")
    assert vault.origins(owner(vault), "client:scribe:notes") == ("0", "1"), "refused is not done"
    vault.add(scribe, AddRequest("notes", (Draft("3", "x"),)))
    monkeypatch.setattr(limits, "ONCE_KEYS", 100)
    monkeypatch.setattr(limits, "ONCE_BYTES", 10)
    with pytest.raises(Throttled):
        vault.add(scribe, AddRequest("notes", (Draft("4", "x"),)), "key4")


@pytest.mark.parametrize("key", ["", "x" * (limits.ONCE_KEY + 1), "line\nfeed", "é", "\x7f"])
def test_what_is_no_key(key: str) -> None:
    with pytest.raises(BadRequest):
        once.check(key)
