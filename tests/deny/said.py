"""What is presented and what is got, whatever the interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from tests.deny.table import ANSWER, Ask


@dataclass(frozen=True)
class Bearer:
    """A token and how it is presented: usually as `Authorization: Bearer`."""

    token: str | None
    how: str = "bearer"

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers of HTTP that present it."""
        if self.token is None or self.how == "address":
            return []
        scheme = "Basic" if self.how == "basic" else "Bearer"
        return [("Authorization", f"{scheme} {self.token}")] * (2 if self.how == "twice" else 1)

    def address(self, target: str) -> str:
        """Return the target of a request, with the token in it if that is where it stands."""
        if self.how != "address":
            return target
        return f"{target}{'&' if '?' in target else '?'}{urlencode({'token': self.token, 'access_token': self.token})}"


@dataclass(frozen=True)
class Said:
    """What came of asking: all that the asker got, and the answer in it. `codes` are those that it may stand for."""

    codes: frozenset[str]
    seen: bytes
    answer: Any = None
    request: str = ""


class Face(Protocol):
    """An interface. Raises Unsayable for what it has no words for."""

    def ask(self, bearer: Bearer, ask: Ask) -> Said: ...


def refused(code: str, seen: bytes, request: str = "") -> Said:
    """Return that it was refused with this code, and which request waits for the owner."""
    return Said(frozenset({code}), seen, request=request)


def answered(answer: Any, seen: bytes) -> Said:
    """Return that it was answered."""
    return Said(frozenset({ANSWER}), seen, answer)
