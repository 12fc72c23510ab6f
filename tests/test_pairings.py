"""Pairing in the vault itself: at every turn of the clock, and what a browser leaves behind."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support import FLOOR_KIB, PASSPHRASE, Clock, HashingEncoder, fill
from vault import limits
from vault.config import Config
from vault.errors import BadRequest, NotAllowed, NotFound, PairingOver, PairingPending, Refused, Throttled
from vault.permissions import transcripts
from vault.permissions.transcripts import decoded, encoded
from vault.service import Vault
from vault.types import (
    UNPROVEN,
    Approval,
    AuditRequest,
    BrowserTokens,
    Captured,
    CaptureRequest,
    Detail,
    Filter,
    GrantRequest,
    Holder,
    PairApproval,
    PairReveal,
    PairStart,
    PairToken,
    Right,
    SearchRequest,
    Shown,
)

ADDRESS = "http://127.0.0.1:7117"
ORIGIN = "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb"
KEY, OTHER = encoded(b"k" * 32), encoded(b"o" * 32)
ME = Shown("", KEY, ORIGIN)
WEB = PairApproval(collections=("web",))


class Stage:
    """A vault, its clock, its owner, and a browser at the door."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self.vault, self.clock = vault, clock
        fill(vault, "notes", keel="The keel bolts were replaced.")

    @property
    def owner(self) -> Holder:
        return Holder(self.vault.owner_token().token)

    def start(self, name: str = "Chromium", shown: Shown = ME) -> str:
        mine = secrets.token_bytes(32)
        commit = encoded(transcripts.commitment(mine))
        begun = self.vault.pair_start(PairStart(name, commit, (Right.CAPTURE,)), shown)
        self.vault.pair_reveal(PairReveal(begun.pairing, encoded(mine)), shown, ADDRESS)
        return begun.pairing

    def paired(self, approval: PairApproval = WEB) -> BrowserTokens:
        pairing = self.start()
        self.vault.pair_browser(self.owner, pairing, approval)
        return self.vault.pair_token(PairToken(pairing), ME)

    def capture(self, token: str, url: str = "https://example.org/") -> str:
        wanted = CaptureRequest("k" * 16 + url[-1:].replace("/", "_"), Captured.PAGE, url, self.clock.now, "web",
                                text="Words.")  # fmt: skip
        return self.vault.capture(Shown(token, KEY, ORIGIN), wanted).outcome


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    clock = Clock(datetime(2026, 11, 23, 12, tzinfo=UTC))
    config = Config(directory=tmp_path / "vault", argon2_memory=FLOOR_KIB)
    Vault.create(config, bytearray(PASSPHRASE), clock=clock)
    with Vault.open(config, bytearray(PASSPHRASE), encoder=HashingEncoder(), clock=clock) as vault:
        yield Stage(vault, clock)


def over(stage: Stage, pairing: str) -> None:
    with pytest.raises(PairingOver):
        stage.vault.pair_token(PairToken(pairing), ME)
    assert stage.vault.browsers(stage.owner).waiting == ()
    with pytest.raises(NotFound):
        stage.vault.pair_browser(stage.owner, pairing, WEB)


def test_a_pairing_ends_after_two_minutes(stage: Stage) -> None:
    pairing = stage.start()
    stage.clock.forward(seconds=119)
    with pytest.raises(PairingPending):
        stage.vault.pair_token(PairToken(pairing), ME)
    stage.clock.forward(seconds=1)
    over(stage, pairing)


def test_a_clock_that_goes_back_ends_it(stage: Stage) -> None:
    pairing = stage.start()
    stage.clock.forward(seconds=-1)
    over(stage, pairing)
    stage.clock.forward(seconds=1)
    over(stage, pairing)


def test_a_clock_that_jumps_ends_it(stage: Stage) -> None:
    pairing = stage.start()
    stage.clock.forward(days=400)
    over(stage, pairing)


def test_a_yes_is_fetched_in_time_or_not_at_all(stage: Stage) -> None:
    pairing = stage.start()
    stage.clock.forward(seconds=110)
    stage.vault.pair_browser(stage.owner, pairing, WEB)
    stage.clock.forward(seconds=119)
    assert stage.vault.pair_token(PairToken(pairing), ME).rights == (Right.CAPTURE,)
    late = stage.start("Late")
    stage.vault.pair_browser(stage.owner, late, WEB)
    stage.clock.forward(seconds=120)
    with pytest.raises(PairingOver):
        stage.vault.pair_token(PairToken(late), ME)
    assert [one.fetched for one in stage.vault.browsers(stage.owner).browsers] == [False, True]


def test_a_place_is_free_again_when_one_is_over(stage: Stage) -> None:
    for letter in "abc":
        stage.start("B", Shown("", KEY, f"chrome-extension://{letter * 32}"))
    fourth = Shown("", KEY, "chrome-extension://" + "d" * 32)
    with pytest.raises(Throttled):
        stage.start("B", fourth)
    stage.clock.forward(seconds=limits.PAIR_SECONDS)
    assert stage.start("B", fourth)


