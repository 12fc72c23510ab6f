"""OAuth in the vault itself: who comes to tokens and who does not, at every turn of the clock, and twice at once."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support import FLOOR_KIB, PASSPHRASE, Clock, HashingEncoder, fill
from vault import limits
from vault.config import Config
from vault.errors import BadRequest, FlowRefused, NotAllowed, Refused, Throttled
from vault.service import Vault
from vault.types import (
    AccessRequest,
    Action,
    ApproveRequest,
    AuditRequest,
    ConnectRequest,
    CountRequest,
    Detail,
    Entry,
    Filter,
    Holder,
    Limits,
    NarrowRequest,
    PairingRequest,
    RedeemRequest,
    RefreshRequest,
    RegisterRequest,
    SearchRequest,
    Status,
    Tokens,
    Verdict,
)

ISSUER, OTHER = "http://127.0.0.1:7117", "http://localhost:7117"
KNOWN = "https://claude.ai/oauth/claude-code-client-metadata"
BACK = "http://127.0.0.1:4711/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
KEY, OTHER_KEY = "k" * 43, "o" * 43
NOTES = ApproveRequest(filter=Filter(collections=("notes",)))


class Stage:
    """A vault with two collections, its clock, its owner."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self.vault, self.clock = vault, clock
        fill(vault, "notes", keel="The keel bolts were replaced.")
        fill(vault, "private", diary="A secret about the bolts.")

    @property
    def owner(self) -> Holder:
        return Holder(self.vault.owner_token().token)

    def wish(self, **more: Any) -> ConnectRequest:
        said = {"redirect": BACK, "state": secrets.token_hex(4), "challenge": CHALLENGE} | more
        usual = {"client": KNOWN, "issuer": ISSUER, "resource": ISSUER + "/mcp", "access": AccessRequest("")}
        return ConnectRequest(**usual | said)

    def code(self, approve: ApproveRequest = NOTES, **more: Any) -> RedeemRequest:
        """Go the way of a client up to its code."""
        wish = self.wish(**more)
        waiting = self.vault.connect(wish)
        self.vault.approve(self.owner, waiting.request, approve)
        answer = self.vault.answer(waiting.handle)
        assert answer is not None and answer.code
        assert (answer.uri, answer.issuer, answer.state) == (wish.redirect, ISSUER, wish.state)
        return RedeemRequest(answer.code, wish.client, ISSUER, "", wish.redirect, VERIFIER, wish.holder)

    def tokens(self, **more: Any) -> Tokens:
        return self.vault.redeem(self.code(**more))

    def device(self) -> tuple[RedeemRequest, str]:
        self.vault.open_pairing(self.owner, PairingRequest())
        client = self.vault.register(RegisterRequest("TV", ())).id
        wish = replace(self.wish(client=client), redirect="", state="", challenge="")
        made = self.vault.connect_device(wish)
        return RedeemRequest(made.device_code, client, ISSUER), made.user_code

    def refresh(self, token: str, client: str = KNOWN, **more: Any) -> Tokens:
        return self.vault.refresh(RefreshRequest(token, client, more.pop("issuer", ISSUER), **more))

    def good(self, token: str, proof: str = "") -> bool:
        try:
            self.vault.search(Holder(token, proof=proof), SearchRequest("bolts"))
        except Refused:
            return False
        return True

    def last(self) -> list[Entry]:
        return [one.entry for one in self.vault.audit(self.owner, AuditRequest(limit=30)).entries]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    clock = Clock(datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC))
    config = Config(directory=tmp_path / "vault", argon2_memory=FLOOR_KIB)
    Vault.create(config, bytearray(PASSPHRASE), clock=clock)
    vault = Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder(), clock=clock)
    yield Stage(vault, clock)
    vault.close()


def refused(call: Callable[..., Any], *arguments: Any) -> FlowRefused:
    with pytest.raises(FlowRefused) as caught:
        call(*arguments)
    return caught.value


# ---------------------------------------------------------------- the way


def test_from_a_wish_to_an_answer(stage: Stage) -> None:
    done = stage.tokens()
    assert done.expires_in == limits.ACCESS_SECONDS - 1  # tokens end at a whole second
    assert done.grant.client == "Claude Code" and done.grant.scope["collections"] == ["notes"]
    hits = stage.vault.search(Holder(done.access_token), SearchRequest("bolts")).hits
    assert [hit.title for hit in hits] == ["keel"]
    stage.clock.forward(seconds=done.expires_in)
    assert stage.good(done.access_token)
    stage.clock.forward(seconds=1)
    assert not stage.good(done.access_token)


