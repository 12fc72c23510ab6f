"""JSON, with or without comments and trailing commas, edited in place: one member put in or taken out.

The text is scanned for where its members stand, changed there, and nowhere else. `read` shares nothing with that
scan (it blanks the comments and hands the rest to `json`), and proves each edit: what is read from the new text
must be what was read from the old one, with that one member changed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from vault.connect.form import Broken, at, nested, proven, with_, without

DEEPEST = 200
"""Objects and arrays within each other; no configuration comes near it."""
# A string that never ends goes to the end, also with a backslash there, or each quote would be tried as its start.
_STRING = r'"(?:[^"\\]++|\\.)*+\\?(?:"|\Z)'
_REMARKS = r"//[^\r\n]*|/\*.*?(?:\*/|\Z)"
_TOKEN = re.compile(rf'{_STRING}|{_REMARKS}|[{{}}\[\]:,]|[^\s{{}}\[\]:,"/]+', re.DOTALL)
_COMMENT = re.compile(rf"{_STRING}|{_REMARKS}", re.DOTALL)
_TRAILING = re.compile(rf"{_STRING}|,(?=\s*[}}\]])", re.DOTALL)
_REMARK = re.compile(r"(?:[ \t]|/\*(?:(?!\*/)[^\r\n])*\*/)*(?://[^\r\n]*)?")
_BLANK_LINE_END = re.compile(r"[ \t]*(?=\r?\n|\Z)")


@dataclass(frozen=True, slots=True)
class Value:
    """A value, and where it stands. `members` of an object alone."""

    start: int
    end: int
    members: tuple[Member, ...] | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object: where its key starts, its value, and where the comma after it is, if there is one."""

    key: str
    start: int
    value: Value
    comma: int | None


