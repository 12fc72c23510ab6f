"""What the owner of the stage does before a client asks, by the deeds that `cases.toml` names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.deny.cast import Cast
from tests.deny.house import House
from vault.api import wire
from vault.types import AddRequest, ApproveRequest, Draft, NarrowRequest, RevokeRequest

Said = Mapping[str, Any]


class Owner:
    """The owner, who knows the cast."""

    def __init__(self, house: House, cast: Cast) -> None:
        self._house, self._cast = house, cast
        self._granted = ""
        vault, names = house.vault, cast.names
        self._deeds: dict[str, Callable[[Said], Any]] = {
            "pause": lambda _: vault.pause(house.owner, names["grant"]),
            "resume": lambda _: vault.resume(house.owner, names["grant"]),
            "narrow": lambda said: vault.narrow(house.owner, names["grant"], _read(NarrowRequest, said)),
            "approve": self._approve,
            "deny": lambda _: vault.deny(house.owner, names["request"]),
            "let it collect": lambda _: cast.collect(),
            "add": self._add,
            "forget": lambda said: vault.forget(house.owner, said["id"]),
            "revoke": lambda _: vault.revoke(house.owner, names["grant"]),
            "revoke the other client": lambda _: vault.revoke(house.owner, names["other"]),
            "revoke what was asked for": lambda _: vault.revoke(house.owner, self._granted),
            "revoke the client": lambda _: vault.revoke_many(house.owner, RevokeRequest(client=cast.client)),
            "revoke everything": lambda _: vault.revoke_many(house.owner, RevokeRequest(all=True)),
            "revoke the token": lambda _: vault.revoke_token(house.owner, cast.tokens[-1]),
            "revoke the token's parent": lambda _: vault.revoke_token(house.owner, cast.tokens[-2]),
            "revoke a child": lambda _: vault.revoke_token(house.owner, cast.narrowed({"actions": ["count"]})),
            "rotate the key": self._rotate,
            "retire the key": lambda _: vault.retire(house.owner, self._oldest),
        }

    def do(self, deed: str, said: Said) -> None:
        """Do it; `said` is what stands beside it in the table."""
        self._deeds[deed](said)

    def _approve(self, said: Said) -> None:
        done = self._house.vault.approve(self._house.owner, self._cast.names["request"], _read(ApproveRequest, said))
        self._granted = done.granted.grant.id if done.granted else ""

    def _add(self, said: Said) -> None:
        draft = Draft(said.get("origin", f"added {said['text']}"), said["text"])
        request = AddRequest(said["collection"], (draft,), said.get("source", "test"))
        made = self._house.vault.add(self._house.owner, request)
        self._cast.names["added"] = made.outcomes[0].id

    @property
    def _oldest(self) -> int:
        live: Any = self._house.vault.public_keys()["token_keys"]
        return int(live[-1]["kid"])

    def _rotate(self, _: Said) -> None:
        live: Any = self._house.vault.public_keys()["token_keys"]
        if len(live) > 1:  # a case before this one has left two
            self._house.vault.retire(self._house.owner, self._oldest)
        self._house.vault.rotate(self._house.owner)


def _read(kind: type[Any], said: Said) -> Any:
    return wire.read(kind, json.dumps(dict(said)))
