"""The recovery key: 160 random bits a person can write down and type again (SPEC.md, "Recovery key").

`7K2M-9QXD-…`: 32 characters of Crockford's base32 and 4 of a checksum that finds typing errors. Never stored.
"""

from __future__ import annotations

from hashlib import sha256

SIZE = 20
"""Random bytes in a recovery key."""
_ALPHABET = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {symbol: value for value, symbol in enumerate(_ALPHABET)}
_VALUE |= {ord(k): _VALUE[ord(v)] for k, v in {"I": "1", "L": "1", "O": "0"}.items()}
_VALUE |= {ord(chr(symbol).lower()): value for symbol, value in _VALUE.items()}
_BETWEEN = frozenset(b"- \t\r\n")
_SYMBOLS, _CHECK, _GROUP = 32, 4, 4


def spell(key: bytes | bytearray) -> str:
    """Return the recovery key as it is printed."""
    symbols = _symbols(int.from_bytes(key, "big"), _SYMBOLS) + _check(key)
    return "-".join(symbols[i : i + _GROUP] for i in range(0, len(symbols), _GROUP))


def looks_like(secret: bytearray) -> bool:
    """Tell whether `secret` has the letters and length of a recovery key, right or mistyped."""
    return len(symbols := _typed(secret)) == _SYMBOLS + _CHECK and all(symbol in _VALUE for symbol in symbols)


def parse(secret: bytearray) -> bytearray | None:
    """Return the 20 bytes behind a typed recovery key; None when it is none or has a typing error. The caller wipes it.

    Letter case, hyphens and blanks do not matter; I and L are read as 1, O as 0.
    """
    if not looks_like(secret):
        return None
    values = [_VALUE[symbol] for symbol in _typed(secret)]
    number = 0
    for value in values[:_SYMBOLS]:
        number = number << 5 | value
    key = bytearray(number.to_bytes(SIZE, "big"))
    return key if [_VALUE[ord(symbol)] for symbol in _check(key)] == values[_SYMBOLS:] else None


def _typed(secret: bytearray) -> bytearray:
    return bytearray(byte for byte in secret if byte not in _BETWEEN)


def _check(key: bytes | bytearray) -> str:
    digest = sha256(b"ownvault/v1/recovery-check\0" + key).digest()
    return _symbols(int.from_bytes(digest[:4], "big") >> 12, _CHECK)


def _symbols(number: int, count: int) -> str:
    return "".join(chr(_ALPHABET[number >> 5 * place & 31]) for place in reversed(range(count)))
