"""The keys of a vault: what is published of them, and how those of tokens are replaced."""

from __future__ import annotations

from collections.abc import Callable

from vault.errors import BadRequest, NotFound
from vault.parts import Room
from vault.ring import MOST_KEYS, Ring
from vault.types import Action, Connection, Holder


class Keeping(Room):
    """The methods of a vault that concern its keys. Replacing them is the owner's."""

    def public_keys(self) -> dict[str, object]:
        """Return what anybody may have: the keys that verify tokens, the one that signs first, and checkpoints."""
        live = [{"kid": kid, "public_key": str(key)} for kid, key in sorted(self._parts.ring.root.keys.items())]
        return {"audience": self._parts.audience, "token_keys": live[::-1], "log": str(self._parts.signer.verifier)}

    def rotate(self, holder: Holder) -> dict[str, object]:
        """Sign tokens with a new root key from now on. Those of the key before it stay good until it is retired.

        BadRequest while two are live already. Returns the public keys.
        """

        def turned(live: list[int]) -> list[int]:
            if len(live) >= MOST_KEYS:
                raise BadRequest(
                    "two keys are live already", hint=f"retire the older one: ownvault keys retire {live[0]}"
                )
            return [*live, live[-1] + 1]

        return self._turn(holder, "rotate", turned)

    def retire(self, holder: Holder, kid: int) -> dict[str, object]:
        """Refuse the tokens of an older root key from now on. NotFound for none, BadRequest for the one that signs."""

        def turned(live: list[int]) -> list[int]:
            if kid not in live:
                raise NotFound(f"no live key {kid}", hint="see: ownvault keys")
            if kid == live[-1]:
                raise BadRequest("this key signs the tokens", hint="make a new one first: ownvault keys rotate")
            return [one for one in live if one != kid]

        return self._turn(holder, "retire", turned)

    def _turn(self, holder: Holder, change: str, turned: Callable[[list[int]], list[int]]) -> dict[str, object]:
        with self._decide(holder, Action.KEYS) as decision:
            decision.whole()

            def work(conn: Connection) -> list[int]:
                live = turned(Ring.live(conn))
                decision.append(conn, [], {"change": change, "keys": live})  # before: the key of this token may go
                Ring.store(conn, live)
                return live

            with self._parts.ring.turning:  # what is stored last is in force last
                self._parts.ring.turn(self._parts.db.write(work))
            self._settle()
            return self.public_keys()
