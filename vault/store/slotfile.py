"""The bytes of `keyslots.json` and nothing else: strict both ways (SPEC.md, "keyslots.json").

A file that is not exactly what `render` would write is refused as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import rfc8785

from vault.errors import Damaged

NAME = "keyslots.json"
FORMAT, VERSION = "ownvault keyslots", 1
MAX_FILE = 64 * 1024
MAX_SLOTS = 8
KINDS = ("passphrase", "recovery", "keyring")
ID, SALT, NONCE, WRAPPED = 4, 16, 12, 48
"""Bytes."""
_HEX = re.compile(r"[0-9a-f]*")


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """What one guess costs: Argon2id memory in KiB, passes (time), lanes (parallelism)."""

    memory_kib: int
    passes: int
    lanes: int

    @property
    def allowed(self) -> bool:
        """Neither cheaper than anything we ever wrote nor so dear that opening the file is an attack."""
        pairs = zip(_numbers(FLOOR), _numbers(self), _numbers(ROOF), strict=True)
        return all(low <= value <= high for low, value, high in pairs)


def _numbers(cost: Cost) -> tuple[int, int, int]:
    return cost.memory_kib, cost.passes, cost.lanes


FLOOR = Cost(19 * 1024, 2, 1)
ROOF = Cost(4 * 1024 * 1024, 16, 16)


@dataclass(frozen=True, slots=True)
class Slot:
    """One wrapped copy of the DEK. `kind` "passphrase" has a cost, "recovery" and "keyring" have none."""

    id: str
    kind: str
    cost: Cost | None
    salt: bytes
    nonce: bytes
    wrapped: bytes


def bound(vault_id: str, slot: Slot) -> bytes:
    """Return the data that the wrap authenticates: vault, slot and every parameter, in RFC 8785 form."""
    return b"ownvault/v1/keyslot\0" + rfc8785.dumps({"vault": vault_id} | _parameters(slot))


def render(vault_id: str, slots: Sequence[Slot]) -> bytes:
    """Return the file."""
    body = {"format": FORMAT, "version": VERSION, "vault": vault_id, "slots": [_written(slot) for slot in slots]}
    return _text(body | {"checksum": sha256(_text(body)).hexdigest()})


def parse(content: bytes) -> tuple[str, tuple[Slot, ...]]:
    """Return the vault id and the slots. Raises Damaged for anything that `render` does not write."""
    body = _json(content)
    if body.get("format") != FORMAT:
        raise _damaged("it is not a keyslot file")
    if type(body.get("version")) is not int or body["version"] < 1:
        raise _damaged("its version is missing")
    if body["version"] > VERSION:
        hint = "it was written by a newer ownvault: upgrade"
        raise Damaged(f"{NAME} has version {body['version']}", hint=hint, reason="newer_version")
    listed = body.get("slots")
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_SLOTS:
        raise _damaged(f"it must have 1 to {MAX_SLOTS} slots")
    vault_id = _hex(body, "vault", 16).hex()
    slots = tuple(_slot(found) for found in listed)
    if len({slot.id for slot in slots}) != len(slots):
        raise _damaged("two slots have the same id")
    if sum(slot.kind == "keyring" for slot in slots) > 1:
        raise _damaged("it has two slots for the keyring")
    if all(slot.cost is None for slot in slots):
        raise _damaged("it has no passphrase slot")
    if content != render(vault_id, slots):
        raise _damaged("its checksum or form is wrong")
    return vault_id, slots


def _json(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content.decode("ascii"))
    except (ValueError, RecursionError):
        raise _damaged("it is not JSON") from None
    if not isinstance(body, dict):
        raise _damaged("it is not a JSON object")
    return body


def _slot(found: Any) -> Slot:
    if not isinstance(found, dict) or found.get("kind") not in KINDS:
        raise _damaged("a slot is of no known kind")
    cost = None
    if found["kind"] == "passphrase":
        numbers: list[Any] = [found.get(name) for name in ("memory_kib", "passes", "lanes")]
        if any(type(number) is not int for number in numbers):
            raise _damaged("a slot lacks its cost")
        cost = Cost(*numbers)
        if not cost.allowed:
            raise Damaged(f"{NAME}: a slot's cost is outside the limits", reason="cost_out_of_bounds")
    return Slot(
        _hex(found, "id", ID).hex(), found["kind"], cost,
        _hex(found, "salt", SALT), _hex(found, "nonce", NONCE), _hex(found, "wrapped", WRAPPED),
    )  # fmt: skip


def _hex(found: dict[str, Any], name: str, size: int) -> bytes:
    value = found.get(name)
    if not isinstance(value, str) or len(value) != 2 * size or not _HEX.fullmatch(value):
        raise _damaged(f"{name} is not {size} bytes in hexadecimal")
    return bytes.fromhex(value)


def _parameters(slot: Slot) -> dict[str, Any]:
    cost: dict[str, Any] = {}
    if slot.cost is not None:
        cost = {"memory_kib": slot.cost.memory_kib, "passes": slot.cost.passes, "lanes": slot.cost.lanes}
    return {"id": slot.id, "kind": slot.kind} | cost | {"salt": slot.salt.hex()}


def _written(slot: Slot) -> dict[str, Any]:
    return _parameters(slot) | {"nonce": slot.nonce.hex(), "wrapped": slot.wrapped.hex()}


def _text(body: dict[str, Any]) -> bytes:
    return json.dumps(body, indent=2).encode("ascii") + b"\n"


def _damaged(why: str) -> Damaged:
    return Damaged(f"{NAME} is damaged: {why}", reason="keyslots_damaged")
