"""Telephone numbers: where one may be written, and whether it is one (phonenumbers, Google's numbering plans)."""

from __future__ import annotations

import re
from collections.abc import Iterator

REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "NL", "SE", "AT", "CH", "IN", "AU")
"""Whose way of writing is tried where the text's own country is not known."""

_WRITTEN = re.compile(r"(?<![\w.,:@/-])[+(]{0,2}\d(?:(?!\. )[ ./()-]{0,3}\d){5,16}(?![\w@])(?!:\d)")
_DATE = re.compile(r"(?:(?:19|20)\d\d[ ./-][01]?\d[ ./-][0-3]?\d|[0-3]?\d[ ./-][01]?\d[ ./-](?:19|20)\d\d)(?!\d)")
_YEARS = re.compile(r"(?:1\d|20)\d\d ?- ?(?:1\d|20)?\d\d$")
_NAMED = re.compile(
    r"(?<!\w)(?:tele(?:ph|f)ono?\w*|tel|phone|mobile|mobil\w*|handy\w*|cell|fax|ring|rings?|call|called|text|sms|whatsapp|signal"
    r"|ruf\w*|anruf\w*|durchwahl|appel\w*|portable|m[óo]vil|ll[aá]m\w*)(?!\w)[^\n\d]{0,16}$|[☎📞📱✆]\W{0,3}$",
    re.I,
)
_LOCAL = re.compile(r"555-\d{4}")  # the exchange of numbers in fiction and examples
_NATIONAL = re.compile(
    r"\(?0[1-9](?=(?:\D{0,3}\d){7})|\(\d{2,5}\)|\d{3}[ .-]\d{3}[ .-]\d{4}$|1[ .-]\d{3}[ .-]\d{3}[ .-]\d{4}$"
)


def written(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Give the places between `start` and `end` where digits stand as in a telephone number; dates are none."""
    at = start
    while match := _WRITTEN.search(text, at, end):
        date = _DATE.match(text, match.start())
        if date:
            at = date.end()
            continue
        at = match.end()
        if not _YEARS.match(match[0].lstrip("(")):
            yield match.span()


def number(text: str, start: int, end: int, region: str | None) -> str:
    """Return the telephone number written at this place without its country code, or "" if it is none.

    International numbers count, and those of `region`. Without a region, those written the way one of a dozen
    countries writes its own. A number that a word before it calls one (`Tel. 12 34 56`) counts as it stands.
    """
    import phonenumbers

    said = text[start:end]
    if said.startswith(("+", "(+", "00")):
        said, region = "+" + said.lstrip("(+0"), None
        regions: tuple[str | None, ...] = (None,)
    elif region:
        regions = (region,)
    else:
        regions = REGIONS if _NATIONAL.match(said) else ()
    for each in regions:
        try:
            parsed = phonenumbers.parse(said, each)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed) or (each is None and phonenumbers.is_possible_number(parsed)):
            return str(parsed.national_number)
    if _LOCAL.fullmatch(said) or _NAMED.search(text[max(0, start - 32) : start]):
        return "".join(c for c in said if c.isdecimal()).lstrip("0")
    return ""