def test_the_wish_is_a_request_like_every_other(stage: Stage) -> None:
    waiting = stage.vault.connect(stage.wish())
    (view,) = stage.vault.requests(stage.owner)
    assert (view.id, view.client, view.grant, view.verdict) == (waiting.request, "Claude Code", "", Verdict.PENDING)
    assert view.asker and view.asker.known and view.asker.here and view.asker.redirect == BACK
    assert not stage.vault.consent(waiting.handle).decided and stage.vault.answer(waiting.handle) is None
    approved = stage.vault.approve(stage.owner, waiting.request, NOTES)
    assert approved.granted and approved.granted.token == "", "its client gets tokens of its own"
    assert stage.vault.consent(waiting.handle).decided


def test_it_is_granted_less_than_it_asks(stage: Stage) -> None:
    asked = AccessRequest("to plan", (Action.SEARCH, Action.READ), Filter(collections=("notes", "private")),
                          Detail.FULL, Limits(results=5), 7 * 86400)  # fmt: skip
    narrower = ApproveRequest(filter=Filter(collections=("notes",)), actions=(Action.SEARCH,), detail=Detail.SNIPPET,
                              expires_in=600)  # fmt: skip
    done = stage.tokens(access=asked, approve=narrower)
    assert (done.grant.actions, done.grant.detail, done.grant.limits.results) == ((Action.SEARCH,), Detail.SNIPPET, 5)
    assert done.expires_in == 599, "an access token does not outlive its grant"
    stage.clock.forward(seconds=600)
    assert refused(stage.refresh, done.refresh_token).error == "invalid_grant"


@pytest.mark.parametrize("nothing", [ApproveRequest(), ApproveRequest(filter=Filter(sensitivity="public"))])
def test_nothing_named_is_nothing_granted(stage: Stage, nothing: ApproveRequest) -> None:
    waiting = stage.vault.connect(stage.wish())
    with pytest.raises(BadRequest, match="nothing is named"):
        stage.vault.approve(stage.owner, waiting.request, nothing)
    assert stage.vault.approve(stage.owner, waiting.request, replace(nothing, all=True)).granted


def test_all_means_nothing_where_a_part_is_asked_for(stage: Stage) -> None:
    waiting = stage.vault.connect(stage.wish(access=AccessRequest("", filter=Filter(collections=("notes",)))))
    granted = stage.vault.approve(stage.owner, waiting.request, ApproveRequest(all=True)).granted
    assert granted and granted.grant.scope["collections"] == ["notes"]


def test_denied_and_silence(stage: Stage) -> None:
    waiting = stage.vault.connect(stage.wish())
    stage.vault.deny(stage.owner, waiting.request)
    answer = stage.vault.answer(waiting.handle)
    assert answer and (answer.error, answer.code) == ("access_denied", "")
    assert refused(stage.vault.answer, waiting.handle).error == "invalid_grant", "it is told once"
    silent = stage.vault.connect(stage.wish())
    stage.clock.forward(seconds=limits.CONSENT_SECONDS)
    answer = stage.vault.answer(silent.handle)
    assert answer and answer.error == "access_denied"
    with pytest.raises(BadRequest):
        stage.vault.approve(stage.owner, silent.request, NOTES)


