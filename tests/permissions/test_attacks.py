"""What a hostile holder can send. It holds a good token and its secret, so it can sign any block it likes."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import hostile
import permission_vectors
import pytest
from biscuit_auth import Biscuit, BiscuitBuilder, BlockBuilder, KeyPair, Rule
from biscuits import (
    AUDIENCE,
    FIRST,
    KID,
    NOW,
    REST,
    ROOT,
    USUAL,
    VALUES,
    compiled,
    container,
    library,
    make,
    message,
    parse,
    proof,
    seal,
    signed,
    stranger,
    text,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_scope import RECORD

from vault.errors import Overloaded, Refused
from vault.permissions import datalog, tokens
from vault.permissions.vetting import Reason
from vault.types import Action

HERE = Path(__file__).resolve().parent
PLACES = ("notes", "mail", "photos", "*")
GOOD = make(
    USUAL,
    'check if request_collection($c), {"notes", "mail"}.contains($c);'
    'check all record_sensitivity($s), $s <= 2 or stage("request")',
    'check if request_op($o), {"search"}.contains($o); reject if record_label($l), {"private"}.contains($l)',
)


def accepted(token: Any) -> tokens.Verified | None:
    """Return the token if it gets through; anything but Refused that comes out is a failure of the test."""
    try:
        return tokens.verify(tokens.vet(token), ROOT.keys, AUDIENCE, NOW)
    except Refused:
        return None


def within(child: tokens.Verified, parent: tokens.Verified) -> bool:
    """Say whether `child` allows at most what `parent` does, over everything there is to ask here."""
    some = (RECORD, replace(RECORD, labels=("private",)), replace(RECORD, date=None, collection="photos", people=()))
    for action in Action:
        try:
            mine = tokens.authorize(child, action, PLACES, NOW, AUDIENCE)
            if not mine <= tokens.authorize(parent, action, PLACES, NOW, AUDIENCE):
                return False
            if any(tokens.gate(child, r, action, NOW) and not tokens.gate(parent, r, action, NOW) for r in some):
                return False
        except Overloaded:
            continue
    return child.facts == parent.facts and child.detail <= parent.detail and child.expires <= parent.expires


@pytest.mark.parametrize("name", hostile.ATTACKS)
def test_an_attack_gets_nothing(name: str) -> None:
    assert hostile.ATTACKS[name].succeeds() is False


def test_the_good_token_is_good() -> None:
    token = accepted(GOOD)
    assert token is not None
    assert tokens.authorize(token, Action.SEARCH, PLACES, NOW, AUDIENCE) == {"notes", "mail"}
    assert tokens.gate(token, RECORD, Action.SEARCH, NOW)


# ---------------------------------------------------------------- bytes


@settings(max_examples=400)
@given(st.binary(max_size=600) | st.binary(max_size=300).map(lambda tail: base64.urlsafe_b64decode(GOOD)[:250] + tail))
@example(b"\x0a" * 300)
@example(b"\x12\x80\x01" * 100)
def test_any_bytes_are_refused(raw: bytes) -> None:
    assert accepted(text(raw)) is None


@settings(max_examples=200)
@given(st.text(max_size=300) | st.none() | st.integers() | st.binary(max_size=50))
def test_anything_at_all_is_refused(token: Any) -> None:
    assert accepted(token) is None


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Change a few bytes: flip, replace, drop, insert, repeat a slice, exchange two slices."""
    data = bytearray(raw)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at, width = chance.randrange(len(data)), chance.randrange(1, 40)
        match chance.randrange(6):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 2:
                del data[at : at + chance.choice((1, width))]
            case 3:
                data[at:at] = chance.randbytes(chance.choice((1, width)))
            case 4:
                data[at:at] = data[at : at + width]
            case 5:
                other = chance.randrange(len(data))
                data[at : at + width], data[other : other + width] = data[other : other + width], data[at : at + width]
        if not data:
            return b"\0"
    return bytes(data)


TORTURE = 1_000_000
PART = TORTURE // 20


