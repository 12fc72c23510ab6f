"""Pairing a browser, and its tokens: by the words, by the key, by the origin, in time, once."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.api.extension.conftest import CHROMIUM, FIREFOX, FOREIGN, PAGE, WEB, Extension, Place
from vault.errors import BadRequest, VaultError
from vault.permissions import transcripts
from vault.permissions.transcripts import decoded, encoded
from vault.types import AuditRequest, PairApproval, Right


def test_the_whole_way(place: Place) -> None:
    one = Extension(place.port)
    pairing, words = one.start("Chromium on Linux", ("search", "capture"))
    assert one.refused("pair/token", {"pairing": pairing}) == (409, "pairing_pending")
    (waiting,) = place.remote.browsers(place.owner).waiting
    assert (waiting.words, waiting.origin, waiting.name) == (words, CHROMIUM, "Chromium on Linux")
    assert waiting.asks == (Right.CAPTURE, Right.SEARCH)
    done = place.remote.pair_browser(place.owner, pairing, WEB)
    assert done.sees is None and [sorted(one.actions) for one in done.browser.grants] == [["add"]]
    given = one.fetch(pairing)
    assert given["rights"] == ["capture"] and given["token_type"] == "DPoP"
    assert one.refused("pair/token", {"pairing": pairing}) == (410, "pairing_over"), "single use"
    assert one.ask("collections") == {"collections": ["web"], "default": "web"}
    place.remote.unpair(place.owner, "Chromium on Linux")
    assert one.refused("collections") == (401, "token_refused")
    assert one.refused("pair/token", {"refresh_token": one.refresh}) == (410, "pairing_over")


def test_each_of_the_three_is_compared(place: Place) -> None:
    one = place.paired()
    thief = Extension(place.port, token=one.token)
    assert thief.refused("collections") == (401, "token_refused"), "a stolen token without its key"
    assert one.refused("collections", origin=FOREIGN) == (401, "token_refused"), "another extension with key and token"
    assert one.refused("collections", authorization="DPoP ovb_" + "0" * 64) == (401, "token_refused")
    assert one.refused("collections", authorization=f"Bearer {one.token}") == (401, "token_refused")
    for refresh, who in ((one.refresh, thief), (one.refresh, Extension(place.port, FOREIGN, one.key))):
        assert who.refused("pair/token", {"refresh_token": refresh}) == (401, "token_refused")
    assert one.ask("collections")["default"] == "web"


def test_its_tokens_are_none_elsewhere(place: Place) -> None:
    from tests.api.raw import request

    one = place.paired()
    for path in ("/v1/search", "/v1/status", "/mcp"):
        for kind in ("Bearer", "DPoP"):
            answer = request(place.port, "POST", path, b"{}", authorization=f"{kind} {one.token}")
            assert answer is not None and answer.status in (401, 405), path
        answer = request(place.port, "POST", path, b"{}", authorization=f"DPoP {one.token}", origin=one.origin)
        assert answer is not None and answer.status == 403, "no other path knows an extension's origin"


def test_a_proof_is_for_one_call_of_now(place: Place) -> None:
    one = place.paired()
    now = int(time.time())
    bad = {
        "wrong htu": one.proof("collections", htu=f"http://127.0.0.1:{place.port}/extension/capture"),
        "another port": one.proof("collections", htu=f"http://127.0.0.1:{place.port + 1}/extension/collections"),
        "wrong htm": one.proof("collections", htm="GET"),
        "old iat": one.proof("collections", iat=now - 90),
        "iat of a clock that jumped": one.proof("collections", iat=now + 3600),
        "no iat": one.proof("collections", iat=None),
        "of another token": one.proof("collections", token="ovb_" + "1" * 64),
        "without the token": one.proof("collections", token=""),
        "no proof": "", "no JWT": "a.b.c",
    }  # fmt: skip
    for why, proof in bad.items():
        assert one.refused("collections", proof=proof) == (401, "token_refused"), why
    once = one.proof("collections")
    assert one.say("collections", proof=once).status == 200
    assert one.refused("collections", proof=once) == (401, "token_refused"), "reused jti"


def test_the_refresh_token_stays_and_the_access_token_is_new(place: Place) -> None:
    one = place.paired()
    given = one.ask("pair/token", {"refresh_token": one.refresh})
    assert given["refresh_token"] is None and given["access_token"] != one.token
    again = one.ask("pair/token", {"refresh_token": one.refresh})
    assert again["access_token"] != given["access_token"], "a worker that is killed in between loses nothing"
    one.token = given["access_token"]
    assert one.ask("collections")


def test_what_does_not_fit_the_commitment_ends_the_pairing(place: Place) -> None:
    one = Extension(place.port)
    commit = encoded(transcripts.commitment(secrets.token_bytes(32)))
    begun = one.ask("pair/start", {"name": "Middle", "commit": commit, "asks": ["capture"]})
    wrong = {"pairing": begun["pairing"], "nonce": encoded(secrets.token_bytes(32))}
    assert one.refused("pair/reveal", wrong) == (410, "pairing_over")
    assert one.refused("pair/token", {"pairing": begun["pairing"]}) == (410, "pairing_over")
    assert place.remote.browsers(place.owner).waiting == ()


def test_words_are_shown_once_and_nobody_is_let_in_without(place: Place) -> None:
    one = Extension(place.port)
    mine = secrets.token_bytes(32)
    commit = encoded(transcripts.commitment(mine))
    begun = one.ask("pair/start", {"name": "Hasty", "commit": commit, "asks": ["capture"]})
    (waiting,) = place.remote.browsers(place.owner).waiting
    assert waiting.words == ()
    with pytest.raises(BadRequest):
        place.remote.pair_browser(place.owner, waiting.id, WEB)
    reveal = {"pairing": begun["pairing"], "nonce": encoded(mine)}
    assert one.ask("pair/reveal", reveal)["expires_in"] <= 120
    assert one.refused("pair/reveal", reveal) == (410, "pairing_over"), "replayed"
    assert place.remote.browsers(place.owner).waiting == ()


def test_a_pairing_is_for_whoever_began_it(place: Place) -> None:
    one = Extension(place.port)
    pairing, _ = one.start("Mine")
    for other in (Extension(place.port), Extension(place.port, FOREIGN, one.key)):
        for name, body in (("pair/token", {"pairing": pairing}), ("pair/cancel", {"pairing": pairing})):
            assert other.refused(name, body) == (410, "pairing_over")
    assert one.refused("pair/token", {"pairing": pairing}) == (409, "pairing_pending")
    assert one.ask("pair/cancel", {"pairing": pairing}) == {}
    assert one.refused("pair/token", {"pairing": pairing}) == (410, "pairing_over")


def test_a_denied_one_is_over(place: Place) -> None:
    one = Extension(place.port)
    pairing, _ = one.start("Unwanted")
    place.remote.refuse_browser(place.owner, pairing)
    assert one.refused("pair/token", {"pairing": pairing}) == (410, "pairing_over")


def test_three_wait_at_most_and_one_of_an_origin(place: Place) -> None:
    origins = [f"chrome-extension://{letter * 32}" for letter in "abcd"]
    waiting = [Extension(place.port, origin).start(f"At {origin[-1]}")[0] for origin in origins[:3]]
    fourth = Extension(place.port, origins[3])
    start = {"name": "Fourth", "commit": encoded(bytes(32)), "asks": ["capture"]}
    answer = fourth.say("pair/start", start)
    assert (answer.status, answer.json["code"]) == (429, "throttled") and int(answer.headers["retry-after"]) <= 120
    again = Extension(place.port, origins[0])
    anew, _ = again.start("Again")
    assert {one.id for one in place.remote.browsers(place.owner).waiting} == {anew, *waiting[1:]}
    for id in (anew, *waiting[1:]):
        place.remote.refuse_browser(place.owner, id)


def test_of_two_at_once_one_gets_the_tokens(place: Place) -> None:
    one = Extension(place.port)
    pairing, _ = one.start("Twice")
    place.remote.pair_browser(place.owner, pairing, WEB)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: one.say("pair/token", {"pairing": pairing}), range(8)))
    assert sorted(answer.status for answer in answers) == [200, *[410] * 7]


def test_of_two_owners_at_once_one_lets_it_in(place: Place) -> None:
    one = Extension(place.port)
    pairing, _ = one.start("Raced")

    def let_in(_: int) -> str:
        try:
            return place.remote.pair_browser(place.owner, pairing, WEB).browser.name
        except VaultError as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(let_in, range(4))) == ["Raced", *["not_found"] * 3]
    one.fetch(pairing)
    named = [view for view in place.remote.browsers(place.owner).browsers if view.name == "Raced"]
    assert len(named) == 1 and len(named[0].grants) == 1


def test_a_name_is_one_browser_s(place: Place) -> None:
    first = Extension(place.port)
    pairing, _ = first.start("Same name")
    place.remote.pair_browser(place.owner, pairing, WEB)
    other = Extension(place.port, FIREFOX)
    pairing, _ = other.start("Same name")
    with pytest.raises(BadRequest):
        place.remote.pair_browser(place.owner, pairing, WEB)
    done = place.remote.pair_browser(place.owner, pairing, PairApproval("Another name", ("web",)))
    assert done.browser.client == "Another name (browser)"


def test_hostile_names_are_refused(place: Place) -> None:
    one = Extension(place.port)
    for name in ("<img src=x onerror=alert(1)>", "a\u202eb", "", " ", "x" * 65, "\u200b", "Chromium\n", "a\x00b"):
        start = {"name": name, "commit": encoded(bytes(32)), "asks": ["capture"]}
        assert one.refused("pair/start", start) == (400, "bad_request"), name
    for asks in ([], ["grant"], ["capture", "capture"], "capture", ["capture"] * 9):
        assert one.refused("pair/start", {"name": "A", "commit": encoded(bytes(32)), "asks": asks})[0] == 400
    for commit in ("", "A" * 42, "A" * 44, "=" * 43, encoded(bytes(32))[:-1] + "B"):
        assert one.refused("pair/start", {"name": "A", "commit": commit, "asks": ["capture"]})[0] == 400
    assert place.remote.browsers(place.owner).waiting == ()


def test_hello_is_signed_for_this_nonce_and_address(place: Place) -> None:
    one = Extension(place.port)
    nonce = encoded(secrets.token_bytes(32))
    told = one.ask("hello", {"nonce": nonce})
    assert told["nonce"] == nonce and told["address"] == f"http://127.0.0.1:{place.port}"
    message = transcripts.greeting(told["address"], decoded(nonce, 32), told["time"])
    key = Ed25519PublicKey.from_public_bytes(decoded(told["server_key"], 32))
    key.verify(decoded(told["signature"], 64), message)
    assert abs(told["time"] - time.time()) < 60 and told["state"] == "unlocked"
    assert (
        one.ask("pair/start", {"name": "A", "commit": encoded(bytes(32)), "asks": ["capture"]})["server_key"]
        == told["server_key"]
    )
    for bad in ("", "AA", encoded(bytes(65)), "!" * 22):
        assert one.refused("hello", {"nonce": bad}) == (400, "bad_request")
    one.ask("pair/cancel", {"pairing": place.remote.browsers(place.owner).waiting[0].id})


def test_a_browser_unpairs_itself(place: Place) -> None:
    one = place.paired()
    assert one.ask("unpair") == {}
    assert one.refused("capture", PAGE | {"key": "a" * 16}) == (401, "token_refused")
    gone = next(view for view in place.remote.browsers(place.owner).browsers if view.key == one.key.thumbprint())
    assert gone.ended and gone.rights == () and {grant.status for grant in gone.grants} == {"revoked"}


def test_nothing_comes_in_after_it_was_unpaired(place: Place) -> None:
    one = place.paired()
    me = next(view for view in place.remote.browsers(place.owner).browsers if view.key == one.key.thumbprint())

    def save(number: int) -> int:
        if number == 6:
            place.remote.unpair(place.owner, me.id)
        return one.say("capture", PAGE | {"key": f"racing-{number:04}", "url": f"https://example.org/r{number}"}).status

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(save, range(16)))
    assert set(answers) <= {200, 401, 503} and answers[-1] == 401
    log = place.remote.audit(place.owner, AuditRequest(100)).entries
    (end,) = [one.number for one in log if one.entry.detail.get("change") == "unpair"
              and one.entry.detail.get("browser") == me.id]  # fmt: skip
    allowed = [one.number for one in log if one.entry.client == me.client and one.entry.decision == "allow"]
    assert max(allowed, default=0) < end