def test_the_same_wish_is_asked_once(stage: Stage) -> None:
    wish = stage.wish()
    first = stage.vault.connect(wish)
    assert stage.vault.connect(wish) == first
    assert len(stage.vault.requests(stage.owner)) == 1
    stage.vault.approve(stage.owner, first.request, NOTES)
    assert stage.vault.connect(wish) == first, "a reload after the decision finds its answer"
    assert stage.vault.answer(first.handle)
    refused(stage.vault.connect, wish)
    for other in ({"state": "x"}, {"redirect": "http://127.0.0.1:1/callback"}, {"resource": ISSUER + "/v1"}):
        assert stage.vault.connect(replace(wish, **other)).handle != first.handle


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"client": "https://evil.example/client.json"}, "invalid_client"),
        ({"client": "c" + "0" * 24}, "invalid_client"),
        ({"client": ""}, "invalid_client"),
        ({"redirect": "https://evil.example/callback"}, "invalid_request"),
        ({"redirect": "http://127.0.0.1:4711/callback/"}, "invalid_request"),
        ({"redirect": ""}, "invalid_request"),
        ({"challenge": ""}, "invalid_request"),
        ({"challenge": VERIFIER + "="}, "invalid_request"),
        ({"resource": ""}, "invalid_target"),
        ({"resource": ISSUER + "/mcp/"}, "invalid_target"),
        ({"resource": OTHER + "/mcp"}, "invalid_target"),
        ({"resource": "https://evil.example/mcp"}, "invalid_target"),
        ({"state": "s" * (limits.STATE + 1)}, "invalid_request"),
        ({"holder": "no thumbprint"}, "invalid_request"),
        ({"access": AccessRequest("", ())}, "invalid_authorization_details"),
        ({"access": AccessRequest("", (Action.FORGET,))}, "invalid_authorization_details"),
        ({"access": AccessRequest("x" * 501)}, "invalid_authorization_details"),
        ({"access": AccessRequest("", expires_in=366 * 86400)}, "invalid_authorization_details"),
        ({"access": AccessRequest("", filter=Filter(collections=()))}, "invalid_authorization_details"),
    ],
)
def test_no_wish(stage: Stage, change: dict[str, Any], error: str) -> None:
    assert refused(stage.vault.connect, stage.wish(**change)).error == error
    assert not stage.vault.requests(stage.owner)


def test_one_client_cannot_bury_the_owner_in_wishes(stage: Stage) -> None:
    for _ in range(limits.CONSENTS_EACH):
        stage.vault.connect(stage.wish())
    assert refused(stage.vault.connect, stage.wish()).error == "temporarily_unavailable"
    others = ["https://chatgpt.com/oauth/codex/client.json", "https://opencode.ai/oauth/opencode/client.json"]
    for other in others:
        for _ in range(limits.CONSENTS_EACH):
            stage.vault.connect(stage.wish(client=other))
    last = stage.wish(client="https://zed.dev/oauth/client-metadata.json")
    assert refused(stage.vault.connect, last).error == "temporarily_unavailable", "nor can all together"
    stage.clock.forward(seconds=limits.CONSENT_SECONDS)
    stage.vault.connect(last)
    assert len(stage.vault.requests(stage.owner)) == 1


def test_whoever_is_denied_again_and_again_has_to_wait(stage: Stage) -> None:
    for _ in range(limits.DENIALS):
        stage.vault.deny(stage.owner, stage.vault.connect(stage.wish()).request)
    assert refused(stage.vault.connect, stage.wish()).error == "temporarily_unavailable"
    stage.vault.connect(stage.wish(client="https://zed.dev/oauth/client-metadata.json"))
    stage.clock.forward(seconds=3601)
    stage.vault.connect(stage.wish())


def test_an_assistant_with_a_grant_is_not_throttled_by_strangers(stage: Stage) -> None:
    granted = stage.tokens()
    for _ in range(limits.DENIALS):
        stage.vault.deny(stage.owner, stage.vault.connect(stage.wish()).request)
    more = AccessRequest("more", filter=Filter(collections=("private",)))
    assert stage.vault.request_access(Holder(granted.access_token), more).verdict is Verdict.PENDING


# ---------------------------------------------------------------- codes


@pytest.mark.parametrize(
    "change",
    [
        {"client": "https://zed.dev/oauth/client-metadata.json"}, {"redirect": "http://127.0.0.1:4712/callback"},
        {"verifier": "w" * 43}, {"verifier": ""}, {"verifier": CHALLENGE}, {"issuer": OTHER},
        {"resource": OTHER + "/mcp"}, {"resource": ISSUER + "/v1"},
    ],
    ids=str,
)  # fmt: skip
def test_a_code_that_is_used_wrongly_is_burnt(stage: Stage, change: dict[str, str]) -> None:
    right = stage.code()
    assert refused(stage.vault.redeem, replace(right, **change)).error == "invalid_grant"
    assert refused(stage.vault.redeem, right).error == "invalid_grant"
    assert [view.status for view in stage.vault.grants(stage.owner)] == [Status.REVOKED]
    assert "replay" in [notice.kind for notice in stage.vault.notices(stage.owner).notices]


def test_a_code_that_comes_again_ends_what_it_made(stage: Stage) -> None:
    right = stage.code()
    done = stage.vault.redeem(right)
    assert stage.good(done.access_token)
    assert refused(stage.vault.redeem, right).error == "invalid_grant"
    assert not stage.good(done.access_token)
    refused(stage.refresh, done.refresh_token)
    reasons = [(entry.action, entry.decision, entry.reason) for entry in stage.last()]
    assert ("redeem", "deny", "code_replayed") in reasons