@cache
def genuine() -> tuple[bytes, ...]:
    """Return good tokens of every shape there is, parents, children and sealed, each family with keys of its own."""
    found = []
    for place in sorted((HERE.parent / "vectors" / "token").glob("ok-*.txt")):
        chain, fields = place.stem.encode(), parse(base64.urlsafe_b64decode(permission_vectors.read(place)[1]))
        parts = signed([parse(value)[0][1] for number, value in fields if number in {2, 3}], chain=chain)
        for count in range(1, len(parts) + 1):
            found.append(container(parts[:count], ending=proof(count, chain)))
            found.append(container(parts[:count], ending=seal(parts[:count], chain)))
    return tuple(dict.fromkeys(found))


def crossed(chance: random.Random) -> bytes:
    """Put a token together out of the fields of two: blocks, proofs and key numbers, some left out or twice."""
    at = chance.randrange(len(genuine()) - 4)
    one, other = (parse(raw) for raw in chance.sample(genuine()[at : at + 4], k=2))  # mostly of one family
    fields = [chance.choice((mine, chance.choice(other))) for mine in one]
    for _ in range(chance.choice((0, 0, 1, 2))):
        at = chance.randrange(len(fields))
        fields[at : at + 1] = chance.choice(([], [fields[at]] * 2, [chance.choice(one)]))
    chance.shuffle(fields) if chance.random() < 0.1 else fields.sort(key=lambda field: field[0])
    return message(*fields)


def mutants(seed: int, count: int) -> Iterator[bytes]:
    """Yield so many changed tokens, three in four by bytes, one by fields."""
    chance = random.Random(seed)
    while count:
        raw = mutated(chance.choice(genuine()), chance) if chance.randrange(4) else crossed(chance)
        if raw not in genuine():
            count -= 1
            yield raw


def accepts(mutants: Iterable[bytes]) -> list[str]:
    return [token for token in map(text, mutants) if accepted(token)]


def test_no_mutation_of_a_good_token_is_accepted() -> None:
    assert len(genuine()) > 30 and all(accepted(text(raw)) for raw in genuine())
    assert accepts(mutants(1, 5000)) == []


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(2, 2 + TORTURE // PART))
def test_not_one_of_a_million_mutations_is_accepted(seed: int) -> None:
    assert accepts(mutants(seed, PART)) == []


def test_every_single_bit_counts() -> None:
    raw = base64.urlsafe_b64decode(make())
    for at in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[at] ^= 1 << bit
            assert accepted(text(bytes(changed))) is None, (at, bit)


def test_every_prefix_is_refused() -> None:
    raw = base64.urlsafe_b64decode(GOOD)
    assert all(accepted(text(raw[:end])) is None for end in range(len(raw)))
    assert all(accepted(GOOD[:end]) is None for end in range(len(GOOD)))


def test_no_mutation_of_the_text_is_accepted() -> None:
    chance = random.Random(2)
    for _ in range(2000):
        at = chance.randrange(len(GOOD))
        letter = chance.choice("ABCxyz019-_=+/ \n.\u00e9")
        for changed in (
            GOOD[:at] + letter + GOOD[at + 1 :],
            GOOD[:at] + letter + GOOD[at:],
            GOOD[:at] + GOOD[at + 1 :],
        ):
            assert changed == GOOD or accepted(changed) is None


# ---------------------------------------------------------------- blocks that the holder signs itself


SIGNED = compiled(
    FIRST + USUAL + REST,
    'check if request_collection($c), {"notes"}.contains($c)',
    'check if request_op($o), {"search"}.contains($o) or record_label($l), $l == "work" && $l != "x";'
    'check all record_date($d), $d < 2026-12-01T00:00:00Z, $d >= 2020-01-01T00:00:00Z or stage("request");'
    'check if request_detail($d), $d <= 2; check all record_age($d), $d <= 90 or stage("request");'
    'reject if record_person($p), {"Ann", "Eve"}.contains($p)',
)


def holders_blocks(seed: int, count: int) -> int:
    """Sign so many mutated last blocks properly, so that only vetting and Biscuit's own scoping stand in their way.

    Return how many got through. Each of them allows at most what its parent does.
    """
    chance, parent, through = random.Random(seed), accepted(text(container(signed(SIGNED[:2])))), 0
    assert parent is not None
    for _ in range(count):
        token = accepted(text(container(signed([*SIGNED[:2], mutated(SIGNED[2], chance)]))))
        if token is not None:
            through += 1
            assert within(token, parent)
    return through


def test_a_holder_that_signs_anything_gets_nothing_more() -> None:
    assert holders_blocks(3, 3000) > 50  # mutations that are still good checks; the test would be empty without


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(4, 8))
def test_nor_does_one_that_signs_a_hundred_thousand(seed: int) -> None:
    assert holders_blocks(seed, 25_000) > 300


