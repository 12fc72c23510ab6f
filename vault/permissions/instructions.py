"""Text of others that reads like an order to an assistant. SPEC.md, "Instruction-like text".

A mark, not a defence: whoever knows the patterns can write around them. What holds is that such text is data, marked
untrusted, and that no grant can do more than its owner allowed.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from urllib.parse import unquote

from vault.legible import HIDDEN, JOINERS, legible
from vault.permissions.words import words

HIDING = 8
"""How many hidden characters in a row are a message: emoji and soft hyphens never need so many."""
BLOBS = 64
"""How many encoded pieces of one text are looked into."""
_BLOB = 4096
"""How much of an encoded piece is looked at, in characters."""

# What only a prompt template or a tool call of a model has.
_MACHINERY = re.compile(
    r"<\|(?:im_start|im_end|im_sep|system|user|assistant|endoftext|begin_of_text|start_header_id|eot_id|end)\|>"
    r"|\[/?INST\]|<</?SYS>>|</?(?:system|system[-_]prompt|instructions|antml:\w+)(?: [^<>\n]{0,80})?>"
    r"|</?(?:tool_call|function_calls?|invoke|tool_use)(?: [^<>\n]{0,80})?>|\n\n(?:human|assistant|system): \S"
    r"|^[#\s>*]{0,6}(?:system(?: prompt| message)?|developer message)\W{0,3}:\s*"
    r"(?:you|ignore|disregard|act|from now|new|the assistant|as an ai)\b"
    r'|"(?:tool_calls?|function_call|tool_use|tool_name)"\s*:|"method"\s*:\s*"tools/call"|"role"\s*:\s*"(?:system|developer)"'
    r'|\{\s*"(?:name|tool|function)"\s*:\s*"[\w.-]{1,64}"\s*,\s*"(?:arguments|parameters|input|args)"\s*:',
    re.I | re.M,
)
_HIDDEN_RUN = re.compile(f"[{HIDDEN}{JOINERS}]{{{HIDING},}}")
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")
_BASE64 = re.compile(r"(?<![A-Za-z\d+/_=-])(?:[A-Za-z\d+/_-]{24,}={0,2})")
_ESCAPED = re.compile(r"[%&](?:[2-7][\da-fA-F]|#|\w{2,6};)")
_BRACKETS = ("<", "[", "{")
_SIGNS = "system", "human:", "assistant:", "developer message"
_AROUND = 300
"""How far around an anchor an order may reach, in characters."""
_LONG = 24
"""The shortest encoded piece that can say anything."""


def suspicious(text: str) -> bool:
    """Return whether `text` reads like an order to an assistant, or hides something that does or might."""
    shown = legible(text)
    if len(shown) + HIDING <= len(text) and _hides(text):
        return True
    return any(_orders(said) for said in (shown, *_decoded(text)))


def _orders(text: str) -> bool:
    small = text.lower()
    if (any(mark in text for mark in _BRACKETS) or any(sign in small for sign in _SIGNS)) and _MACHINERY.search(text):
        return True
    return any(_phrases().pattern.search(small, start, end) for start, end in _passages(small))


# ---------------------------------------------------------------- phrases


@dataclass(frozen=True, slots=True)
class _Phrases:
    """The phrases of `orders.toml` as one pattern, and the words and signs near which it looks."""

    pattern: re.Pattern[str]
    anchors: frozenset[str]
    signs: tuple[str, ...]


@cache
def _phrases() -> _Phrases:
    orders = tomllib.loads(files("vault.permissions").joinpath("orders.toml").read_text("utf-8"))
    phrases = "|".join(_pattern(phrase, orders["lists"]) for group in orders["phrases"].values() for phrase in group)
    unspaced = "|".join(orders["unspaced"]["phrases"])
    pattern = re.compile(rf"(?<![^\W_])(?:{phrases})(?![^\W_])|{unspaced}")
    return _Phrases(pattern, frozenset(orders["anchors"].split()), tuple(orders["unspaced"]["anchors"]))


def _pattern(phrase: str, lists: Mapping[str, str]) -> str:
    said = phrase.format_map(lists).replace("*", r"\w*")
    said = re.sub(r"~(\d+) ", r"(?:\\w+ ){0,\1}?", said)
    return said.replace(" ?", r"\W?").replace(" ", r"\W{1,9}")


def _passages(text: str) -> Iterator[tuple[int, int]]:
    """Give the passages of `text` (small letters) around its anchors, in order, none touching another."""
    start = end = 0
    for place in sorted(place for anchor in _anchors(text) for place in _places(text, anchor)):
        if place - _AROUND > end:
            if end:
                yield start, end
            start = place - _AROUND
        end = place + _AROUND
    if end:
        yield max(0, start), end


def _anchors(text: str) -> Iterator[str]:
    yield from _phrases().anchors.intersection(words(text))
    if not text.isascii():
        yield from (sign for sign in _phrases().signs if sign in text)


def _places(text: str, anchor: str) -> Iterator[int]:
    place = text.find(anchor)
    while place >= 0:
        yield place
        place = text.find(anchor, place + _AROUND // 2)  # one in every passage is enough


# ---------------------------------------------------------------- hiding


def _hides(text: str) -> bool:
    return bool(_HIDDEN_RUN.search(_FLAG.sub("", text)))


def _decoded(text: str) -> Iterator[str]:
    """Give what the pieces of `text` say that no person reads as they stand: base64, and escapes of URLs and HTML."""
    if ("%" in text or "&" in text) and _ESCAPED.search(text):
        yield html.unescape(unquote(text))
    if max(map(len, text.split()), default=0) < _LONG:
        return
    for number, match in enumerate(_BASE64.finditer(text)):
        if number == BLOBS:
            break
        said = match[0][:_BLOB].rstrip("=").replace("-", "+").replace("_", "/")
        try:
            yield base64.b64decode(said[: len(said) // 4 * 4]).decode("utf-8", "ignore")
        except binascii.Error:
            continue