def test_a_code_lives_a_minute(stage: Stage) -> None:
    late = stage.code()
    stage.clock.forward(seconds=limits.CODE_SECONDS)
    assert refused(stage.vault.redeem, late).error == "invalid_grant"
    soon = stage.code()
    stage.clock.forward(seconds=limits.CODE_SECONDS - 1)
    assert stage.good(stage.vault.redeem(soon).access_token)


def test_a_clock_set_back_does_not_revive_a_code(stage: Stage) -> None:
    late = stage.code()
    stage.clock.forward(seconds=limits.CODE_SECONDS)
    refused(stage.vault.redeem, late)
    stage.clock.forward(seconds=-limits.CODE_SECONDS)
    refused(stage.vault.redeem, late)


def test_a_grant_that_nobody_comes_for_is_revoked(stage: Stage) -> None:
    waiting = stage.vault.connect(stage.wish())
    stage.vault.approve(stage.owner, waiting.request, NOTES)
    stage.clock.forward(seconds=limits.CONSENT_SECONDS + limits.FETCH_SECONDS)
    stage.vault.connect(stage.wish())
    assert [view.status for view in stage.vault.grants(stage.owner)] == [Status.REVOKED]
    refused(stage.vault.answer, waiting.handle)
    again = stage.code()
    stage.clock.forward(seconds=limits.CODE_SECONDS + 1)
    stage.vault.connect(stage.wish())
    assert {view.status for view in stage.vault.grants(stage.owner)} == {Status.REVOKED}
    refused(stage.vault.redeem, again)


def test_a_grant_revoked_before_the_browser_comes_is_denied(stage: Stage) -> None:
    waiting = stage.vault.connect(stage.wish())
    approved = stage.vault.approve(stage.owner, waiting.request, NOTES)
    assert approved.granted
    stage.vault.revoke(stage.owner, approved.granted.grant.id)
    answer = stage.vault.answer(waiting.handle)
    assert answer and answer.error == "access_denied"


def test_a_grant_revoked_before_the_code_comes_gives_no_tokens(stage: Stage) -> None:
    right = stage.code()
    stage.vault.revoke(stage.owner, stage.vault.grants(stage.owner)[0].id)
    assert refused(stage.vault.redeem, right).error == "invalid_grant"


def test_of_many_at_once_one_gets_the_code(stage: Stage) -> None:
    wish = stage.wish()
    waiting = stage.vault.connect(wish)
    stage.vault.approve(stage.owner, waiting.request, NOTES)

    def answer(_: int) -> str:
        try:
            found = stage.vault.answer(waiting.handle)
            return found.code if found else ""
        except FlowRefused:
            return ""

    with ThreadPoolExecutor(8) as pool:
        codes = [code for code in pool.map(answer, range(16)) if code]
    assert len(codes) == 1


def test_of_many_at_once_one_redeems_and_the_others_end_it(stage: Stage) -> None:
    right = stage.code()

    def redeem(_: int) -> Tokens | None:
        try:
            return stage.vault.redeem(right)
        except FlowRefused:
            return None

    with ThreadPoolExecutor(8) as pool:
        done = [one for one in pool.map(redeem, range(8)) if one]
    assert len(done) == 1 and not stage.good(done[0].access_token)


# ---------------------------------------------------------------- refreshing


def test_refresh_tokens_go_round(stage: Stage) -> None:
    done = stage.tokens()
    seen = {done.refresh_token}
    for _ in range(5):
        stage.clock.forward(seconds=600)
        done = stage.refresh(done.refresh_token)
        assert stage.good(done.access_token) and done.refresh_token not in seen
        seen.add(done.refresh_token)


def test_a_refresh_token_that_comes_again_ends_its_family(stage: Stage) -> None:
    first = stage.tokens()
    second = stage.refresh(first.refresh_token)
    stage.clock.forward(seconds=limits.RETRY_SECONDS)
    assert refused(stage.refresh, first.refresh_token).error == "invalid_grant"
    assert not stage.good(second.access_token) and not stage.good(first.access_token)
    refused(stage.refresh, second.refresh_token)
    assert stage.vault.grants(stage.owner)[0].status is Status.REVOKED
    assert stage.vault.notices(stage.owner).notices[0].kind == "replay"
    assert ("refresh", "deny", "refresh_reused") in [(e.action, e.decision, e.reason) for e in stage.last()]


