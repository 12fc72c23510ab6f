"""How an error travels: RFC 9457 problem details, and back into the same error class by its code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vault.errors import VaultError

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:ownvault:problem:"


class Internal(VaultError):
    """Something nobody expected. Tells nothing; the log has the exception's type and place."""


def problem(error: VaultError) -> dict[str, Any]:
    """Return the problem document of `error`. Its `reason` is the owner's and stays out."""
    said = {
        "type": _TYPE + error.code,
        "title": error.code.replace("_", " "),
        "status": error.status,
        "code": error.code,
        "detail": error.message,
    }
    return said | ({"hint": error.hint} if error.hint else {})


def error(said: Mapping[str, Any]) -> VaultError:
    """Return the error that a problem document tells of; an unknown code is Internal."""
    kind = kinds().get(str(said.get("code")), Internal)
    return kind(str(said.get("detail") or "the server could not answer"), hint=str(said.get("hint") or ""))


def kinds() -> dict[str, type[VaultError]]:
    """Return every error class by its code."""
    return {kind.code: kind for kind in _below(VaultError) if kind.code != VaultError.code}


def _below(base: type[VaultError]) -> Iterator[type[VaultError]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _below(kind)