def test_nobody_pairs_without_a_proof(stage: Stage) -> None:
    for key in ("", UNPROVEN):
        with pytest.raises(Refused):
            stage.start("A", Shown("", key, ORIGIN))
        with pytest.raises(Refused):
            stage.vault.pair_token(PairToken(refresh_token="ovp_x"), Shown("", key, ORIGIN))


def test_tokens_end_by_the_clock(stage: Stage) -> None:
    given = stage.paired()
    stage.clock.forward(seconds=899)
    assert stage.capture(given.access_token) == "added"
    stage.clock.forward(seconds=1)
    with pytest.raises(Refused):
        stage.capture(given.access_token)
    fresh = stage.vault.pair_token(PairToken(refresh_token=given.refresh_token), ME)
    assert stage.capture(fresh.access_token, "https://example.org/2") == "added"
    stage.clock.forward(days=366)
    fresh = stage.vault.pair_token(PairToken(refresh_token=given.refresh_token), ME)
    with pytest.raises(Refused):  # the grant is over
        stage.capture(fresh.access_token, "https://example.org/3")


def test_only_so_many_tokens_of_one_browser_are_good(stage: Stage) -> None:
    given = stage.paired()
    renew = PairToken(refresh_token=given.refresh_token)
    for _ in range(limits.BROWSER_TOKENS):
        stage.clock.forward(seconds=1)
        last = stage.vault.pair_token(renew, ME)
    with pytest.raises(Refused):
        stage.capture(given.access_token)
    assert stage.capture(last.access_token) == "added"


def test_nothing_named_is_nothing_given(stage: Stage) -> None:
    pairing = stage.start()
    for nothing in (
        PairApproval(), PairApproval(search=Filter()), PairApproval(collections=("web",), approval=Approval.EACH),
        PairApproval(search=Filter(collections=("notes",)), detail=Detail.ANSWERS), PairApproval("a\u202eb", ("web",)),
        PairApproval(collections=("web",), expires_in=400 * 86400), PairApproval(all=True, search=Filter(kinds=())),
    ):  # fmt: skip
        with pytest.raises((BadRequest, NotFound)):
            stage.vault.pair_browser(stage.owner, pairing, nothing)
    assert stage.vault.browsers(stage.owner).browsers == () and stage.vault.grants(stage.owner) == ()
    assert stage.vault.pair_browser(stage.owner, pairing, WEB).browser.rights == (Right.CAPTURE,)


def test_only_the_owner_pairs_and_ends(stage: Stage) -> None:
    holder = Holder(stage.vault.grant(stage.owner, GrantRequest("claude", filter=Filter(collections=("notes",)))).token)
    pairing = stage.start()
    for call in (
        lambda: stage.vault.browsers(holder), lambda: stage.vault.pair_browser(holder, pairing, WEB),
        lambda: stage.vault.refuse_browser(holder, pairing), lambda: stage.vault.unpair(holder, "Chromium"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            call()


def test_every_step_is_on_the_record(stage: Stage) -> None:
    given = stage.paired()
    stage.capture(given.access_token)
    stage.vault.leave(Shown(given.access_token, KEY, ORIGIN))
    said = [one.entry for one in stage.vault.audit(stage.owner, AuditRequest(100)).entries]
    done = [(one.action, one.client) for one in reversed(said) if one.decision == "allow"]
    client = "Chromium (browser)"
    for expected in (("grant", "owner"), ("pair", client), ("add", client), ("unpair", client)):
        assert expected in done, expected
    assert stage.vault.verify(stage.owner).ok


def test_the_grant_s_own_token_is_never_given_and_would_not_do(stage: Stage) -> None:
    given = stage.paired(PairApproval(search=Filter(collections=("notes",))))
    holder = stage.vault.bear(Shown(given.access_token, KEY, ORIGIN), Right.SEARCH, "search")
    assert stage.vault.search(holder, SearchRequest("keel")).hits
    for proof in ("", OTHER, UNPROVEN):
        with pytest.raises(Refused):
            stage.vault.search(Holder(holder.token, "rest", proof), SearchRequest("keel"))


def test_the_words_are_bound_to_all_that_is_said() -> None:
    said = [KEY, b"s" * 32, b"e" * 32, b"v" * 32, ORIGIN, ADDRESS, "Chromium", "capture"]
    others = [OTHER, b"S" * 32, b"E" * 32, b"V" * 32, ORIGIN[:-1] + "a", "http://127.0.0.1:7118", "Chrome", "search"]
    words = transcripts.words(*said)  # type: ignore[arg-type]
    for place, other in enumerate(others):
        changed = [*said[:place], other, *said[place + 1 :]]
        assert transcripts.words(*changed) != words, place  # type: ignore[arg-type]


def test_only_one_spelling_of_bytes_is_read() -> None:
    assert decoded(KEY, 32) == b"k" * 32
    for text in (KEY + "=", KEY[:-1], KEY[:-1] + "t", KEY.replace("a", "+"), "\u212a" * 43, "", KEY * 2):
        with pytest.raises(BadRequest):
            decoded(text, 32)
