"""Roots: two live keys, what is published of them, and what can be checked with that alone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from biscuits import AUDIENCE, DAY, GRANT, KID, NOW, ROOT, SEED, minted, reason

from vault.errors import BadRequest
from vault.permissions import tokens
from vault.permissions.tokens import Published, Root
from vault.permissions.vetting import Reason

NEXT = b"n" * 32
BOTH = Root.from_seeds({KID + 1: NEXT, KID: SEED})


def published(root: Root, audience: str = AUDIENCE) -> str:
    keys = [{"kid": kid, "public_key": str(key)} for kid, key in sorted(root.keys.items(), reverse=True)]
    return json.dumps({"audience": audience, "token_keys": keys, "log": "a log key", "later": [1]})


def test_the_newest_signs_and_both_verify() -> None:
    old, new = minted(), tokens.mint(BOTH, GRANT, AUDIENCE, NOW + DAY, NOW)
    assert (BOTH.kid, str(BOTH.public)) == (KID + 1, str(Root.from_seed(NEXT, KID + 1).public))
    assert (tokens.inspect(old).key, tokens.inspect(new).key) == (KID, KID + 1)
    verifier = tokens.Verifier(BOTH.keys, AUDIENCE)
    assert verifier(old, NOW).grant == verifier(new, NOW).grant == "g-1"


def test_a_retired_key_is_unknown() -> None:
    old, new = minted(), Root.from_seed(NEXT, KID + 1)
    assert reason(lambda: tokens.verify(tokens.vet(old), new.keys, AUDIENCE, NOW)) == Reason.UNKNOWN_KEY
    swapped = {KID: new.public, KID + 1: ROOT.public}
    assert reason(lambda: tokens.verify(tokens.vet(old), swapped, AUDIENCE, NOW)) == Reason.SIGNATURE


def test_a_child_of_the_older_key_lives_as_long() -> None:
    parent = minted()
    child = tokens.attenuate(parent, BOTH.keys[KID], actions=["read"])
    ids = [tokens.verify(tokens.vet(token), BOTH.keys, AUDIENCE, NOW).revocation_ids for token in (parent, child)]
    assert ids[1][:1] == ids[0] and len(ids[1]) == 2
    new = Root.from_seed(NEXT, KID + 1)
    assert reason(lambda: tokens.verify(tokens.vet(child), new.keys, AUDIENCE, NOW)) == Reason.UNKNOWN_KEY


def test_no_key_is_no_root() -> None:
    with pytest.raises(ValueError):
        Root.from_seeds({})


def test_secrets_stay_out_of_logs() -> None:
    assert "private" not in repr(BOTH).lower() and SEED.hex() not in repr(BOTH)


# ---------------------------------------------------------------- published


def test_public_keys_as_text() -> None:
    assert str(tokens.public_key(str(ROOT.public))) == str(ROOT.public)
    for wrong in ("", "ed25519/", "ed25519/" + "g" * 64, "secp256r1/" + "0" * 66, str(ROOT.public).upper(),
                  "ed25519/02" + "00" * 31):  # fmt: skip
        with pytest.raises(BadRequest):
            tokens.public_key(wrong)


@pytest.mark.parametrize("text", [published(BOTH), published(ROOT), f" {ROOT.public}\n"])
def test_with_what_is_published_a_token_is_checked_offline(text: str) -> None:
    keys = Published.parse(text)
    assert tokens.verify_offline(minted(), keys, NOW).grant == "g-1"
    child = tokens.attenuate(minted(), keys.key(KID), actions=["read"])
    assert tokens.verify_offline(child, keys, NOW).actions == {"read"}
    assert reason(lambda: tokens.verify_offline(child, keys, NOW + DAY)) == Reason.EXPIRED
    stranger = tokens.mint(Root.from_seed(b"s" * 32, KID), GRANT, AUDIENCE, NOW + DAY, NOW)
    assert reason(lambda: tokens.verify_offline(stranger, keys, NOW)) == Reason.SIGNATURE


def test_a_key_alone_knows_neither_number_nor_vault() -> None:
    alone, whole = Published.parse(str(ROOT.public)), Published.parse(published(ROOT))
    other_number = tokens.mint(replace(ROOT, kid=9, keys={9: ROOT.public}), GRANT, AUDIENCE, NOW + DAY, NOW)
    other_vault = tokens.mint(ROOT, GRANT, "ownvault:other", NOW + DAY, NOW)
    for token, expected in ((other_number, Reason.UNKNOWN_KEY), (other_vault, Reason.AUDIENCE)):
        assert tokens.verify_offline(token, alone, NOW).grant == "g-1"
        assert reason(lambda token=token: tokens.verify_offline(token, whole, NOW)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "{}", "[]", '{"audience": "a", "token_keys": []}', '{"audience": "a", "token_keys": 3}',
        '{"token_keys": [{"kid": 1, "public_key": "ed25519/00"}]}', '{"a":' * 5000,
        published(ROOT, audience=""), published(BOTH).replace(f'"kid": {KID + 1}', f'"kid": {KID}'),
        published(ROOT).replace(f'"kid": {KID}', '"kid": true'),
        published(ROOT).replace('"public_key"', '"key"'), published(ROOT).replace("ed25519/", "p256/"),
    ],
)  # fmt: skip
def test_what_is_no_publication(text: str) -> None:
    with pytest.raises(BadRequest):
        Published.parse(text)
