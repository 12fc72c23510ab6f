"""The recovery key as a person writes it down and types it again."""

from __future__ import annotations

from base64 import b32encode

from hypothesis import given
from hypothesis import strategies as st

from vault.store import recovery

KEYS = st.binary(min_size=recovery.SIZE, max_size=recovery.SIZE)


@given(KEYS)
def test_what_is_printed_can_be_typed(key: bytes) -> None:
    printed = recovery.spell(key)
    assert recovery.parse(bytearray(printed.encode())) == key
    sloppy = printed.lower().replace("-", " ").replace("1", "l").replace("0", "o")
    assert recovery.parse(bytearray(sloppy.encode())) == key


def test_the_alphabet_is_crockfords(key: bytes = bytes(range(236, 256))) -> None:
    """The standard library's base32 with its letters exchanged gives the same 32 characters."""
    rfc, crockford = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    expected = b32encode(key).decode().translate(str.maketrans(rfc, crockford))
    assert recovery.spell(key).replace("-", "")[:32] == expected


def test_every_single_wrong_letter_is_noticed() -> None:
    printed = recovery.spell(b"twenty bytes of key!")
    for i, symbol in enumerate(printed):
        for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZ":
            if symbol not in ("-", other):
                assert recovery.parse(bytearray((printed[:i] + other + printed[i + 1 :]).encode())) is None


def test_neighbours_exchanged_are_noticed() -> None:
    printed = recovery.spell(b"twenty bytes of key!").replace("-", "")
    for i in range(len(printed) - 1):
        swapped = printed[:i] + printed[i + 1] + printed[i] + printed[i + 2 :]
        assert swapped == printed or recovery.parse(bytearray(swapped.encode())) is None


def test_other_texts_do_not_look_like_one() -> None:
    printed = recovery.spell(bytes(20))
    for text in (
        "",
        "correct horse battery staple",
        printed[:-1],
        printed + "0",
        printed.replace("0", "U", 1),
        "é" * 36,
    ):
        assert not recovery.looks_like(bytearray(text.encode()))
        assert recovery.parse(bytearray(text.encode())) is None
