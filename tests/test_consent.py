"""What stands between an assistant and an answer: limits, the owner's approval, and every way to take access back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import FLOOR_KIB, PASSPHRASE, Clock, HashingEncoder, fill
from vault import limits
from vault.config import Config
from vault.errors import ApprovalRequired, BadRequest, Denied, LimitReached, NotAllowed, NotFound, Refused, VaultError
from vault.permissions import tokens
from vault.service import Vault
from vault.types import (
    AccessRequest,
    Action,
    AddRequest,
    Approval,
    ApproveRequest,
    AuditRequest,
    By,
    CountRequest,
    Detail,
    Draft,
    Filter,
    ForgetRequest,
    GrantRequest,
    Holder,
    LabelRequest,
    Lasting,
    Limits,
    NarrowRequest,
    ReadRequest,
    ReplayRequest,
    RevokeRequest,
    SearchRequest,
    Sensitivity,
    Status,
    Verdict,
)

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class House:
    """A vault with a clock, and the requests of these tests."""

    vault: Vault
    clock: Clock

    @property
    def owner(self) -> Holder:
        return Holder(self.vault.owner_token().token)

    def grant(self, client: str = "claude", *collections: str, **more: Any) -> tuple[str, Holder]:
        request = GrantRequest(client, filter=Filter(collections=collections or ("notes",)), **more)
        made = self.vault.grant(self.owner, request)
        return made.grant.id, Holder(made.token)

    def ask(self, holder: Holder, query: str = "boat", **more: Any) -> list[str]:
        return [hit.origin for hit in self.vault.search(holder, SearchRequest(query, **more)).hits]

    def waiting(self, holder: Holder, query: str = "boat", **more: Any) -> str:
        """Return the id of the request that this question waits for."""
        with pytest.raises(ApprovalRequired) as caught:
            self.ask(holder, query, **more)
        return caught.value.request

    def approve(self, id: str, lasting: Lasting = Lasting.ONCE, **more: Any) -> None:
        self.vault.approve(self.owner, id, ApproveRequest(lasting, **more))

    def reasons(self, n: int = 1) -> list[str]:
        page = self.vault.audit(self.owner, AuditRequest(limit=50))
        return [e.entry.reason for e in page.entries if e.entry.client != "owner"][:n]

    def notices(self) -> list[str]:
        return [notice.kind for notice in self.vault.notices(self.owner).notices]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    clock = Clock(START)
    config = Config(directory=tmp_path / "vault", argon2_memory=FLOOR_KIB)
    Vault.create(config, bytearray(PASSPHRASE), clock=clock)
    with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder(), clock=clock) as vault:
        fill(vault, "notes", boat="the boat leaks at the stern", oak="oak boards for the table", pie="apple pie")
        fill(vault, "mail", bank="the bank asks for a boat insurance", school="school trip on Friday")
        secret = Draft(origin="pin", text="the boat's alarm code", title="pin", sensitivity=Sensitivity.SENSITIVE)
        vault.add(Holder(vault.owner_token().token), AddRequest("notes", (secret,), source="test-notes"))
        yield House(vault, clock)


class TestLimits:
    def test_the_results_of_one_answer(self, house: House) -> None:
        _, claude = house.grant(limits=Limits(results=2))
        assert len(house.ask(claude, limit=10)) == 2
        assert house.reasons() == ["granted"]

    @pytest.mark.parametrize(
        ("given", "limit"),
        [
            (Limits(queries_per_hour=2), "queries_per_hour"),
            (Limits(records_per_day=2), "records_per_day"),
            (Limits(bytes_per_day=120), "bytes_per_day"),
        ],
    )
    def test_what_goes_over_is_not_given_and_pauses(self, house: House, given: Limits, limit: str) -> None:
        _id, claude = house.grant(limits=given)
        with pytest.raises(LimitReached):
            for query in ("boat", "pie", "oak"):
                house.ask(claude, query, limit=1)
                house.ask(claude, query, limit=2)
        [grant] = house.vault.grants(house.owner)
        assert (grant.status, grant.paused_for) == (Status.PAUSED, limit)
        assert house.reasons() == [f"limit_{limit}"]
        assert house.notices() == ["limit"]
        with pytest.raises(Refused):
            house.ask(claude)

    def test_resumed_the_allowance_starts_anew(self, house: House) -> None:
        id, claude = house.grant(limits=Limits(queries_per_hour=1))
        house.ask(claude)
        with pytest.raises(LimitReached):
            house.ask(claude)
        house.clock.forward(seconds=1)
        assert house.vault.resume(house.owner, id).status is Status.ACTIVE
        house.ask(claude)

    def test_the_same_record_again_costs_no_record(self, house: House) -> None:
        _, claude = house.grant(limits=Limits(records_per_day=3))
        for _ in range(5):
            assert len(house.ask(claude)) == 3

    def test_a_child_and_another_grant_spend_from_the_same_allowance(self, house: House) -> None:
        given = Limits(queries_per_hour=3)
        _, claude = house.grant(limits=given)
        _, also = house.grant("claude", "mail", limits=given)
        key = tokens.public_key(str(house.vault.public_keys()["token_keys"][0]["public_key"]))  # type: ignore[index]
        child = Holder(tokens.attenuate(claude.token, key, collections=("notes",)))
        for holder in (claude, also, child):
            house.ask(holder)
        for holder, error in ((child, LimitReached), (claude, Refused), (also, LimitReached)):
            with pytest.raises(error):
                house.ask(holder)

    def test_a_day_later_it_is_open_again(self, house: House) -> None:
        _id, claude = house.grant(limits=Limits(records_per_day=3))
        house.ask(claude)
        house.clock.forward(days=1, seconds=61)
        assert house.vault.grants(house.owner)[0].used.records == 0
        house.ask(claude)

    def test_a_count_of_few_is_charged_like_records(self, house: House) -> None:
        _, counter = house.grant(
            "counter", actions=(Action.COUNT,), detail=Detail.ANSWERS, limits=Limits(records_per_day=2)
        )
        with pytest.raises(LimitReached):
            house.vault.count(counter, CountRequest())

    def test_the_owner_has_none(self, house: House) -> None:
        house.ask(house.owner)
        assert house.vault.replay(house.owner, ReplayRequest("owner")).releases == ()

    def test_sweeping_is_told(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "SWEEP_RECORDS", 3)
        _, claude = house.grant()
        house.ask(claude, limit=3)
        assert house.notices() == ["sweep"]


class TestDetail:
    def test_answers_only(self, house: House) -> None:
        _, counter = house.grant("counter", actions=(Action.COUNT,), detail=Detail.ANSWERS)
        for ask in (lambda: house.ask(counter), lambda: house.vault.read(counter, ReadRequest("r1"))):
            with pytest.raises(NotAllowed):
                ask()
        assert house.vault.actions(counter) == {Action.COUNT}
        assert house.vault.count(counter, CountRequest(by=By.COLLECTION)).groups == {"notes": 3}

    def test_answers_with_search_is_no_grant(self, house: House) -> None:
        with pytest.raises(BadRequest, match="no text"):
            house.grant(detail=Detail.ANSWERS)

    @pytest.mark.parametrize("detail", [Detail.SNIPPET, Detail.REDACTED])
    def test_less_than_full_is_a_passage(self, house: House, detail: Detail) -> None:
        fill(house.vault, "long", essay="harbour " + "words and words " * 400)
        _, claude = house.grant("claude", "long", detail=detail)
        [hit] = house.vault.search(claude, SearchRequest("harbour")).hits
        assert len(hit.text) <= limits.SNIPPET
        assert len(house.vault.read(claude, ReadRequest(hit.id)).record.text) <= limits.SNIPPET

    def test_redacted(self, house: House) -> None:
        text = "write to anna@example.org or bob@example.org, then to anna@example.org"
        fill(house.vault, "letters", **{"anna@example.org": text})
        _, claude = house.grant("claude", "letters", detail=Detail.REDACTED)
        [hit] = house.vault.search(claude, SearchRequest("write")).hits
        assert hit.title == "[email 1]"
        assert hit.text == "write to [email 1] or [email 2], then to [email 1]"
        assert "example.org" not in repr(hit)
        assert hit.origin == ""

    def test_a_client_may_ask_for_less(self, house: House) -> None:
        _, claude = house.grant()
        assert all(
            hit.detail is Detail.REDACTED
            for hit in house.vault.search(claude, SearchRequest("boat", detail=Detail.REDACTED)).hits
        )

    def test_but_not_for_more(self, house: House) -> None:
        _, claude = house.grant(detail=Detail.SNIPPET)
        hits = house.vault.search(claude, SearchRequest("boat", detail=Detail.FULL)).hits
        assert {hit.detail for hit in hits} == {Detail.SNIPPET}


class TestApproval:
    def test_held_back_until_the_owner_approves_and_then_once(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        id = house.waiting(claude)
        [shown] = house.vault.requests(house.owner)
        assert (shown.id, shown.query, shown.verdict) == (id, "boat", Verdict.PENDING)
        assert {line.title for line in shown.records} == {"boat", "oak", "pie"}
        assert house.notices() == ["approval"]
        house.approve(id)
        assert set(house.ask(claude)) == {"boat", "oak", "pie"}
        assert house.waiting(claude) != id

    def test_equal_asks_make_one_prompt(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        assert len({house.waiting(claude) for _ in range(5)}) == 1
        assert house.waiting(claude, "oak") != house.waiting(claude)
        assert len(house.vault.requests(house.owner)) == 2

    def test_consumed_exactly_once_under_concurrency(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        for _ in range(5):
            house.approve(house.waiting(claude))

            def ask(_: int) -> int:
                try:
                    return bool(house.ask(claude))
                except VaultError:
                    return 0

            with ThreadPoolExecutor(8) as pool:
                assert sum(pool.map(ask, range(16))) == 1
            [left] = house.vault.requests(house.owner)
            house.vault.deny(house.owner, left.id)
            house.clock.forward(days=2)

    def test_approved_narrower(self, house: House) -> None:
        _, claude = house.grant("claude", "notes", "mail", approval=Approval.EACH)
        house.approve(house.waiting(claude), filter=Filter(collections=("mail",)))
        assert set(house.ask(claude)) == {"bank", "school"}

    def test_what_came_since_was_not_approved(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        id = house.waiting(claude)
        house.approve(id)
        fill(house.vault, "notes", more="a boat, a boat, a boat")
        assert house.waiting(claude) != id

    def test_for_an_hour(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        house.approve(house.waiting(claude), Lasting.WHILE, seconds=3600)
        assert house.ask(claude, "pie")
        house.clock.forward(hours=1, seconds=1)
        house.waiting(claude)

    def test_of_a_number_lets_no_text_go(self, house: House) -> None:
        _, claude = house.grant(actions=(Action.SEARCH, Action.COUNT), approval=Approval.EACH)
        with pytest.raises(ApprovalRequired) as caught:
            house.vault.count(claude, CountRequest())
        house.approve(caught.value.request, Lasting.WHILE, seconds=3600)
        assert house.vault.count(claude, CountRequest()).count
        house.waiting(claude)

    def test_always_and_narrower(self, house: House) -> None:
        _, claude = house.grant("claude", "notes", "mail", approval=Approval.EACH)
        house.approve(house.waiting(claude), Lasting.ALWAYS, filter=Filter(collections=("mail",)))
        assert house.ask(claude, filter=Filter(collections=("mail",)))
        house.waiting(claude, filter=Filter(collections=("notes",)))

    def test_denied_is_remembered(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        house.vault.deny(house.owner, house.waiting(claude))
        with pytest.raises(Denied):
            house.ask(claude)
        assert house.reasons() == ["owner_denied"]
        assert house.vault.requests(house.owner) == ()
        house.clock.forward(seconds=limits.DENIED_SECONDS + 1)
        house.waiting(claude)

    def test_silence_denies(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        id = house.waiting(claude)
        house.clock.forward(seconds=limits.PENDING_SECONDS + 1)
        assert house.vault.requests(house.owner) == ()
        with pytest.raises(BadRequest):
            house.approve(id)
        assert house.vault.request_state(claude, id).verdict is Verdict.LAPSED

    def test_an_approval_not_used_in_time_is_gone(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        id = house.waiting(claude)
        house.approve(id)
        house.clock.forward(seconds=limits.APPROVED_SECONDS + 1)
        assert house.waiting(claude) != id

    def test_sensitive_only(self, house: House) -> None:
        request = GrantRequest(
            "claude", filter=Filter(collections=("notes",), sensitivity="sensitive"), approval=Approval.SENSITIVE
        )
        claude = Holder(house.vault.grant(house.owner, request).token)
        assert house.ask(claude, filter=Filter(sensitivity="personal"))
        id = house.waiting(claude)
        assert house.vault.count(claude, CountRequest()).count == 4
        house.approve(id)
        assert "pin" in house.ask(claude)

    def test_first_use(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.FIRST)
        house.approve(house.waiting(claude), Lasting.ALWAYS)
        assert house.ask(claude, "anything")
        with pytest.raises(ApprovalRequired) as caught:  # the first use of each action
            house.vault.count(claude, CountRequest())
        house.approve(caught.value.request, Lasting.ALWAYS)
        assert house.vault.count(claude, CountRequest()).count == 3

    def test_adding_waits_too(self, house: House) -> None:
        _, claude = house.grant(actions=(Action.ADD, Action.COUNT), approval=Approval.EACH)
        wish = AddRequest("notes", (Draft(origin="new", text="new words"),))
        with pytest.raises(ApprovalRequired) as caught:
            house.vault.add(claude, wish)
        assert house.vault.count(house.owner, CountRequest(Filter(collections=("notes",)))).count == 4
        house.approve(caught.value.request)
        assert house.vault.add(claude, wish).outcomes[0].outcome == "added"
        with pytest.raises(ApprovalRequired):
            house.vault.add(claude, wish)

    def test_another_grant_cannot_use_it(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        _, other = house.grant(approval=Approval.EACH)
        house.approve(house.waiting(claude))
        house.waiting(other)

    def test_revoked_before_it_was_used(self, house: House) -> None:
        id, claude = house.grant(approval=Approval.EACH)
        request = house.waiting(claude)
        house.vault.revoke(house.owner, id)
        with pytest.raises(BadRequest):
            house.approve(request)
        with pytest.raises(Refused):
            house.ask(claude)

    def test_only_the_owner_decides(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        id = house.waiting(claude)
        for decide in (
            lambda: house.vault.approve(claude, id, ApproveRequest()),
            lambda: house.vault.deny(claude, id),
            lambda: house.vault.requests(claude),
        ):
            with pytest.raises(NotAllowed):
                decide()

    @pytest.mark.parametrize("change", ["label", "forget", "forget_many"])
    def test_who_waits_asks_again_when_records_change(self, house: House, change: str) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        rung: list[str] = []
        leave = house.vault.when_decided(house.waiting(claude), lambda: rung.append(change))
        [shown] = house.vault.requests(house.owner)
        id = shown.records[0].id
        assert not rung
        if change == "label":
            house.vault.label(house.owner, LabelRequest((id,), add=("private",)))
        elif change == "forget":
            house.vault.forget(house.owner, id)
        else:
            house.vault.forget_many(house.owner, ForgetRequest((id,)))
        assert rung == [change]
        leave()

    def test_not_more_than_so_many_wait(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        for n in range(limits.PENDING):
            house.waiting(claude, f"question {n}")
        with pytest.raises(VaultError) as caught:
            house.ask(claude, "one more")
        assert caught.value.code == "throttled"


class TestAccess:
    WISH = AccessRequest("plan the trip", filter=Filter(collections=("mail",)))

    def test_asked_approved_narrower_and_collected_once(self, house: House) -> None:
        _, claude = house.grant()
        state = house.vault.request_access(claude, self.WISH)
        assert state.verdict is Verdict.PENDING
        assert house.vault.request_access(claude, self.WISH).id == state.id
        [shown] = house.vault.requests(house.owner)
        assert (shown.purpose, shown.sees.records if shown.sees else None) == ("plan the trip", 2)
        approved = house.vault.approve(
            house.owner, state.id, ApproveRequest(detail=Detail.SNIPPET, actions=(Action.SEARCH,), expires_in=3600)
        )
        assert approved.granted is not None
        assert approved.granted.grant.actions == (Action.SEARCH,)
        assert approved.granted.grant.client == "claude"
        token = house.vault.collect(claude, state.id).token
        assert set(house.ask(Holder(token))) == {"bank", "school"}
        with pytest.raises(NotFound):
            house.vault.collect(claude, state.id)

    def test_denied(self, house: House) -> None:
        _, claude = house.grant()
        state = house.vault.request_access(claude, self.WISH)
        house.vault.deny(house.owner, state.id)
        assert house.vault.request_state(claude, state.id).verdict is Verdict.DENIED
        with pytest.raises(NotFound):
            house.vault.collect(claude, state.id)
        assert house.vault.request_access(claude, self.WISH).verdict is Verdict.DENIED
        [shown] = house.vault.requests(house.owner, all=True)
        assert shown.verdict is Verdict.DENIED

    def test_another_client_cannot_look_or_collect(self, house: House) -> None:
        _, claude = house.grant()
        _, cursor = house.grant("cursor")
        state = house.vault.request_access(claude, self.WISH)
        house.vault.approve(house.owner, state.id, ApproveRequest())
        for steal in (house.vault.request_state, house.vault.collect):
            with pytest.raises(NotFound):
                steal(cursor, state.id)

    def test_a_wish_shows_nothing_of_what_is_there(self, house: House) -> None:
        _, claude = house.grant()
        here = house.vault.request_access(claude, self.WISH)
        nowhere = house.vault.request_access(claude, AccessRequest("x", filter=Filter(collections=("no such",))))
        assert (here.verdict, here.expires) == (nowhere.verdict, nowhere.expires)


class TestLifecycle:
    def test_paused_and_resumed(self, house: House) -> None:
        id, claude = house.grant()
        house.vault.pause(house.owner, id)
        with pytest.raises(Refused):
            house.ask(claude)
        house.vault.resume(house.owner, id)
        assert house.ask(claude)

    def test_narrowed_in_place(self, house: House) -> None:
        id, claude = house.grant("claude", "notes", "mail")
        narrower = NarrowRequest(Filter(collections=("mail",)), detail=Detail.SNIPPET, limits=Limits(results=1))
        house.vault.narrow(house.owner, id, narrower)
        assert house.ask(claude) == ["bank"]
        with pytest.raises(BadRequest):
            house.vault.narrow(house.owner, id, NarrowRequest(Filter(collections=("notes",))))

    def test_revoke_a_client_and_everybody(self, house: House) -> None:
        holders = [house.grant(name)[1] for name in ("claude", "claude", "cursor", "zed")]
        assert len(house.vault.revoke_many(house.owner, RevokeRequest("claude")).grants) == 2
        for holder in holders[:2]:
            with pytest.raises(Refused):
                house.ask(holder)
        assert house.ask(holders[2])
        assert len(house.vault.revoke_many(house.owner, RevokeRequest(all=True)).grants) == 2
        for holder in holders:
            with pytest.raises(Refused):
                house.ask(holder)
        assert house.ask(house.owner)

    @pytest.mark.parametrize("request_", [RevokeRequest(), RevokeRequest("claude", all=True)])
    def test_nothing_said_revokes_nothing(self, house: House, request_: RevokeRequest) -> None:
        _, claude = house.grant()
        with pytest.raises(BadRequest):
            house.vault.revoke_many(house.owner, request_)
        assert house.ask(claude)

    def test_one_token_and_its_children(self, house: House) -> None:
        _, claude = house.grant()
        key = tokens.public_key(str(house.vault.public_keys()["token_keys"][0]["public_key"]))  # type: ignore[index]
        child = tokens.attenuate(claude.token, key, collections=("notes",))
        grandchild = tokens.attenuate(child, key, actions=(Action.SEARCH,))
        house.vault.revoke_token(house.owner, child)
        for dead in (child, grandchild):
            with pytest.raises(Refused):
                house.ask(Holder(dead))
        assert house.ask(claude)
        assert house.reasons(2)[1] == "token_revoked"

    def test_unused_for_a_month_it_is_over(self, house: House) -> None:
        _, idle = house.grant("idle", expires_in=100 * 86400)
        _, busy = house.grant("busy", expires_in=100 * 86400)
        for _ in range(3):
            house.clock.forward(days=limits.IDLE_DAYS / 2)
            house.ask(busy)
        with pytest.raises(Refused):
            house.ask(idle)
        assert {g.client: g.status for g in house.vault.grants(house.owner)} == {
            "idle": Status.EXPIRED, "busy": Status.ACTIVE,
        }  # fmt: skip
        assert house.notices() == ["idle"]
        house.clock.forward(days=-40)
        with pytest.raises(Refused):
            house.ask(idle)

    def test_a_root_key_turns(self, house: House) -> None:
        _, old = house.grant()
        house.vault.rotate(house.owner)
        _, new = house.grant()
        assert house.ask(old)
        assert house.ask(new)
        with pytest.raises(BadRequest):
            house.vault.rotate(house.owner)
        with pytest.raises(BadRequest):
            house.vault.retire(house.owner, 2)
        house.vault.retire(house.owner, 1)
        assert house.ask(new)
        with pytest.raises(Refused):
            house.ask(old)
        assert len(house.vault.public_keys()["token_keys"]) == 1  # type: ignore[arg-type]

    def test_bound_to_a_key(self, house: House) -> None:
        _, bound = house.grant(holder="thumb")
        for proof in ("", "other"):
            with pytest.raises(Refused):
                house.ask(Holder(bound.token, proof=proof))
            assert house.reasons() == ["wrong_holder"]
        assert house.ask(Holder(bound.token, proof="thumb"))


class TestLookingBack:
    def test_replay_has_the_wording_it_got(self, house: House) -> None:
        fill(house.vault, "hidden", trick="boat\u200b with \u202ehidden\u202c words")
        _, claude = house.grant("claude", "hidden")
        [hit] = house.vault.search(claude, SearchRequest("boat")).hits
        assert hit.text == "boat with hidden words"
        fill(house.vault, "hidden", trick="changed since")
        [release] = house.vault.replay(house.owner, ReplayRequest("claude")).releases
        [wording] = release.wordings
        assert (wording.text, wording.erased, release.query) == ("boat with hidden words", False, "boat")
        [entry] = [e for e in house.vault.audit(house.owner, AuditRequest(client="claude")).entries if e.entry.records]
        assert entry.entry.detail["wording"] == [wording.digest]

    def test_forgotten_is_forgotten_there_too(self, house: House) -> None:
        _, claude = house.grant()
        [hit] = house.vault.search(claude, SearchRequest("pie", limit=1)).hits
        house.vault.forget(house.owner, hit.id)
        [release] = house.vault.replay(house.owner, ReplayRequest("claude")).releases
        assert [(w.text, w.erased) for w in release.wordings] == [("", True)]
        assert house.vault.verify(house.owner).ok

    def test_simulate_is_what_it_gets(self, house: House) -> None:
        id, claude = house.grant(detail=Detail.REDACTED, limits=Limits(results=2))
        simulated = house.vault.simulate(house.owner, id, SearchRequest("boat"))
        assert simulated.hits == house.vault.search(claude, SearchRequest("boat")).hits
        assert simulated.hindrances == ()

    def test_simulate_tells_what_stands_in_the_way(self, house: House) -> None:
        id, _ = house.grant(approval=Approval.EACH, limits=Limits(records_per_day=1))
        house.vault.pause(house.owner, id)
        found = house.vault.simulate(house.owner, id, SearchRequest("boat"))
        assert set(found.hindrances) == {"grant_paused", "approval_required", "limit_reached"}

    def test_preview_of_a_grant(self, house: House) -> None:
        id, _ = house.grant()
        house.clock.forward(seconds=1)
        fill(house.vault, "notes", late="one more")
        shown = house.vault.expose(house.owner, id)
        assert (shown.then, shown.added, shown.sees.records) == (3, 1, 4)
        assert shown.sees.sensitivity == {"personal": 4}
        assert "late" in shown.sees.titles

    def test_a_notice_goes_when_dismissed(self, house: House) -> None:
        _, claude = house.grant(approval=Approval.EACH)
        house.waiting(claude)
        [notice] = house.vault.notices(house.owner).notices
        assert house.vault.dismiss(house.owner, notice.number).notices == ()
        with pytest.raises(NotFound):
            house.vault.dismiss(house.owner, notice.number)
