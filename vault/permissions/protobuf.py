"""A strict reader of Protocol Buffers: one message has one accepted encoding.

Refused with Malformed: unknown fields, fields out of order, a single field twice, numbers longer than
they need to be, missing required fields. Ordinary readers accept all of these, which lets a holder
change a token's bytes without changing what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Malformed(Exception):
    """The bytes are not the one encoding of the message. Internal: vetting turns it into Refused."""


class Unknown(Malformed):
    """A field that this version does not know."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message. `kind` is `varint`, `bytes` or the schema of an embedded message."""

    name: str
    kind: str | Schema
    many: bool = False
    required: bool = False


Schema = Mapping[int, Field]
_VARINT, _LENGTH = 0, 2


def decode(data: bytes, schema: Schema) -> dict[str, Any]:
    """Return field name -> value (a list for `many`, absent when left out and not `many`); Malformed otherwise."""
    result: dict[str, Any] = {field.name: [] for field in schema.values() if field.many}
    at, last, end = 0, 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        field = schema.get(number)
        if field is None:
            raise Unknown(number)
        if number < last or (number == last and not field.many):
            raise Malformed("order")
        last = number
        value, at = _varint(data, at)
        if field.kind == "varint":
            if wire != _VARINT:
                raise Malformed("wire type")
        else:
            if wire != _LENGTH or at + value > end:
                raise Malformed("length")
            data_of_field, at = data[at : at + value], at + value
            value = data_of_field if isinstance(field.kind, str) else decode(data_of_field, field.kind)  # type: ignore[assignment]
        if field.many:
            result[field.name].append(value)
        else:
            result[field.name] = value
    if any(field.required and field.name not in result for field in schema.values()):
        raise Malformed("missing field")
    return result


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a base-128 number of at most 64 bits in its shortest form."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if (byte == 0 and shift) or value >> 64:
                raise Malformed("number")
            return value, at
        shift += 7
        if shift > 63:
            break
    raise Malformed("number")