def test_an_answer_that_got_lost_is_given_again(stage: Stage) -> None:
    first = stage.tokens()
    lost = stage.refresh(first.refresh_token)
    stage.clock.forward(seconds=limits.RETRY_SECONDS - 1)
    again = stage.refresh(first.refresh_token)
    assert again.refresh_token == lost.refresh_token and stage.good(again.access_token)
    third = stage.refresh(again.refresh_token)
    refused(stage.refresh, first.refresh_token)  # its successor was used: this is somebody else, or too late
    assert not stage.good(third.access_token)


def test_two_processes_of_one_client_may_refresh_at_once(stage: Stage) -> None:
    first = stage.tokens()
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: stage.refresh(first.refresh_token), range(8)))
    assert len({one.refresh_token for one in done}) == 1
    assert stage.good(stage.refresh(done[0].refresh_token).access_token)


def test_a_clock_set_back_is_no_reason_to_repeat(stage: Stage) -> None:
    first = stage.tokens()
    stage.refresh(first.refresh_token)
    stage.clock.forward(seconds=-5)
    refused(stage.refresh, first.refresh_token)


@pytest.mark.parametrize(
    "stolen", [{"client": "https://zed.dev/oauth/client-metadata.json"}, {"issuer": OTHER}], ids=str
)
def test_a_stolen_refresh_token_is_no_good_to_another_and_stays_good(stage: Stage, stolen: dict[str, str]) -> None:
    first = stage.tokens()
    assert refused(lambda: stage.refresh(first.refresh_token, **stolen)).error == "invalid_grant"
    assert stage.good(stage.refresh(first.refresh_token).access_token)


def test_a_refresh_names_this_vault_or_nothing(stage: Stage) -> None:
    first = stage.tokens()
    wrong = RefreshRequest(first.refresh_token, KNOWN, ISSUER, "https://evil.example/mcp")
    assert refused(stage.vault.refresh, wrong).error == "invalid_target"
    assert stage.vault.refresh(replace(wrong, resource=ISSUER + "/mcp")).access_token


@pytest.mark.parametrize("token", ["", "ovr_", "ovr_" + "0" * 64, "ö" * 68, "x" * 100_000])
def test_what_is_no_refresh_token(stage: Stage, token: str) -> None:
    assert refused(stage.refresh, token).error == "invalid_grant"


def test_refreshing_is_bounded(stage: Stage) -> None:
    done = stage.tokens()
    for _ in range(limits.REFRESHES - 1):
        done = stage.refresh(done.refresh_token)
    assert refused(stage.refresh, done.refresh_token).error == "temporarily_unavailable"
    stage.clock.forward(seconds=3601)
    assert stage.refresh(done.refresh_token)


def test_a_paused_grant_renews_and_does_not_answer(stage: Stage) -> None:
    done = stage.tokens()
    stage.vault.pause(stage.owner, done.grant.id)
    renewed = stage.refresh(done.refresh_token)
    assert not stage.good(renewed.access_token)
    stage.vault.resume(stage.owner, done.grant.id)
    assert stage.good(renewed.access_token)


def test_a_narrowed_grant_renews_narrower(stage: Stage) -> None:
    done = stage.tokens()
    stage.vault.narrow(stage.owner, done.grant.id, NarrowRequest(actions=(Action.COUNT,)))
    assert stage.refresh(done.refresh_token).grant.actions == (Action.COUNT,)


def test_a_revoked_grant_renews_nothing(stage: Stage) -> None:
    done = stage.tokens()
    stage.vault.revoke(stage.owner, done.grant.id)
    assert refused(stage.refresh, done.refresh_token).error == "invalid_grant"


def test_a_kept_family_survives_the_vault_being_closed(stage: Stage, tmp_path: Path) -> None:
    done = stage.tokens()
    lost = stage.refresh(done.refresh_token)
    config = Config(directory=tmp_path / "vault", argon2_memory=FLOOR_KIB)
    stage.vault.close()
    with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder(), clock=stage.clock) as vault:
        again = vault.refresh(RefreshRequest(done.refresh_token, KNOWN, ISSUER))
        assert again.refresh_token == lost.refresh_token


# ---------------------------------------------------------------- keys


def test_a_key_binds_tokens_and_family(stage: Stage) -> None:
    done = stage.vault.redeem(replace(stage.code(), holder=KEY))
    assert done.bound
    assert not stage.good(done.access_token) and not stage.good(done.access_token, OTHER_KEY)
    assert stage.good(done.access_token, KEY)
    refused(stage.refresh, done.refresh_token)
    assert refused(lambda: stage.refresh(done.refresh_token, holder=OTHER_KEY)).error == "invalid_grant"
    renewed = stage.refresh(done.refresh_token, holder=KEY)
    assert stage.good(renewed.access_token, KEY) and not stage.good(renewed.access_token)


