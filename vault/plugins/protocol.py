"""The importer protocol as the vault reads it (plugins/importers/SPEC.md): what a child says, checked line by line."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from vault import limits
from vault.errors import BadRequest
from vault.plugins.items import Failure, Item, Limits, Progress
from vault.types import Draft, Provenance, Sensitivity, utc

PROTOCOL = 1


@dataclass(frozen=True, slots=True)
class End:
    """The importer is done."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The importer declines the whole input."""

    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class Noise:
    """A line that is not the protocol."""

    reason: str


_STRUCTURE = 64 << 10
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)


def item_of(line: bytes | None, number: int, bounds: Limits) -> Item | End | Refused | Noise | None:
    """Return what one line says; None for the greeting."""
    if line is None:
        return Noise(f"longer than {bounds.line} bytes")
    try:
        # A line of nothing but brackets would cost thirty times its size as Python objects.
        if len(line) > _STRUCTURE and len(_STRING.sub(b"", line)) > _STRUCTURE:
            return Noise("not the protocol")
        said = json.loads(line)
        ((what, body),) = said.items()
        if (what == "hello") != (number == 1):
            return Noise("not the protocol: it begins with one greeting")
        return _MEANING[what](body, bounds)
    except _Bad as bad:
        return Failure(bad.place, bad.reason)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return Noise("not the protocol")


class _Bad(Exception):
    def __init__(self, place: str, reason: str) -> None:
        self.place, self.reason = place, reason


def _hello(body: Any, bounds: Limits) -> Refused | None:
    if body == {"protocol": PROTOCOL}:
        return None
    return Refused("it speaks another version of the importer protocol", "install the importer made for this version")


def _refused(body: Any, bounds: Limits) -> Refused:
    return Refused(plain(body["reason"], 300), plain(body["hint"], 300))


def _failure(body: Any, bounds: Limits) -> Failure:
    return Failure(plain(body["place"], 1000), plain(body["reason"], 300))


def _progress(body: Any, bounds: Limits) -> Progress:
    done, total, unit = body["done"], body["total"], body["unit"]
    if type(done) is not int or type(total) not in (int, type(None)) or unit not in ("files", "bytes", "messages"):
        raise TypeError
    return Progress(done, total, unit)


def _end(body: Any, bounds: Limits) -> End:
    return End()


_STRINGS = {
    "title": limits.TITLE, "kind": limits.KIND, "language": limits.LANGUAGE, "url": limits.URL, "thread": limits.THREAD,
}  # fmt: skip
KEYS = {f.name for f in fields(Draft)}


def _draft(body: dict[str, Any], bounds: Limits) -> Draft:
    """Return the Draft that `body` describes; _Bad with its origin when any field is not what it must be."""
    origin = body["origin"]
    if not isinstance(origin, str) or not 0 < len(origin) <= limits.ORIGIN or _BREAKING.search(origin):
        raise _Bad("a record", f"its origin must be 1 to {limits.ORIGIN} characters without control characters")
    if body.keys() - KEYS:
        raise _Bad(origin, "unknown field")
    for key, most in {"text": bounds.text, **_STRINGS}.items():
        _check_string(origin, key, body.get(key, ""), most)
    if not body["text"].strip():
        raise _Bad(origin, "empty")
    if re.match(r"\s*(javascript|data|vbscript)\s*:", body.get("url", ""), re.IGNORECASE):
        raise _Bad(origin, "its url is a program")
    for key in ("people", "labels"):
        _check_names(origin, key, body.get(key, []), limits.NAME)
    position = body.get("position", 0)
    if type(position) is not int or not 0 <= position <= limits.POSITION:
        raise _Bad(origin, "position must be a whole number from 0")
    try:
        return Draft(
            **body
            | {
                "created": _moment(body.get("created")),
                "updated": _moment(body.get("updated")),
                "people": tuple(body.get("people", ())),
                "labels": tuple(body.get("labels", ())),
                "sensitivity": Sensitivity.parse(body.get("sensitivity", "personal")),
                "provenance": Provenance(body.get("provenance", "third_party")),
            }
        )
    except (ValueError, TypeError, AttributeError, BadRequest):
        raise _Bad(origin, "a date, sensitivity or provenance is not one") from None


_MEANING: dict[str, Callable[[Any, Limits], Item | End | Refused | None]] = {
    "hello": _hello, "refused": _refused, "draft": _draft, "failure": _failure, "progress": _progress, "end": _end,
}  # fmt: skip


def _check_string(origin: str, key: str, value: Any, most: int) -> None:
    if not isinstance(value, str):
        raise _Bad(origin, f"{key} must be text")
    if len(value) > most:
        raise _Bad(origin, f"{key} is longer than {most} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _Bad(origin, f"{key} is not valid Unicode") from None
    if "\0" in value or (key != "text" and _BREAKING.search(value)):
        raise _Bad(origin, f"{key} has control characters in it")


def _check_names(origin: str, key: str, names: Any, most: int) -> None:
    if not isinstance(names, list) or len(names) > limits.NAMES:
        raise _Bad(origin, f"{key} must be a list of at most {limits.NAMES} names")
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= most or _BREAKING.search(name):
            raise _Bad(origin, f"each of {key} must be 1 to {most} characters without control characters")
        if not unicodedata.is_normalized("NFC", name):
            raise _Bad(origin, f"each of {key} must be in Unicode form NFC")


def _moment(value: Any) -> datetime | None:
    """Return an instant in UTC; the protocol has no times without a zone."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    return utc(moment)


def plain(text: Any, most: int) -> str:
    """Return `text` on one line, fit for a terminal: control and direction characters shown as \\x1b."""
    if not isinstance(text, str):
        raise TypeError
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text[:most])


_BREAKING = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")