HOSTILE = [
    'collection("photos")', 'op("forget")', 'grant("owner")', 'client("owner")', f'audience("{AUDIENCE}")',
    'time(2000-01-01T00:00:00Z)', 'stage("request")', 'request_collection("notes")', 'record_sensitivity(0)',
    'collection($x) <- request_collection($x)', 'op($x) <- request_op($x)', 'grant("owner") <- time($t)',
]  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE)
def test_facts_and_rules_of_a_child_are_refused_and_would_not_help(source: str) -> None:
    token = make(USUAL, source)
    assert accepted(token) is None
    verified = accepted(make())
    assert verified is not None
    unvetted = replace(verified, attenuated=True, _biscuit=library(token))
    for action in Action:
        mine = {place for place in PLACES if tokens._allows(unvetted, action, place, NOW, (("stage", "request"),))}
        assert mine <= tokens.authorize(verified, action, PLACES, NOW, AUDIENCE)


def test_a_holder_cannot_take_its_last_caveat_off() -> None:
    raw = parse(base64.urlsafe_b64decode(GOOD))
    for dropped in range(len(raw)):
        fewer = message(*(field for i, field in enumerate(raw) if i != dropped))
        assert accepted(text(fewer)) is None


def test_a_block_signed_by_a_third_party_is_refused() -> None:
    biscuit = library(make())
    block = biscuit.third_party_request().create_block(stranger(), BlockBuilder('approved("export")'))
    from biscuit_auth import KeyPair

    token = biscuit.append_third_party(KeyPair.from_private_key(stranger()).public_key, block).to_base64()
    with pytest.raises(Refused) as caught:
        tokens.vet(token)
    assert caught.value.reason == Reason.THIRD_PARTY


# ---------------------------------------------------------------- keys


def test_p256_is_malleable_and_so_none_of_ours() -> None:
    """To the library both are good, with different revocation ids: revoking one would leave the other."""
    one = hostile.p256()
    other = hostile.flipped(one)
    public = KeyPair.from_private_key(hostile.P256_ROOT).public_key
    assert Biscuit.from_base64(one, public).revocation_ids != Biscuit.from_base64(other, public).revocation_ids
    for token in (one, other):
        with pytest.raises(Refused):
            tokens.verify(tokens.vet(token), {KID: public}, AUDIENCE, NOW)


def test_a_token_of_another_root_is_none_of_ours() -> None:
    other = tokens.Root.from_seed(b"another root, 32 bytes of seed..", KID)
    builder = BiscuitBuilder(FIRST + USUAL + REST, VALUES)
    builder.set_root_key_id(KID)
    token = builder.build(other._private).to_base64()
    assert accepted(token) is None
    assert tokens.verify(tokens.vet(token), other.keys, AUDIENCE, NOW).grant == "g-1"


# ---------------------------------------------------------------- the library's own failures


def test_a_panic_is_a_refusal() -> None:
    """The library panics on the terms of a fact that holds a set; a panic is no Exception."""
    builder = BiscuitBuilder('f({"a"})')
    found = datalog.authorizer().build(builder.build(ROOT._private)).query(Rule("g($x) <- f($x)"))
    with pytest.raises(BaseException) as panic:
        found[0].terms  # noqa: B018
    assert not isinstance(panic.value, Exception)
    with pytest.raises(Refused):
        datalog.guarded(lambda: found[0].terms, Reason.MALFORMED)


def test_ctrl_c_is_not_swallowed() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        datalog.guarded(interrupt, Reason.MALFORMED)


def test_the_library_takes_what_vetting_refuses() -> None:
    """The reason for our own reader: all of these are the same token to the library, with the same revocation ids."""
    raw = base64.urlsafe_b64decode(GOOD)
    ids = library(GOOD).revocation_ids
    for other in (GOOD.rstrip("="), text(raw + message((15, b"x"))), text(b"\x08\x87\x00" + raw[2:])):
        assert Biscuit.from_base64(other, ROOT.public).revocation_ids == ids
        assert other == GOOD or accepted(other) is None