def test_a_key_named_with_the_wish_is_the_only_one(stage: Stage) -> None:
    right = stage.code(holder=KEY)
    assert stage.vault.grants(stage.owner)[0].holder == KEY
    assert refused(stage.vault.redeem, replace(right, holder="")).error == "invalid_grant"
    right = stage.code(holder=KEY)
    assert stage.vault.redeem(right).bound


def test_our_own_clients_need_a_key(stage: Stage) -> None:
    right = stage.code(client="ownvault-cli")
    assert refused(stage.vault.redeem, right).error == "invalid_dpop_proof"
    assert stage.vault.redeem(replace(right, holder=KEY)).bound, "a forgotten proof burns nothing"


# ---------------------------------------------------------------- devices


def test_a_device(stage: Stage) -> None:
    request, code = stage.device()
    assert refused(stage.vault.redeem_device, request).error == "authorization_pending"
    assert refused(stage.vault.redeem_device, request).error == "slow_down"
    seen = stage.vault.consent_of_device(code.lower().replace("-", " "))
    assert seen.asker.user_code == code and seen.asker.name.startswith("TV (") and not seen.asker.known
    stage.vault.approve(stage.owner, seen.request, NOTES)
    done = stage.vault.redeem_device(request)
    assert stage.good(done.access_token)
    assert stage.good(stage.refresh(done.refresh_token, request.client).access_token)


def test_a_device_code_is_redeemed_once(stage: Stage) -> None:
    request, code = stage.device()
    stage.vault.approve(stage.owner, stage.vault.consent_of_device(code).request, NOTES)
    done = stage.vault.redeem_device(request)
    assert refused(stage.vault.redeem_device, request).error == "invalid_grant"
    assert not stage.good(done.access_token), "two had its code: neither keeps what it got"


def test_a_device_that_is_denied_or_too_late(stage: Stage) -> None:
    request, code = stage.device()
    stage.vault.deny(stage.owner, stage.vault.consent_of_device(code).request)
    assert refused(stage.vault.redeem_device, request).error == "access_denied"
    request, code = stage.device()
    stage.clock.forward(seconds=limits.CONSENT_SECONDS)
    assert refused(stage.vault.redeem_device, request).error == "expired_token"
    refused(stage.vault.consent_of_device, code)


def test_a_device_code_is_its_own_clients(stage: Stage) -> None:
    request, code = stage.device()
    stage.vault.approve(stage.owner, stage.vault.consent_of_device(code).request, NOTES)
    assert refused(stage.vault.redeem_device, replace(request, client=KNOWN)).error == "invalid_grant"
    assert refused(stage.vault.answer, request.secret).error == "invalid_request", "nor is it a page's handle"
    assert stage.vault.redeem_device(request).access_token


def test_a_handle_is_no_device_code(stage: Stage) -> None:
    waiting = stage.vault.connect(stage.wish())
    stage.vault.approve(stage.owner, waiting.request, NOTES)
    assert refused(stage.vault.redeem_device, RedeemRequest(waiting.handle, KNOWN, ISSUER)).error == "invalid_grant"


def test_a_browsers_client_is_no_device(stage: Stage) -> None:
    wish = replace(stage.wish(), redirect="", challenge="")
    assert refused(stage.vault.connect_device, wish).error == "unauthorized_client"


def test_user_codes_are_not_guessed(stage: Stage) -> None:
    _, code = stage.device()
    for _ in range(limits.GUESSES):
        assert refused(stage.vault.consent_of_device, "BCDF-GHJK").error == "invalid_grant"
    assert refused(stage.vault.consent_of_device, code).error == "temporarily_unavailable"
    stage.clock.forward(seconds=60)
    assert stage.vault.consent_of_device(code)


# ---------------------------------------------------------------- registering


def test_nobody_registers_unless_the_owner_lets_them(stage: Stage) -> None:
    wish = RegisterRequest("Gemini CLI", ("http://localhost:7777/oauth/callback",))
    assert refused(stage.vault.register, wish).error == "access_denied"
    assert stage.vault.notices(stage.owner).notices[0].kind == "knock"
    stage.vault.open_pairing(stage.owner, PairingRequest(300))
    made = stage.vault.register(wish)
    assert made.name == f"Gemini CLI ({made.id[-4:]})"
    right = stage.code(client=made.id, redirect="http://localhost:7777/oauth/callback")
    assert stage.good(stage.vault.redeem(right).access_token)
    stage.clock.forward(seconds=300)
    refused(stage.vault.register, wish)


