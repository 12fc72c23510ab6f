"""The vault as its service: every promise at the one place that all interfaces go through."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.support import PASSPHRASE, HashingEncoder, fill, grant
from vault.config import Config
from vault.errors import (
    BadRequest,
    Busy,
    NotAllowed,
    NotFound,
    NoVault,
    Refused,
    StorageFailed,
    VaultError,
    VaultExists,
    WrongPassphrase,
)
from vault.permissions import audit
from vault.service import Vault
from vault.types import (
    Action,
    AddRequest,
    AuditRequest,
    CountRequest,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    ReadRequest,
    SearchRequest,
    Status,
)


@pytest.fixture
def filled(vault: Vault) -> Vault:
    fill(vault, "notes", boat="the boat leaks at the stern", oak="oak boards for the table")
    fill(vault, "mail", bank="the bank asks for a boat insurance", school="school trip on Friday")
    return vault


def origins(vault: Vault, holder: Holder, query: str, **more: object) -> list[str]:
    return [hit.origin for hit in vault.search(holder, SearchRequest(query, **more)).hits]  # type: ignore[arg-type]


def entries(vault: Vault, owner: Holder) -> list[tuple[str, str, str, str]]:
    page = vault.audit(owner, AuditRequest(limit=100))
    return [(e.entry.client, e.entry.action, e.entry.decision, e.entry.reason) for e in page.entries]


class TestLoop:
    def test_an_assistant_sees_its_collection_only(self, filled: Vault) -> None:
        claude = grant(filled, "claude", "notes")
        assert origins(filled, claude, "boat") == ["boat", "oak"]
        assert filled.count(claude, CountRequest()).count == 2

    def test_the_answer_is_in_the_log_before_it_is_given(self, filled: Vault, owner: Holder) -> None:
        answer = filled.search(grant(filled), SearchRequest("boat"))
        newest = filled.audit(owner, AuditRequest(limit=1)).entries[0]
        assert (newest.number, newest.leaf) == (answer.receipt.entry, answer.receipt.leaf)
        assert newest.entry.query == "boat"
        assert set(newest.entry.records) == {hit.id for hit in answer.hits}

    def test_revoked_means_refused(self, filled: Vault, owner: Holder) -> None:
        claude = grant(filled)
        [made] = filled.grants(owner)
        assert filled.revoke(owner, made.id).status is Status.REVOKED
        with pytest.raises(Refused):
            filled.search(claude, SearchRequest("boat"))
        assert entries(filled, owner)[0] == ("claude", "search", "deny", "grant_revoked")

    def test_the_tree_verifies(self, filled: Vault, owner: Holder) -> None:
        filled.search(grant(filled), SearchRequest("boat"))
        assert filled.verify(owner).ok

    def test_everything_survives_a_restart(self, filled: Vault, config: Config) -> None:
        claude = grant(filled)
        filled.close()
        with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder()) as again:
            assert origins(again, claude, "boat") == ["boat", "oak"]


class TestRefusals:
    @pytest.mark.parametrize("token", ["", "x", "Bearer", "\0", "é" * 50, "A" * 20_000])
    def test_what_is_no_token(self, filled: Vault, token: str) -> None:
        with pytest.raises(Refused):
            filled.search(Holder(token), SearchRequest("boat"))

    def test_a_token_from_another_vault(
        self, filled: Vault, new_vault: Callable[[Path], Vault], tmp_path: Path
    ) -> None:
        other = new_vault(tmp_path / "other")
        for holder in (Holder(other.owner_token().token), grant(other, "claude", "notes", actions=(Action.ADD,))):
            with pytest.raises(Refused):
                filled.search(holder, SearchRequest("boat"))

    def test_a_collection_out_of_scope_is_one_that_does_not_exist(self, filled: Vault, owner: Holder) -> None:
        claude = grant(filled)
        seen = []
        for name in ("mail", "nothing-here"):
            with pytest.raises(NotFound) as caught:
                filled.search(claude, SearchRequest("boat", filter=Filter(collections=(name,))))
            seen.append(caught.value.message.replace(name, "NAME"))
        assert seen[0] == seen[1]
        assert entries(filled, owner)[0] == ("claude", "search", "deny", "out_of_scope")

    def test_a_record_out_of_scope_is_one_that_does_not_exist(self, filled: Vault, owner: Holder) -> None:
        [bank] = [h for h in filled.search(owner, SearchRequest("bank")).hits if h.origin == "bank"]
        with pytest.raises(NotFound) as hidden:
            filled.read(grant(filled), ReadRequest(bank.id))
        with pytest.raises(NotFound) as absent:
            filled.read(grant(filled), ReadRequest("r" + "a" * 26))
        assert (hidden.value.message, hidden.value.code) == (absent.value.message, absent.value.code)

    def test_an_action_not_granted(self, filled: Vault) -> None:
        counter = grant(filled, "counter", "notes", actions=(Action.COUNT,))
        assert filled.count(counter, CountRequest()).count == 2
        with pytest.raises(NotAllowed):
            filled.search(counter, SearchRequest("boat"))

    def test_no_client_can_do_what_is_the_owners(self, filled: Vault, owner: Holder) -> None:
        claude = grant(filled)
        [made] = filled.grants(owner)
        attempts: list[Callable[[], object]] = [
            lambda: filled.grant(claude, GrantRequest("evil", all=True)),
            lambda: filled.preview(claude, GrantRequest("evil", all=True)),
            lambda: filled.grants(claude),
            lambda: filled.revoke(claude, made.id),
            lambda: filled.audit(claude, AuditRequest()),
            lambda: filled.verify(claude),
            lambda: filled.prove(claude, 0),
            lambda: filled.status(claude),
            lambda: filled.origins(claude, "test-notes"),
            lambda: filled.forget(claude, "r"),
            lambda: filled.add(claude, AddRequest("notes", (Draft("x", "y"),))),
        ]
        for attempt in attempts:
            with pytest.raises(NotAllowed):
                attempt()
        assert [e[2] for e in entries(filled, owner)[: len(attempts)]] == ["deny"] * len(attempts)

    def test_nothing_named_means_nothing_granted(self, filled: Vault, owner: Holder) -> None:
        for request in (
            GrantRequest("claude"),
            GrantRequest("claude", filter=Filter(collections=())),
            GrantRequest("claude", actions=(), all=True),
        ):
            with pytest.raises(BadRequest):
                filled.grant(owner, request)

    def test_the_owners_actions_cannot_be_granted(self, filled: Vault, owner: Holder) -> None:
        with pytest.raises(BadRequest):
            filled.grant(owner, GrantRequest("claude", actions=(Action.SEARCH, Action.GRANT), all=True))

    def test_locking_is_the_owners_and_recorded(self, filled: Vault, owner: Holder) -> None:
        with pytest.raises(NotAllowed):
            filled.permit_lock(grant(filled))
        filled.permit_lock(owner)
        with pytest.raises(Refused):
            filled.permit_lock(Holder("junk"))
        asked = [entry for entry in entries(filled, owner) if entry[1] == "lock"]
        assert [(client, decision) for client, _, decision, _ in asked] == [
            ("", "deny"), ("owner", "allow"), ("claude", "deny"),
        ]  # fmt: skip

    def test_the_owners_grant_cannot_be_revoked(self, filled: Vault, owner: Holder) -> None:
        with pytest.raises(BadRequest):
            filled.revoke(owner, "owner")


class TestFailClosed:
    def test_no_audit_entry_no_answer(self, filled: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
        claude = grant(filled)

        def full(*_: object) -> None:
            raise StorageFailed("disk full")

        monkeypatch.setattr(audit, "append", full)
        for ask in (lambda: filled.search(claude, SearchRequest("boat")), lambda: filled.count(claude, CountRequest())):
            with pytest.raises(VaultError):
                ask()

    def test_revoked_between_verifying_and_recording(
        self, filled: Vault, owner: Holder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        claude = grant(filled)
        [made] = filled.grants(owner)
        rank = filled._parts.library.rank

        def slow(*arguments: object) -> object:
            ranked = rank(*arguments)  # type: ignore[arg-type]
            if arguments[1] == "boat":
                filled.revoke(owner, made.id)
            return ranked

        monkeypatch.setattr(filled._parts.library, "rank", slow)
        with pytest.raises(Refused):
            filled.search(claude, SearchRequest("boat"))

    def test_an_expired_grant_stays_expired_when_the_clock_goes_back(self, tmp_path: Path) -> None:
        moment = [datetime(2026, 1, 1, tzinfo=UTC)]
        config = Config(directory=tmp_path / "v", argon2_memory=19 * 1024)
        Vault.create(config, bytearray(PASSPHRASE), clock=lambda: moment[0])
        with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder(), clock=lambda: moment[0]) as vault:
            fill(vault, "notes", boat="the boat leaks")
            claude = grant(vault, expires_in=3600)
            assert origins(vault, claude, "boat") == ["boat"]
            for shift in (timedelta(hours=2), timedelta(0), timedelta(days=-400)):
                moment[0] = datetime(2026, 1, 1, tzinfo=UTC) + shift
                with pytest.raises(Refused):
                    vault.search(claude, SearchRequest("boat"))

    def test_strangers_cannot_fill_the_log(self, filled: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(filled._parts.desk.meter, "_per_minute", 5)
        codes = []
        for _ in range(12):
            with pytest.raises(VaultError) as caught:
                filled.search(Holder("junk"), SearchRequest("boat"))
            codes.append(caught.value.code)
        assert codes.count("throttled") >= 6

    def test_answers_under_way_are_out_or_refused_when_revoke_returns(self, filled: Vault, owner: Holder) -> None:
        claude = grant(filled)
        [made] = filled.grants(owner)
        revoked = threading.Event()
        late: list[str] = []

        def ask() -> None:
            while True:
                begun_after = revoked.is_set()
                try:
                    filled.search(claude, SearchRequest("boat"))
                except Refused:
                    return
                if begun_after:
                    late.append("answered after revoke returned")

        askers = [threading.Thread(target=ask) for _ in range(6)]
        for asker in askers:
            asker.start()
        filled.revoke(owner, made.id)
        revoked.set()
        for asker in askers:
            asker.join()
        assert late == []


class TestAdding:
    def test_twice_is_once(self, filled: Vault, owner: Holder) -> None:
        request = AddRequest("notes", (Draft("a", "one"), Draft("b", "two")), source="s")
        assert [o.outcome for o in filled.add(owner, request).outcomes] == ["added", "added"]
        assert [o.outcome for o in filled.add(owner, request).outcomes] == ["unchanged", "unchanged"]
        changed = replace(request, drafts=(Draft("a", "one!"), Draft("b", "two")))
        assert [o.outcome for o in filled.add(owner, changed).outcomes] == ["changed", "unchanged"]
        assert filled.origins(owner, "s") == ("a", "b")

    def test_names_match_however_they_are_spelt(self, filled: Vault, owner: Holder) -> None:
        """Letter and mark apart (NFD), as some keyboards and file systems write them, is the same name."""
        apart, one = "caf\u0065\u0301", "caf\u00e9"
        draft = Draft("a", "espresso", kind=apart, people=(apart,), labels=(f" {apart} ",))
        added = filled.add(owner, AddRequest(apart, (draft,), source=apart))
        assert filled.read(owner, ReadRequest(added.outcomes[0].id)).record.kind == one
        for name in (apart, one):
            for wanted in (
                Filter(collections=(name,)), Filter(sources=(name,)), Filter(kinds=(name,)), Filter(people=(name,)),
                Filter(labels=(name,)), Filter(labels=(f"{name} ",)),
            ):  # fmt: skip
                assert filled.count(owner, CountRequest(wanted)).count == 1, wanted
            assert filled.count(owner, CountRequest(Filter(without_labels=(f" {name}",)))).count == 4
            assert filled.origins(owner, name) == ("a",)
            assert filled.search(grant(filled, name, name), SearchRequest("espresso")).hits
            assert filled.audit(owner, AuditRequest(client=name)).entries

    def test_the_old_text_of_a_changed_record_is_gone(self, filled: Vault, owner: Holder) -> None:
        for text in ("unicorn meadow", "plain grass"):
            filled.add(owner, AddRequest("notes", (Draft("a", text),), source="s"))
        assert all("unicorn" not in h.text for h in filled.search(owner, SearchRequest("unicorn meadow", 100)).hits)
        assert filled.count(owner, CountRequest()).count == 5

    def test_forgotten_is_gone(self, filled: Vault, owner: Holder, config: Config) -> None:
        hit = filled.search(owner, SearchRequest("boat leaks stern")).hits[0]
        filled.forget(owner, hit.id)
        assert hit.origin not in origins(filled, owner, "boat leaks stern", limit=100)
        with pytest.raises(NotFound):
            filled.read(owner, ReadRequest(hit.id))
        with pytest.raises(NotFound):
            filled.forget(owner, hit.id)
        filled.close()
        with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder()) as again:
            assert hit.origin not in origins(again, Holder(again.owner_token().token), "boat leaks stern", limit=100)

    def test_a_write_only_client_reads_nothing_and_touches_nothing_of_others(
        self, filled: Vault, owner: Holder
    ) -> None:
        capture = grant(filled, "extension", "notes", actions=(Action.ADD,))
        before = filled.search(owner, SearchRequest("boat leaks stern")).hits[0]
        added = filled.add(capture, AddRequest("notes", (Draft(before.origin, "overwritten?"),), source=before.source))
        assert added.outcomes[0].outcome == "added"
        assert filled.read(owner, ReadRequest(before.id)).record.text == before.text
        mine = filled.read(owner, ReadRequest(added.outcomes[0].id)).record
        assert (mine.source, mine.provenance) == ("client:extension:notes", "third_party")
        for ask in (
            lambda: filled.search(capture, SearchRequest("boat")),
            lambda: filled.read(capture, ReadRequest(mine.id)),
        ):
            with pytest.raises(NotAllowed):
                ask()
        with pytest.raises(NotFound):
            filled.add(capture, AddRequest("mail", (Draft("x", "y"),)))

    def test_one_bad_draft_does_not_hurt_its_neighbours(self, filled: Vault, owner: Holder) -> None:
        drafts = (
            Draft("good", "fine"),
            Draft("empty", "  \n"),
            Draft("huge", "x" * (4 * 2**20 + 1)),
            Draft("early", "x", created=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))),
            Draft("late", "x", updated=datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))),
            Draft("far", "x", position=2**64),
            Draft("half", "x", language="\udc80"),
            Draft("kindless", "x", kind=" "),
            Draft("called", "x", labels=("x" * 257,)),
            Draft("also", "fine too"),
        )
        outcomes = filled.add(owner, AddRequest("notes", drafts, source="s")).outcomes
        assert [o.outcome for o in outcomes] == ["added", *["failed"] * (len(drafts) - 2), "added"]
        assert all(o.reason for o in outcomes if o.outcome == "failed")


class TestOpening:
    def test_wrong_passphrase(self, filled: Vault, config: Config) -> None:
        filled.close()
        with pytest.raises(WrongPassphrase):
            Vault.open(config, bytearray(b"wrong"))

    def test_the_recovery_key_opens(self, tmp_path: Path) -> None:
        config = Config(directory=tmp_path / "r", argon2_memory=19 * 1024)
        recovery = Vault.create(config, bytearray(PASSPHRASE))
        Vault.open(config, bytearray(recovery.encode())).close()

    def test_the_passphrase_is_wiped(self, vault: Vault, config: Config) -> None:
        vault.close()
        for secret in (bytearray(PASSPHRASE), bytearray(b"wrong")):
            with contextlib.suppress(WrongPassphrase):
                Vault.open(config, secret).close()
            assert not any(secret)

    def test_two_at_once(self, vault: Vault, config: Config) -> None:
        with pytest.raises(Busy):
            Vault.open(config, bytearray(PASSPHRASE))

    def test_no_vault(self, tmp_path: Path) -> None:
        with pytest.raises(NoVault):
            Vault.open(Config(directory=tmp_path / "nothing"), bytearray(PASSPHRASE))

    def test_never_over_something(self, vault: Vault, config: Config, tmp_path: Path) -> None:
        with pytest.raises(VaultExists):
            Vault.create(config, bytearray(PASSPHRASE))
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "letter.txt").write_text("dear")
        with pytest.raises(VaultExists):
            Vault.create(Config(directory=tmp_path / "mine"), bytearray(PASSPHRASE))
        assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"
