"""Secrets in text: private keys, access keys, passwords, recovery codes, seed phrases. SPEC.md, "Sensitivity"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnemonic import Mnemonic

SHORTEST = 14
"""The shortest run of characters without a space that an access key can be."""
PHRASES = 1000
"""How many runs of words one text may have checked as seed phrases."""

# Keys whose issuers gave them a shape of their own, so that they can be found. Each starts in a way no word does.
_ISSUED = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d"
    r"|(?<![A-Za-z\d])(?:"
    r"A(?:KIA|SIA)[A-Z2-7]{16}(?![A-Z\d])|AIza[\w-]{35}|AGE-SECRET-KEY-1[A-Z\d]{20,}"  # AWS, Google, age
    r"|gh[pousr]_[A-Za-z\d]{30,}|github_pat_\w{40,}|glpat-[\w-]{20,}"  # GitHub, GitLab
    r"|xox[abeoprs]-[\w-]{10,}|SG\.[\w-]{16,}\.[\w-]{16,}|[sr]k_live_[A-Za-z\d]{16,}"  # Slack, SendGrid, Stripe
    r"|sk-(?=[\w-]{0,60}\d)(?:ant-|proj-|or-)?[\w-]{20,}|hf_[A-Za-z]{30,}|npm_[A-Za-z\d]{30,}|pypi-AgE[\w-]{30,}"
    r"|dop_v1_[a-f\d]{60,}|shp(?:at|ss|ca|pa)_[a-fA-F\d]{30,}|ya29\.[\w-]{30,}|[xyz]prv[A-Za-z\d]{100,}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|otpauth://)"  # JSON web tokens, one-time password seeds
)
_MARKS = (
    "PRIVATE KEY", "PuTTY-User", "AKIA", "ASIA", "AIza", "AGE-SECRET", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
    "github_pat", "glpat-", "xox", "SG.", "k_live_", "sk-", "hf_", "npm_", "pypi-AgE", "dop_v1_", "shp", "ya29.", "prv",
    "eyJ", "otpauth:",
)  # fmt: skip
"""One of these is in every key that `_ISSUED` finds; plain text is found far faster than a pattern."""
_NAME = (
    r"pass(?:word|phrase|code|wd)s?|pwd|passwort|kennwort|passwörter|zugangscode|contrase[ñn]a|clave"
    r"|mot de passe|mdp|lösenord"
    r"|pin(?:[ -]?(?:code|number|nummer))?|puk|wi-?fi key|api[ _-]?key|api[ _-]?secret|client[ _-]secret|secret[ _-]key"
    r"|access[ _-]key|secret[ _-]access[ _-]key|alarm code|door code|safe combination|duress code|master password"
)
_SAID = re.compile(
    rf"(?<!\w)(?:{_NAME})(?!\w)[*_`\"')]{{0,3}}[ \t]*"
    r"(?:[:=]|->|→|\|| is now | is | lautet | ist | est | es | är )[ \t]*(\S[^\n]{0,80})",
    re.I,
)
_NO_VALUE = re.compile(
    r"(?:required|optional|none|yes|no|see|reset|changed|forgot\w*|n/?a|null|true|false|tbd|unknown|hidden|redacted"
    r"|expired|wrong|incorrect|invalid|missing|needed|set|not|the|a|an|in|at|on|to|your|my|is|was|siehe|falsch"
    r"|[*•.xX…_\-<\[({%$]+)(?:\W|$)",
    re.I,
)
_STRONG = re.compile(r"(?=\S*[a-zA-Z])(?=\S*[\d!#$%&*+=?@^~])\S{6,}|\d{4,12}(?!\S)|\d{4,12}[.,;)]")
_CODES = re.compile(
    r"(?<!\w)(?:(?:recovery|backup|rescue) (?:codes?|keys?)|wiederherstellungs(?:codes?|schlüssel)"
    r"|(?:codes?|clés?|c[óo]digos?) de (?:r[eé]cup[eé]ration|secours|recuperación|respaldo))(?!\w)",
    re.I,
)
_NAMES = frozenset(
    ["password", "passwords", "passphrase", "passphrases", "passcode", "passcodes", "passwd", "passwds", "pwd",
     "passwort", "kennwort", "passwörter", "zugangscode", "contraseña", "contrasena", "clave", "passe", "mdp",
     "lösenord", "pin", "puk", "wifi", "wi", "api", "client", "secret", "access", "alarm", "door", "safe", "duress",
     "recovery", "backup", "rescue", "wiederherstellungscode", "wiederherstellungscodes",
     "wiederherstellungsschlüssel", "code", "codes", "clé", "clés", "código", "códigos", "codigo", "codigos"]
)  # fmt: skip
"""A word of every name that `_SAID` and `_CODES` know."""
_CODE = re.compile(
    r"(?<![\w-])(?:[A-Za-z\d]{4,6}(?:-[A-Za-z\d]{4,6}){1,12}|\d{8}|(?=[a-z]{0,9}\d)[a-z\d]{8,12})(?![\w-])"
)


def holds_secret(text: str, words: Sequence[str], said: frozenset[str]) -> bool:
    """Return whether `text` holds something that opens something.

    `words` are its words in small letters, `said` the different ones.
    """
    return _key(text) or (not _NAMES.isdisjoint(said) and (_password(text) or _codes(text))) or _seed(words, said)


def _key(text: str) -> bool:
    long = "PRIVATE KEY" in text or max(map(len, text.split()), default=0) >= SHORTEST
    return long and any(mark in text for mark in _MARKS) and bool(_ISSUED.search(text))


def _password(text: str) -> bool:
    for match in _SAID.finditer(text):
        value = match[1].strip("\"'`*_|“”«» ")
        if _NO_VALUE.match(value):
            continue
        if _STRONG.match(value) or (":" in match[0][: -len(match[1])] and 4 <= len(value) <= 40 and " " not in value):
            return True
    return False


def _codes(text: str) -> bool:
    return any(len(_CODE.findall(text, match.end(), match.end() + 300)) >= 2 for match in _CODES.finditer(text))


def _seed(words: Sequence[str], said: frozenset[str]) -> bool:
    """Return whether twelve or more words in a row are a BIP-39 phrase, whose last word holds a checksum."""
    known = _list()
    if len(said & known) < 6 or sum(map(known.__contains__, words)) < 12:
        return False
    run = tries = 0
    for place, word in enumerate(words):
        run = run + 1 if word in known else 0
        if run >= 12 and tries < PHRASES:
            tries += 1
            if any(_checks(words[place + 1 - n : place + 1]) for n in (12, 15, 18, 21, 24) if n <= run):
                return True
    return False


@cache
def _phrases() -> Mnemonic:
    from mnemonic import Mnemonic

    return Mnemonic("english")


@cache
def _list() -> frozenset[str]:
    return frozenset(_phrases().wordlist)


def _checks(words: Sequence[str]) -> bool:
    return _phrases().check(" ".join(words))