def test_a_window_closes_by_itself_by_number_and_by_the_owner(stage: Stage) -> None:
    wish = RegisterRequest("x", (BACK,))
    stage.vault.open_pairing(stage.owner, PairingRequest(300))
    for _ in range(limits.REGISTERING):
        stage.vault.register(wish)
    refused(stage.vault.register, wish)
    assert stage.vault.pairing(stage.owner).until is None
    stage.vault.open_pairing(stage.owner, PairingRequest(300))
    stage.vault.close_pairing(stage.owner)
    refused(stage.vault.register, wish)
    stage.vault.open_pairing(stage.owner, PairingRequest(300))
    stage.clock.forward(seconds=-1)
    refused(stage.vault.register, wish)
    stage.clock.forward(seconds=1)
    refused(stage.vault.register, wish)


@pytest.mark.parametrize("seconds", [0, -1, limits.PAIRING_SECONDS + 1])
def test_a_window_is_at_most_an_hour(stage: Stage, seconds: int) -> None:
    with pytest.raises(BadRequest):
        stage.vault.open_pairing(stage.owner, PairingRequest(seconds))


def test_only_the_owner_opens_a_window(stage: Stage) -> None:
    holder = Holder(stage.tokens().access_token)
    for call in (lambda: stage.vault.open_pairing(holder, PairingRequest()), lambda: stage.vault.pairing(holder),
                 lambda: stage.vault.close_pairing(holder)):  # fmt: skip
        with pytest.raises(NotAllowed):
            call()


def test_a_registration_that_is_granted_nothing_is_forgotten(stage: Stage) -> None:
    stage.vault.open_pairing(stage.owner, PairingRequest(300))
    made = stage.vault.register(RegisterRequest("x", (BACK,)))
    used = stage.vault.register(RegisterRequest("y", (BACK,)))
    stage.tokens(client=used.id)
    stage.clock.forward(seconds=limits.UNUSED_SECONDS)
    assert refused(stage.vault.client, made.id).error == "invalid_client"
    assert stage.vault.client(used.id).expires is None
    assert [one.id for one in stage.vault.pairing(stage.owner).clients] == [used.id]


def test_a_registration_is_not_forgotten_while_its_wish_waits(stage: Stage) -> None:
    stage.vault.open_pairing(stage.owner, PairingRequest(300))
    made = stage.vault.register(RegisterRequest("x", (BACK,)))
    stage.clock.forward(seconds=limits.UNUSED_SECONDS - 1)
    waiting = stage.vault.connect(stage.wish(client=made.id))
    stage.clock.forward(seconds=limits.CONSENT_SECONDS - 1)
    stage.vault.approve(stage.owner, waiting.request, NOTES)
    stage.clock.forward(seconds=limits.FETCH_SECONDS - 1)
    answer = stage.vault.answer(waiting.handle)
    assert answer
    stage.clock.forward(seconds=limits.CODE_SECONDS - 1)
    assert stage.vault.redeem(RedeemRequest(answer.code, made.id, ISSUER, "", BACK, VERIFIER)).access_token


# ---------------------------------------------------------------- exchanging, giving up, looking into


def test_an_exchange_narrows(stage: Stage) -> None:
    done = stage.tokens(approve=ApproveRequest(all=True))
    holder = Holder(done.access_token)
    narrower = stage.vault.exchange(holder, AccessRequest("", (Action.SEARCH,), Filter(collections=("notes",))))
    hits = stage.vault.search(Holder(narrower.access_token), SearchRequest("bolts")).hits
    assert {hit.collection for hit in hits} == {"notes"} and narrower.grant.actions == (Action.SEARCH,)
    assert narrower.refresh_token == "" and narrower.expires_in <= done.expires_in
    with pytest.raises(NotAllowed):
        stage.vault.count(Holder(narrower.access_token), CountRequest())


@pytest.mark.parametrize(
    "wider",
    [
        AccessRequest("", (Action.ADD,)), AccessRequest("", (Action.SEARCH,), Filter(collections=("private",))),
        AccessRequest("", (Action.SEARCH,), detail=Detail.FULL, limits=Limits(results=50)),
    ],
    ids=lambda one: str(one.actions),
)  # fmt: skip
def test_an_exchange_never_widens(stage: Stage, wider: AccessRequest) -> None:
    narrow = replace(NOTES, limits=Limits(results=5))
    done = stage.tokens(approve=narrow)
    assert refused(stage.vault.exchange, Holder(done.access_token), wider).error == "invalid_scope"


