"""Cursors: where a list goes on. Opaque to whoever holds one, and good for nobody else and no other list.

A cursor is a position under a MAC that binds it to the grant, the list and what was asked of it. The key is this
process's own: a cursor ends when the vault is locked, at the latest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from vault.errors import BadRequest

T = TypeVar("T")
_MAC = 16
LONGEST = 512
"""Characters of a cursor."""


class Cursors:
    """Makes and reads the cursors of one process."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def seal(self, bound: str, position: Any) -> str:
        """Return the cursor of a position in the list that is bound so."""
        said = json.dumps(position, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(bound, said) + said).decode().rstrip("=")

    def open(self, bound: str, cursor: str) -> Any:
        """Return the position. Raises BadRequest for a cursor that was not given for this list to this grant."""
        try:
            whole = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error, ValueError):
            whole = b""
        mac, said = whole[:_MAC], whole[_MAC:]
        if len(cursor) > LONGEST or not hmac.compare_digest(mac, self._mac(bound, said)):
            raise BadRequest("the cursor is not of this list", hint="begin again without one")
        return json.loads(said)

    def _mac(self, bound: str, said: bytes) -> bytes:
        text = b"ownvault/v1/cursor\0" + len(bound.encode()).to_bytes(8, "big") + bound.encode() + said
        return hmac.digest(self._key, text, hashlib.sha256)[:_MAC]


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one list as one grant asks for it. `bound` says which list that is."""

    cursors: Cursors
    bound: str
    cursor: str | None

    @property
    def position(self) -> Any:
        """Where the page that is asked for begins, None for the first."""
        return None if self.cursor is None else self.cursors.open(self.bound, self.cursor)

    def after(self, position: Any) -> str | None:
        """Return the cursor of the page that begins after a position; None for no more."""
        return None if position is None else self.cursors.seal(self.bound, position)

    def cut(self, items: Sequence[T], limit: int, place: Callable[[T], list[Any]]) -> tuple[tuple[T, ...], str | None]:
        """Return a page of a list and the cursor of the next. `place` orders the items as they stand; an item that
        is gone or new meanwhile shifts none of the others."""
        begin = self.position
        rest = [one for one in items if begin is None or place(one) > begin]
        more = place(rest[limit - 1]) if len(rest) > limit else None
        return tuple(rest[:limit]), self.after(more)
