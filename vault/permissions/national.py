"""National identity, insurance and tax numbers: how each is written, and who says whether it is one (python-stdnum).

A number counts on its own where its check digits, dates and letters let through at most one random number in fifty of
that form, or where the form itself is rare in other text. The others (one check digit, no more) count only where a word
before them says what they are. SPEC.md, "Redaction", has the figures.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from string import ascii_letters, digits

LONGEST = 23
"""The most characters that a form takes."""
BEFORE = 48
"""How far before a number its name may stand."""

# 9 stands for a digit, A for a letter.
_PROVEN = {
    "ar.cuit": "99-99999999-9",
    "be.nn": "99999999999|99.99.99-999.99|99.99.99 999.99|999999-999-99|999999 999 99|999999-999.99",
    "br.cpf": "999.999.999-99",
    "ch.ssn": "9999999999999|999.9999.9999.99|999 9999 9999 99",
    "cl.rut": "99.999.999-9|99.999.999-A|9.999.999-9|9.999.999-A",
    "cn.ric": "999999999999999999|99999999999999999A",
    "cz.rc": "999999/9999",
    "de.idnr": "99999999999|99 999 999 999",
    "dk.cpr": "999999-9999",
    "ee.ik": "99999999999",
    "es.dni": "99999999A|99999999-A|99999999 A|99.999.999-A|99.999.999A",
    "es.nie": "A9999999A|A-9999999-A|A9999999-A|A-9999999A",
    "fi.hetu": "999999-999A|999999A999A|999999-9999|999999A9999",
    "fr.nir": "999999999999999|9 99 99 99 999 999 99|9 99 99 9A 999 999 99|99999 99A 999 999 99",
    "gr.amka": "99999999999",
    "ie.pps": "9999999AA|9999999A",
    "in_.pan": "AAAAA9999A",
    "is_.kennitala": "999999-9999",
    "it.codicefiscale": "AAAAAA99A99A999A|AAA AAA 99A99 A999A",
    "kr.rrn": "999999-9999999",
    "mx.curp": "AAAA999999AAAAAA99|AAAA999999AAAAAAA9",
    "my.nric": "999999-99-9999",
    "no.fodselsnummer": "99999999999|999999 99999",
    "pk.cnic": "99999-9999999-9",
    "pl.pesel": "99999999999",
    "ro.cnp": "9999999999999",
    "se.personnummer": "999999-9999|999999+9999|99999999-9999|999999999999",
    "si.emso": "9999999999999",
    "th.pin": "9-9999-99999-99-9|9 9999 99999 99 9",
    "tr.tckimlik": "99999999999",
    "us.itin": "999-99-9999",
    "us.ssn": "999-99-9999",
    "za.idnr": "9999999999999|999999 9999 99 9|999999 9999 999",
}
_NAMED = {
    "at.vnr": (r"svnr|sv-?nummer|versicherungsnummer", "9999999999|9999 999999"),
    "au.tfn": (r"tfn|tax file", "999999999|999 999 999|99999999"),
    "bg.egn": (r"egn|егн", "9999999999"),
    "br.cpf": (r"cpf", "99999999999"),
    "ca.sin": (r"sin|nas|social insurance|assurance sociale", "999999999|999 999 999|999-999-999"),
    "cz.rc": (r"rodn[eé] č[ií]slo|rč", "9999999999|999999999|999999/999"),
    "de.stnr": (r"steuernummer|steuer-?nr", "99/999/99999|999/999/99999|999/9999/9999|9999999999999|99999999999"),
    "dk.cpr": (r"cpr|personnummer", "9999999999|999999 9999"),
    "fr.nif": (r"num[ée]ro fiscal|nif|spi", "9999999999999|99 99 999 999 999"),
    "gb.nhs": (r"nhs", "9999999999|999 999 9999|999-999-9999"),
    "gb.utr": (r"utr|taxpayer reference", "9999999999|99999 99999"),
    "hr.oib": (r"oib", "99999999999"),
    "il.idnr": (r"teudat zehut|mispar zehut|ת\.?ז|identity number", "999999999|99999999-9|9-9999999-9"),
    "in_.aadhaar": (r"aadhaar|aadhar|uid", "999999999999|9999 9999 9999|9999-9999-9999"),
    "lt.asmens": (r"asmens kod\w*", "99999999999"),
    "nl.bsn": (r"bsn|burgerservice\w*|sofi\w*", "999999999|9999 99 999|9999.99.999|999 999 999"),
    "pt.cc": (r"cart[ãa]o de cidad[ãa]o|cc", "99999999 9 AA9|999999999AA9|99999999 9AA9"),
    "pt.nif": (r"nif|contribuinte", "999999999|999 999 999"),
    "se.personnummer": (r"personnummer|pnr", "9999999999"),
    "th.pin": (r"citizen id|thai id|national id", "9999999999999"),
    "us.ssn": (r"ssn|social security", "999999999|999 99 9999|999.99.9999"),
    "": (  # no check digit of its own: the name and the form are all there is
        r"passport|reisepass\w*|passeport|pasaporte|passnummer|paspoort\w*|passaporto|personalausweis\w*"
        r"|national insurance"
        r"|ni n(?:o|umber)|nino|ausweis(?:nummer|nr)|driving licen[cs]e|driver'?s licen[cs]e|f[üu]hrerschein\w*",
        "AA999999A|AA 99 99 99 A|A99999999|AA9999999|999999999|A9999999|99AA99999|AA999999|AAA999999|99999999|"
        "AAAAA999999AA9AA|A99A99A99|A9AAA9AA9|A99AA9A99",
    ),
}


def at(text: str, start: int) -> int:
    """Return where the national number ends that begins at `start`, or 0 if none does.

    `text` has ASCII digits, and a letter or digit at `start` with none before it.
    """
    shape = _shape(text[start : start + LONGEST + 1])
    if shape[:4] not in _heads():
        return 0
    for length in _lengths():
        known = _forms().get(shape[:length])
        if known and not shape[length : length + 1].isalnum() and _any(known, text, start, start + length):
            return start + length
    return 0


def _any(known: list[tuple[str, re.Pattern[str] | None]], text: str, start: int, end: int) -> bool:
    before = text[max(0, start - BEFORE) : start]
    return any(
        (name is None or name.search(before)) and (not module or _valid(module)(text[start:end]))
        for module, name in known
    )


def _shape(text: str) -> str:
    return text.translate(_SHAPE)


_SHAPE = {ord(c): "9" if c in digits else "A" for c in digits + ascii_letters}


@cache
def _forms() -> dict[str, list[tuple[str, re.Pattern[str] | None]]]:
    forms: dict[str, list[tuple[str, re.Pattern[str] | None]]] = {}
    for module, written in _PROVEN.items():
        for form in written.split("|"):
            forms.setdefault(form, []).append((module, None))
    for module, (name, written) in _NAMED.items():
        pattern = re.compile(rf"(?<!\w)(?:{name})(?!\w)", re.I)
        for form in written.split("|"):
            forms.setdefault(form, []).append((module, pattern))
    return forms


@cache
def _heads() -> frozenset[str]:
    return frozenset(form[:4] for form in _forms())


@cache
def _lengths() -> list[int]:
    return sorted({len(form) for form in _forms()}, reverse=True)


@cache
def _valid(module: str) -> Callable[[str], bool]:
    check: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid

    def valid(number: str) -> bool:
        try:
            return check(number.replace(".", "").replace(" ", ""))  # not every module takes every way of writing
        except (LookupError, ValueError):  # some modules stumble over numbers that their tables do not have
            return False

    return valid