def test_an_exchange_needs_a_good_token_and_its_key(stage: Stage) -> None:
    done = stage.vault.redeem(replace(stage.code(), holder=KEY))
    wish = AccessRequest("", (Action.SEARCH,))
    for holder in (Holder("x"), Holder(done.access_token), Holder(done.access_token, proof=OTHER_KEY)):
        with pytest.raises(Refused):
            stage.vault.exchange(holder, wish)
    narrower = stage.vault.exchange(Holder(done.access_token, proof=KEY), wish)
    assert narrower.bound and not stage.good(narrower.access_token) and stage.good(narrower.access_token, KEY)


def test_giving_up_a_refresh_token_ends_the_grant(stage: Stage) -> None:
    done = stage.tokens()
    child = stage.vault.exchange(Holder(done.access_token), AccessRequest("", (Action.SEARCH,)))
    refused(stage.vault.give_up, done.refresh_token, "https://zed.dev/oauth/client-metadata.json")
    assert stage.good(done.access_token)
    stage.vault.give_up(done.refresh_token, KNOWN)
    assert not stage.good(done.access_token) and not stage.good(child.access_token)
    refused(stage.refresh, done.refresh_token)
    assert stage.vault.grants(stage.owner)[0].status is Status.REVOKED


def test_giving_up_an_access_token_ends_it_and_its_children(stage: Stage) -> None:
    done = stage.tokens()
    child = stage.vault.exchange(Holder(done.access_token), AccessRequest("", (Action.SEARCH,)))
    stage.vault.give_up(child.access_token, KNOWN)
    assert stage.good(done.access_token) and not stage.good(child.access_token)
    child = stage.vault.exchange(Holder(done.access_token), AccessRequest("", (Action.SEARCH,)))
    stage.vault.give_up(done.access_token, KNOWN)
    assert not stage.good(done.access_token) and not stage.good(child.access_token)
    assert stage.good(stage.refresh(done.refresh_token).access_token)


def test_nobody_gives_up_the_owners_token_or_a_strangers(stage: Stage) -> None:
    owner = stage.owner
    for token in (owner.token, "x", "", "ovr_" + "0" * 64):
        assert refused(stage.vault.give_up, token, KNOWN).error == "invalid_grant"
    assert stage.good(owner.token)


def test_only_the_owner_looks_into_tokens(stage: Stage) -> None:
    done = stage.tokens()
    with pytest.raises(NotAllowed):
        stage.vault.introspect(Holder(done.access_token), done.access_token)
    for token, kind in ((done.access_token, "access_token"), (done.refresh_token, "refresh_token")):
        seen = stage.vault.introspect(stage.owner, token)
        assert (seen.active, seen.kind, seen.client) == (True, kind, KNOWN)
    stage.vault.give_up(done.refresh_token, KNOWN)
    for token in (done.access_token, done.refresh_token, "x"):
        assert not stage.vault.introspect(stage.owner, token).active


# ---------------------------------------------------------------- the record


def test_everything_is_on_the_record_and_no_secret_is(stage: Stage) -> None:
    right = stage.code()
    done = stage.vault.redeem(right)
    renewed = stage.refresh(done.refresh_token)
    stage.vault.give_up(renewed.refresh_token, KNOWN)
    page = stage.vault.audit(stage.owner, AuditRequest(limit=100))
    told = {(entry.action, entry.decision) for entry in (one.entry for one in page.entries)}
    assert told >= {("connect", "allow"), ("answer", "allow"), ("redeem", "allow"), ("refresh", "allow"),
                    ("give_up", "allow"), ("grant", "allow")}  # fmt: skip
    text = repr(page)
    for secret in (right.secret, done.refresh_token, renewed.refresh_token, done.access_token, VERIFIER):
        assert secret not in text
    assert stage.vault.verify(stage.owner).problems == ()


def test_strangers_cannot_fill_the_log(stage: Stage) -> None:
    before = stage.vault.status(stage.owner).audit_entries
    for _ in range(700):
        with pytest.raises((FlowRefused, Throttled)):
            stage.refresh("ovr_x")
    assert stage.vault.status(stage.owner).audit_entries - before <= 605
