"""What an unlocked vault consists of, shared by the classes that `service.Vault` is made of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vault import limits
from vault.bell import Bell
from vault.decision import Decision, Desk
from vault.founding import Clock
from vault.library import Library
from vault.meter import Once, Rates
from vault.permissions import tokens
from vault.permissions.checkpoint import Signer
from vault.ring import Ring
from vault.store.database import Database
from vault.types import Action, Grant, Holder

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the methods of a vault work with."""

    db: Database
    library: Library
    desk: Desk
    ring: Ring
    signer: Signer
    audience: str
    clock: Clock
    rotation: bytearray
    """The key by which one refresh token follows from another, and a waiting page's address from what is asked."""
    greeter: Ed25519PrivateKey
    """The key by which a paired browser knows this vault again."""
    bell: Bell = field(default_factory=Bell)
    rates: Rates = field(default_factory=lambda: Rates(limits.RATE, limits.BURST))
    once: Once = field(default_factory=Once)


class Room:
    """The base of the classes that a vault is made of: each a group of its methods, all over the same parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def _decide(self, holder: Holder, action: Action | str, query: str = "", request: Any = None) -> Decision:
        return Decision(self._parts.desk, holder, action, query, request)

    def _settle(self, grants: Collection[str] | None = None) -> None:
        """Return when nothing of these grants (None: of any) that was recorded before is on its way any more. Calls
        that wait under them for the owner ask again at once, and are answered by what holds now."""
        self._parts.bell.ring_under(grants)
        self._parts.desk.gate.drain(grants)

    def _mint(self, grant: Grant, expires: datetime, now: datetime) -> str:
        return tokens.mint(self._parts.ring.root, grant, self._parts.audience, expires, now)