def read(text: str) -> Any:
    """Return what the text says, None when it is blank or comments alone. Numbers stay as written. Raises Broken."""
    plain = _TRAILING.sub(_blanked, _COMMENT.sub(_blanked, text))
    if not plain.strip():
        return None
    try:
        said = json.loads(plain, parse_float=_Number, parse_int=_Number, parse_constant=_no_number)
    except RecursionError:
        raise Broken("it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise Broken(error.msg[:1].lower() + error.msg[1:], error.lineno) from None
    if not isinstance(said, dict):
        raise Broken("it holds no object", 1)
    return said


def strict(text: str) -> bool:
    """Tell whether the text is JSON as it stands: without comments and trailing commas."""
    return _TRAILING.sub(_blanked, _COMMENT.sub(_blanked, text)) == text


def put(text: str, keys: Sequence[str], value: Any) -> str:
    """Return the text with `value` under the path `keys`, which is not there yet. Raises Broken."""
    said, root = read(text), _scan(text)
    expected = with_(said, keys, _as_read(value))
    if root is None:
        newline = _newline(text)
        kept = text.rstrip()
        changed = kept + (newline if kept else "") + _shown(nested(keys, value), "", "  ", newline) + newline
    else:
        around, rest = _innermost(root, keys)
        changed = _inserted(text, around, rest[0], nested(rest[1:], value), _unit(text, root))
    return proven(changed, read(changed), expected)


def take(text: str, keys: Sequence[str], prune: int = 0) -> str:
    """Return the text without the member under `keys`, and without up to `prune` objects around it left empty.

    The text as it is when there is no such member. Raises Broken.
    """
    said, root = read(text), _scan(text)
    if root is None or at(said, keys) is None:
        return text
    around, rest = _innermost(root, keys)
    index = next((i for i, member in enumerate(around.members or ()) if [member.key] == list(rest)), None)
    if index is None:
        raise Broken(f"{keys[-1]!r} is there twice")
    said = without(said, keys)
    changed = _cut(text, around, index)
    proven(changed, read(changed), said)
    emptied = changed[around.start + 1 :].lstrip().startswith("}")  # with a comment in it, it stays
    return take(changed, keys[:-1], prune - 1) if prune and emptied and len(keys) > 1 else changed


# ---------------------------------------------------------------- where things stand


def _scan(text: str) -> Value | None:
    """Return the object that a text which was read without complaint holds, None when it holds nothing."""
    tokens = [found for found in _TOKEN.finditer(text) if found[0][:2] not in ("//", "/*")]
    try:
        return _value(tokens, 0, 0)[0] if tokens else None
    except (IndexError, ValueError):
        raise Broken("it is malformed") from None


def _value(tokens: list[re.Match[str]], index: int, deep: int) -> tuple[Value, int]:
    """Return the value that begins at a token, and the index of the token after it."""
    first = tokens[index]
    if first[0] not in "{[":
        return Value(first.start(), first.end()), index + 1
    if deep > DEEPEST:
        raise Broken("it is nested too deeply")
    members, index = [], index + 1
    while tokens[index][0] not in "}]":
        start, key = tokens[index].start(), ""
        if first[0] == "{":
            key, index = json.loads(tokens[index][0]), index + 2
        value, index = _value(tokens, index, deep + 1)
        comma = tokens[index].start() if tokens[index][0] == "," else None
        index += comma is not None
        members.append(Member(key, start, value, comma))
    found = tuple(members) if first[0] == "{" else None
    return Value(first.start(), tokens[index].end(), found), index + 1


def _innermost(root: Value, keys: Sequence[str]) -> tuple[Value, tuple[str, ...]]:
    """Return the innermost object on the way to the last key, and the keys from there on."""
    around, rest = root, tuple(keys)
    while True:
        found = [member.value for member in around.members or () if member.key == rest[0]]
        if len(found) > 1:
            raise Broken(f"{rest[0]!r} is there twice")
        if not found or len(rest) == 1:
            return around, rest
        around, rest = found[0], rest[1:]


# ---------------------------------------------------------------- changing the text


def _inserted(text: str, around: Value, key: str, value: Any, unit: str) -> str:
    """Return the text with a member added at the end of an object, in the manner of its neighbours."""
    newline, members = _newline(text), around.members or ()
    if members and "\n" not in text[around.start : members[0].start]:
        return _inserted_in_line(text, around, members[-1], key, value)
    own = _indent(text, around.start)
    inner = _indent(text, members[0].start) if members else own + unit
    line = newline + inner + _member(key, value, inner, unit, newline)
    if not members:
        kept = text[around.start + 1 : around.end - 1].rstrip()
        return text[: around.start + 1] + kept + line + newline + own + text[around.end - 1 :]
    end, comma = members[-1].value.end, members[-1].comma
    here = _after_remark(text, end if comma is None else comma + 1)
    if comma is None:
        return text[:end] + "," + text[end:here] + line + text[here:]
    return text[:here] + line + "," + text[here:]


def _inserted_in_line(text: str, around: Value, last: Member, key: str, value: Any) -> str:
    gap = "" if re.search(r'[:,]["{\[\w]', _COMMENT.sub('""', text[around.start : around.end])) else " "
    shown = json.dumps({key: value}, ensure_ascii=False, separators=("," + gap, ":" + gap))[1:-1]
    if last.comma is None:
        return text[: last.value.end] + "," + gap + shown + text[last.value.end :]
    return text[: last.comma + 1] + gap + shown + text[last.comma :]


def _cut(text: str, around: Value, index: int) -> str:
    """Return the text without a member of an object: with its comma, and with its line when nothing else is on it."""
    members = around.members or ()
    own = members[index]
    start, end = own.start, own.value.end if own.comma is None else own.comma + 1
    line = text.rfind("\n", around.start, start)
    alone = line >= 0 and not text[line:start].strip() and _BLANK_LINE_END.match(text, end) is not None
    before = members[index - 1] if index else None
    if alone:
        start = line - (text[line - 1] == "\r")
    elif before is not None and own.comma is None and before.comma is not None:
        start = before.comma + 1 if not text[before.comma + 1 : start].strip() else start
    else:
        end += len(text[end:]) - len(text[end:].lstrip(" "))
    head, tail = text[:start], text[end:]
    if own.comma is None and before is not None and before.comma is not None:
        head = head[: before.comma] + head[before.comma + 1 :]  # it divides nothing any more
    if len(members) == 1 and not head[around.start + 1 :].strip() and not text[end : around.end - 1].strip():
        return head[: around.start + 1] + text[around.end - 1 :]
    return head + tail


def _member(key: str, value: Any, indent: str, unit: str, newline: str) -> str:
    return f"{json.dumps(key, ensure_ascii=False)}: {_shown(value, indent, unit, newline)}"


def _shown(value: Any, indent: str, unit: str, newline: str) -> str:
    return json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", newline + indent)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _indent(text: str, place: int) -> str:
    """Return the blanks that the line of a place begins with."""
    line = text[text.rfind("\n", 0, place) + 1 : place]
    return line[: len(line) - len(line.lstrip())]


def _unit(text: str, root: Value) -> str:
    """Return one step of indentation, as the file has it."""
    first = root.members[0].start if root.members else root.start
    return (_indent(text, first) if "\n" in text[root.start : first] else "") or "  "


def _after_remark(text: str, place: int) -> int:
    """Return where the comments that follow a place on its line end."""
    found = _REMARK.match(text, place)
    assert found
    return place + len(found[0].rstrip())


# ---------------------------------------------------------------- proof


class _Number(str):
    """A number as it is written: what is compared must not be rounded first."""

    __slots__ = ()


def _as_read(value: Any) -> Any:
    return json.loads(json.dumps(value), parse_float=_Number, parse_int=_Number)


def _blanked(found: re.Match[str]) -> str:
    """Replace what is no string by blanks, so that every other character keeps its line and column."""
    endless = found[0].startswith("/*") and (len(found[0]) < 4 or not found[0].endswith("*/"))
    return found[0] if found[0][0] == '"' or endless else re.sub(r"[^\r\n]", " ", found[0])


def _no_number(word: str) -> NoReturn:
    raise Broken(f"{word} is no number")
