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


class Schema:
    """The fields of a message by number, laid out for the reader."""

    __slots__ = ("fields", "many", "required")

    def __init__(self, fields: Mapping[int, Field]) -> None:
        self.fields = {
            number: (one.name, one.kind == "varint", one.kind if isinstance(one.kind, Schema) else None, one.many)
            for number, one in fields.items()
        }
        self.many = tuple(one.name for one in fields.values() if one.many)
        self.required = frozenset(one.name for one in fields.values() if one.required)


_VARINT, _LENGTH = 0, 2


def decode(data: bytes, schema: Schema) -> dict[str, Any]:
    """Return field name -> value (a list for `many`, absent when left out and not `many`); Malformed otherwise."""
    result: dict[str, Any] = {name: [] for name in schema.many}
    fields = schema.fields
    at, last, end = 0, 0, len(data)
    while at < end:
        # Most numbers are one byte: read here, without a call for each, they cost a fifth less of everything.
        tag, at = (data[at], at + 1) if data[at] < 0x80 else _varint(data, at)
        number = tag >> 3
        if number not in fields:
            raise Unknown(number)
        name, is_number, inner, many = fields[number]
        if number < last or (number == last and not many):
            raise Malformed("order")
        last = number
        value: Any
        value, at = (data[at], at + 1) if at < end and data[at] < 0x80 else _varint(data, at)
        if tag & 7 != (_VARINT if is_number else _LENGTH):
            raise Malformed("wire type")
        if not is_number:
            if at + value > end:
                raise Malformed("length")
            start, at = at, at + value
            value = data[start:at] if inner is None else decode(data[start:at], inner)
        if many:
            result[name].append(value)
        else:
            result[name] = value
    if not schema.required <= result.keys():
        raise Malformed("missing field")
    return result


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a base-128 number of at most 64 bits in its shortest form."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        if byte < 0x80:
            value |= byte << shift
            if (byte == 0 and shift) or value >> 64:
                raise Malformed("number")
            return value, at
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > 63:
            break
    raise Malformed("number")
