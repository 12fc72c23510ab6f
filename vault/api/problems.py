"""How an error travels: RFC 9457 problem details, and back into the same error class by its code."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from vault.errors import BadRequest, Throttled, VaultError, kinds

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:ownvault:problem:"


def problem(error: VaultError, status: int | None = None) -> dict[str, Any]:
    """Return the problem document of `error`, under its own HTTP status or another. The `reason` stays here."""
    said = {
        "type": _TYPE + error.code,
        "title": error.code.replace("_", " "),
        "status": status or error.status,
        "code": error.code,
        "detail": error.message,
    }
    return said | {name: value for name in ("hint", "request") if (value := getattr(error, name))}


def internal() -> VaultError:
    """Return what is told of something nobody expected: nothing. The log has the exception's type and place."""
    return VaultError("something went wrong here")


class Refusal(Exception):
    """A request turned away before anybody looked at what it asks: an error with the HTTP status that says why.

    `headers` are what that status demands beside it.
    """

    def __init__(self, error: VaultError, status: int | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error.message)
        self.error, self.status = error, status or error.status
        self.headers = dict(headers or {}) | ({"www-authenticate": "Bearer"} if self.status == 401 else {})
        if isinstance(error, Throttled):
            self.headers["retry-after"] = str(math.ceil(error.seconds))


def method_refused(answered: Iterable[str]) -> Refusal:
    """Return the refusal of a method, with those that are answered. OPTIONS is not: no preflight ever succeeds."""
    allowed = ", ".join(sorted(answered))
    return Refusal(BadRequest("this method is not answered here"), 405, {"allow": allowed})


def error(said: Mapping[str, Any]) -> VaultError:
    """Return the error that a problem document tells of; an unknown code is a plain VaultError."""
    kind = kinds().get(str(said.get("code")), VaultError)
    detail = str(said.get("detail") or "the server could not answer")
    return kind(detail, hint=str(said.get("hint") or ""), request=str(said.get("request") or ""))


def place(error: BaseException) -> str:
    """Return where an exception was raised: file and line, never its text, which may hold content."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else "?"
