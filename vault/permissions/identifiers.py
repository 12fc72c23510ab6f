"""Identifiers in text: e-mail addresses, phone numbers, IBANs, payment cards, national ids. SPEC.md, "Redaction".

What a number is, is decided by python-stdnum (check digits, dates) and phonenumbers (numbering plans); the patterns
here only say where to look. Finding takes time in proportion to the text, whatever the text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from vault.legible import HIDDEN, JOINERS
from vault.permissions import national, telephones

TRIES = 100_000
"""How much work one text may ask of the validators; see `_Search.spend`."""


class Kind(StrEnum):
    """What an identifier is, the most specific first. A number is one that nobody could look at any more."""

    IBAN = "iban"
    EMAIL = "email"
    CARD = "card"
    ID = "id"
    PHONE = "phone"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier: its place in the text, and `canonical`, the same for every way of writing it."""

    kind: Kind
    start: int
    end: int
    canonical: str


# Nothing to find without an @, a passport's machine-readable line or six digits that stand close together.
_SIX = re.compile(r"\d(?:\D{0,8}\d){5}")
_SIGNS = "@", "\uff20", "<<"
_NUMBERS = re.compile(r"\d(?:\D{0,8}\d){5,}")
_START = re.compile(r"(?<![^\W_])[A-Za-z\d]")
_DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:[^\W\d_]{2,63}|xn--[a-z\d-]{2,59})(?![\w-])", re.I)
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]{1,64}")
_NO_START = "."
_MACHINE_READABLE = re.compile(r"(?<![A-Z\d<])(?=[A-Z\d<]{0,44}<<)[A-Z\d<]{28,46}(?![A-Z\d<])")
_IBAN = re.compile(r"[A-Z]{2} ?\d{2}(?:[ .-]?[A-Z\d]){11,30}|[a-z]{2}\d{2}(?:[ .-]?[a-z\d]){11,30}")
_CARD = re.compile(
    r"(?:[2-6]\d{3}(?:[\s./-]{0,2}\d{4}){2}[\s./-]{0,2}\d{1,4}(?:[\s./-]{0,2}\d{3})?"
    r"|3\d{3}[\s./-]{1,2}\d{6}[\s./-]{1,2}\d{4,5})(?!\d)"
)
_LONG = re.compile(r"\d(?:[ .()/-]{0,3}\d){6,30}")


def find(text: str, region: str | None = None) -> list[Identifier]:
    """Return the identifiers in `text`, in order, none touching another.

    `region` is a country (ISO 3166, as `DE`) whose phone numbers may be written without a country code.
    Past the bound of work (`TRIES`) every number of seven digits or more is taken for one, of kind `number`.
    """
    if not (any(sign in text for sign in _SIGNS) or _SIX.search(text)):
        return []
    plain, gone = _plain(text)
    found = _apart(_Search(plain, region).all())
    if not gone:
        return found
    return [
        Identifier(
            one.kind,
            one.start + bisect_right(gone, one.start),
            one.end + bisect_right(gone, one.end - 1),
            one.canonical,
        )
        for one in found
    ]


# ---------------------------------------------------------------- writing

_ODD = re.compile(
    f"[{HIDDEN}{JOINERS}\xa0\u1680\u2000-\u200a\u202f\u205f\u3000\u2010-\u2015\u2212\ufe63\uff01-\uff5e]|[^\\D0-9]"
)


def _plain(text: str) -> tuple[str, list[int]]:
    """Return `text` with its digits, dashes and spaces as ASCII and nothing hidden, and where characters went.

    The second value has, for each character left out, its place less the number left out before it.
    """
    if text.isascii():
        return text, []
    gone: list[int] = []
    parts, last = [], 0
    for match in _ODD.finditer(text):
        new = _ascii(match[0])
        parts += [text[last : match.start()], new]
        last = match.end()
        if not new:
            gone.append(match.start() - len(gone))
    return "".join(parts) + text[last:], gone


