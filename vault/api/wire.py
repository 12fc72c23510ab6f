"""The dataclasses of vault.types as JSON and back.

In: strict. An unknown key, a wrong type or a value over a limit is a BadRequest that names the place.
Out: field names as they stand, times in ISO 8601 with Z, enumerations by name.
Checking is done by pydantic-core, straight from the dataclass fields.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum, IntEnum
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from vault.api.limits import LIMITS, Limit
from vault.errors import BadRequest
from vault.types import utc

if TYPE_CHECKING:
    from pydantic_core import CoreSchema, SchemaValidator

T = TypeVar("T")
MAX_FAULTS = 3
"""Faults told of one request."""
MAX_COUNTED = 1000
"""Faults that are looked at to tell them."""
_NO_LIMIT = Limit()


# ---------------------------------------------------------------- out


def plain(value: Any) -> Any:
    """Return `value` in JSON's own types."""
    if value is None or (isinstance(value, bool | str | int | float) and not isinstance(value, Enum)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {called(name): plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Enum):
        return word(value)
    if isinstance(value, datetime):
        return utc(value).isoformat().replace("+00:00", "Z")
    return [plain(one) for one in (sorted(value) if isinstance(value, frozenset) else value)]


def dump(value: Any) -> bytes:
    """Return `value` as JSON text in UTF-8."""
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def word(value: Enum) -> str:
    """Return the wire name of an enumeration's member: a level's lower-case word, or the value as it stands."""
    return value.name.lower() if isinstance(value, IntEnum) else str(value.value)


def called(name: str) -> str:
    """Return the wire name of a field: its own, without the underscore that keeps it from being a Python keyword."""
    return name.removesuffix("_")


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


# ---------------------------------------------------------------- in


def read(kind: type[T], text: bytes | str) -> T:
    """Return the request that `text` says. Raises BadRequest with the place of each fault, never its value."""
    unambiguous(text)
    request: T = _read(_validator(kind, "forbid"), text)  # type: ignore[arg-type]  # a class is hashable
    return request


def answer(kind: type[T], text: bytes | str) -> T:
    """Return a server's answer. What a newer server adds is passed over. Raises BadRequest when it is none."""
    said: T = _read(_validator(kind, "ignore"), text)  # type: ignore[arg-type]  # a class is hashable
    return said


def unambiguous(text: bytes | str) -> None:
    """Raise BadRequest when an object in this JSON names a key twice: two readers could take two meanings from it.

    What is no JSON at all passes, for whoever reads it next to refuse.
    """
    with contextlib.suppress(ValueError, RecursionError):
        json.loads(text, object_pairs_hook=_each_once)


def _each_once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        raise BadRequest("a key is given twice", hint="see /openapi.json")


def query(kind: type[T], arguments: Mapping[str, list[str]]) -> T:
    """Return the request that a URL's query says: each name once, numbers and truths where the field is one."""
    said: dict[str, Any] = {}
    hints = get_type_hints(kind)
    for name, values in arguments.items():
        if len(values) != 1:
            raise BadRequest(f"{shown(name)}: given more than once")
        said[name] = _worded(values[0], (hints.get(name), *get_args(hints.get(name))))
    return read(kind, json.dumps(said))


def _worded(text: str, kinds: tuple[Any, ...]) -> Any:
    if int in kinds and text.isdecimal() and len(text) < 16:
        return int(text)
    return text == "true" if bool in kinds and text in ("true", "false") else text


def _read(validator: SchemaValidator, text: bytes | str) -> Any:
    from pydantic_core import ValidationError

    try:
        return validator.validate_json(text, strict=True)
    except ValidationError as error:
        if error.error_count() > MAX_COUNTED:  # telling each costs more than the request
            raise BadRequest(f"it has {error.error_count():,} faults", hint="see /openapi.json") from None
        found = error.errors(include_url=False, include_input=False)
        faults = [fault for fault in found if not _echo(fault, found)]
        told = [f"{_place(fault['loc'])}{_message(fault)}" for fault in faults[:MAX_FAULTS]]
        more = [f"and {len(faults) - MAX_FAULTS} more"] if len(faults) > MAX_FAULTS else []
        raise BadRequest("; ".join(told + more), hint="see /openapi.json") from None


def _echo(fault: Any, found: Sequence[Any]) -> bool:
    """Tell whether a list is called too short only because its items are at fault."""
    place = fault["loc"]
    return fault["type"] == "too_short" and any(
        len(one["loc"]) > len(place) and one["loc"][: len(place)] == place for one in found
    )


def _message(fault: Any) -> str:
    about = fault.get("ctx", {})
    match fault["type"]:
        case "unexpected_keyword_argument":
            return "unknown key"
        case "dataclass_exact_type" | "dataclass_type":
            return "must be an object"
        case "missing" | "missing_keyword_only_argument" | "missing_argument":
            return "is required"
        case "json_invalid":
            return "this is not JSON"
        case "string_too_long" | "too_long":
            return f"is longer than {about['max_length']:,}"
        case "string_too_short" | "too_short":
            return "must not be empty"
    message: str = fault["msg"]
    return message.replace("Input should", "should").replace("Value error, ", "")


def _place(location: tuple[int | str, ...]) -> str:
    place = ""
    for step in location:
        place += f"[{step}]" if isinstance(step, int) else f".{shown(step)}" if place else shown(step)
    return place + ": " if place else ""


def shown(name: str) -> str:
    """Return a name that somebody else gave, as far as it can be told back."""
    return name if name.isidentifier() and len(name) <= 40 else "(unknown)"


# ---------------------------------------------------------------- from fields to pydantic-core


@cache
def _validator(kind: Any, extra: str) -> SchemaValidator:
    from pydantic_core import SchemaValidator, core_schema

    return SchemaValidator(_schema(kind, _NO_LIMIT, extra), core_schema.CoreConfig(strict=True))


def _schema(kind: Any, limit: Limit, extra: str) -> CoreSchema:
    from pydantic_core import core_schema as c

    if kind is str:
        return c.str_schema(min_length=limit.least, max_length=limit.most)
    if kind is int:
        return c.int_schema(ge=limit.least, le=limit.most)
    if kind in (bool, float, Any, object):
        return {bool: c.bool_schema(), float: c.float_schema(allow_inf_nan=False)}.get(kind) or c.any_schema()
    if kind is datetime:
        return c.no_info_after_validator_function(moment, c.str_schema(max_length=40))
    if isinstance(kind, type) and issubclass(kind, Enum):
        words = {word(one): one for one in kind}
        return c.no_info_after_validator_function(words.__getitem__, c.literal_schema(list(words)))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _record(kind, extra)
    return _compound(kind, limit, extra)


def _compound(kind: Any, limit: Limit, extra: str) -> CoreSchema:
    from pydantic_core import core_schema as c

    inner = get_args(kind)
    if get_origin(kind) is UnionType and NoneType in inner and len(inner) == 2:
        return c.nullable_schema(_schema(next(one for one in inner if one is not NoneType), limit, extra))
    if get_origin(kind) is tuple and inner[1:] == (...,):
        items = _schema(inner[0], Limit(0, limit.each) if limit.each else _NO_LIMIT, extra)
        return c.tuple_schema(
            [items], variadic_item_index=0, min_length=limit.least, max_length=limit.most, fail_fast=True
        )
    if get_origin(kind) is dict:
        return c.dict_schema(c.str_schema(), _schema(inner[1], _NO_LIMIT, extra))
    raise TypeError(f"{kind} has no wire form")


def _record(kind: type, extra: str) -> CoreSchema:
    from pydantic_core import core_schema as c

    hints, limits = get_type_hints(kind), LIMITS.get(kind, {})
    fields = []
    for field in dataclasses.fields(kind):
        schema = _schema(hints[field.name], limits.get(field.name, _NO_LIMIT), extra)
        if field.default is not dataclasses.MISSING:
            schema = c.with_default_schema(schema, default=field.default)
        elif field.default_factory is not dataclasses.MISSING:
            schema = c.with_default_schema(schema, default_factory=field.default_factory)
        fields.append(c.dataclass_field(field.name, schema, kw_only=True, validation_alias=called(field.name)))
    behaviour: Any = extra
    arguments = c.dataclass_args_schema(kind.__name__, fields, extra_behavior=behaviour)
    return c.dataclass_schema(kind, arguments, list(_names(kind)), slots=True, frozen=True)


def moment(text: str) -> datetime:
    """Return the time that an ISO 8601 text says; a date alone is its midnight, no zone is UTC."""
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, BadRequest):
        raise ValueError("should be an ISO 8601 date or time") from None