@cache
def _ascii(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    category = unicodedata.category(character)
    if category == "Zs":
        return " "
    if category == "Pd" or character == "\u2212":
        return "-"
    return unicodedata.normalize("NFKC", character) if "\uff01" <= character <= "\uff5e" else ""


# ---------------------------------------------------------------- finding


class _Search:
    """One search through one text."""

    def __init__(self, text: str, region: str | None) -> None:
        self.text, self.region, self.left = text, region, TRIES

    def all(self) -> Iterator[Identifier]:
        yield from self._emails()
        yield from self._passports()
        for match in _NUMBERS.finditer(self.text):
            start, end = max(0, match.start() - 8), min(len(self.text), match.end() + 8)
            yield from self._ibans(start, end)
            yield from self._cards(start, end)
            yield from self._ids(start, end)
            yield from self._phones(start, end)
            if self.left <= 0:
                yield from self._rest(start, end)

    def spend(self, cost: int) -> bool:
        """Count `cost` (1 is about a microsecond) against what this text may ask for; False when that is spent."""
        self.left -= cost
        return self.left > 0

    def _emails(self) -> Iterator[Identifier]:
        at = self.text.find("@")
        while at >= 0:
            domain = _DOMAIN.match(self.text, at + 1)
            local = domain and _LOCAL.match(self.text[max(0, at - 64) : at][::-1])
            if domain and local:
                start = at - local.end() + (len(local[0]) - len(local[0].rstrip(_NO_START)))
                if start < at:
                    address = self.text[start : domain.end()]
                    yield Identifier(Kind.EMAIL, start, domain.end(), address.casefold())
            at = self.text.find("@", domain.end() if domain else at + 1)

    def _passports(self) -> Iterator[Identifier]:
        """The lines that machines read on passports and cards: nothing else looks like them."""
        if "<<" in self.text:
            for match in _MACHINE_READABLE.finditer(self.text):
                yield Identifier(Kind.ID, *match.span(), match[0])

    def _ibans(self, start: int, end: int) -> Iterator[Identifier]:
        from stdnum import iban

        for match in _candidates(_IBAN, self.text, start, end):
            for stop in _ends(match):
                if not self.spend(20):
                    return
                if iban.is_valid(self.text[match.start() : stop], check_country=False):
                    yield self._one(Kind.IBAN, match.start(), stop)
                    break

    def _cards(self, start: int, end: int) -> Iterator[Identifier]:
        from stdnum import luhn

        for match in _candidates(_CARD, self.text, start, end):
            if not self.spend(5):
                return
            digits = _compact(match[0])
            if 13 <= len(digits) <= 19 and luhn.is_valid(digits):
                yield self._one(Kind.CARD, *match.span())

    def _ids(self, start: int, end: int) -> Iterator[Identifier]:
        for match in _START.finditer(self.text, start, end):
            if not self.spend(5):
                return
            stop = national.at(self.text, match.start())
            if stop:
                yield self._one(Kind.ID, match.start(), stop)

    def _phones(self, start: int, end: int) -> Iterator[Identifier]:
        for first, last in telephones.written(self.text, start, end):
            if not self.spend(50):
                return
            canonical = telephones.number(self.text, first, last, self.region)
            if canonical:
                yield Identifier(Kind.PHONE, first, last, canonical)

    def _rest(self, start: int, end: int) -> Iterator[Identifier]:
        for match in _LONG.finditer(self.text, start, end):
            yield self._one(Kind.NUMBER, *match.span())

    def _one(self, kind: Kind, start: int, end: int) -> Identifier:
        return Identifier(kind, start, end, _compact(self.text[start:end]))


def _compact(text: str) -> str:
    return "".join(c for c in text if c.isalnum()).upper()


def _candidates(pattern: re.Pattern[str], text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Give what may be an identifier, from each word or group of digits on: overlapping, each of bounded length."""
    for word in _START.finditer(text, start, end):
        match = pattern.match(text, word.start())
        if match:
            yield match


def _ends(match: re.Match[str]) -> list[int]:
    """Return where `match` may end, the longest first: words may follow, and look like a part of it."""
    return [match.end(), *(match.start() + gap.start() for gap in reversed(list(re.finditer("[ .-]", match[0]))))]


def _apart(found: Iterator[Identifier]) -> list[Identifier]:
    """Return identifiers that do not touch: where some overlap, one as wide as all, named after the most specific."""
    rank = list(Kind).index
    apart: list[Identifier] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if apart and one.start < apart[-1].end:
            before = apart.pop()
            best = min(before, one, key=lambda each: (rank(each.kind), each.start - each.end))
            one = Identifier(best.kind, before.start, max(before.end, one.end), best.canonical)
        apart.append(one)
    return apart
