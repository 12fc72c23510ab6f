"""A question answered by the first provider that does: briefed, asked, its answer looked at, the next one tried.

Works with a vault here or behind a server: all it needs of it are two methods.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from vault import chat
from vault.errors import BadRequest, Denied, LimitReached, NotAllowed, ProviderFailed, Refused, VaultError
from vault.types import Brief, BriefRequest, Holder, ProviderView, Receipt, Source

_CITED = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_PERIOD, _TIMES = 120, 6
"""A model that repeats so short a piece of text so often has lost its way."""
_PASSED_OVER = (ProviderFailed, NotAllowed, Refused, LimitReached, Denied)


class Briefing(Protocol):
    """The methods of a vault that are needed."""

    def providers(self, holder: Holder) -> tuple[ProviderView, ...]: ...
    def brief(self, holder: Holder, name: str, request: BriefRequest) -> Brief: ...


@dataclass(frozen=True, slots=True)
class Tried:
    """A provider that did not answer, and why: a stable code and a sentence."""

    provider: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `cited` are the sources that it names; `unknown` the numbers it made up; `tried` who failed before."""

    answer: str
    provider: str
    model: str
    cited: tuple[Source, ...]
    unknown: tuple[int, ...]
    sources: tuple[Source, ...]
    receipt: Receipt
    tried: tuple[Tried, ...]


def order(vault: Briefing, holder: Holder, names: Sequence[str]) -> tuple[str, ...]:
    """Return the providers to ask, in order: those named, or all. Raises BadRequest when there is none."""
    if names:
        return tuple(dict.fromkeys(names))
    known = tuple(one.name for one in vault.providers(holder))
    if not known:
        raise BadRequest("no language model is configured", hint="ownvault providers add NAME --url URL --model MODEL")
    return known


def answer(
    vault: Briefing, holder: Holder, request: BriefRequest, names: Sequence[str],
    heard: Callable[[str], None], failed: Callable[[Tried], None],
) -> Reply:  # fmt: skip
    """Return the answer of the first of these providers that gives one. Each is told only what its grant allows.

    `heard` is called with each piece of text as it comes, `failed` when a provider is given up and the next is asked.
    Raises ProviderFailed, or what the vault refused, when none is left.
    """
    tried: list[Tried] = []
    last: VaultError | None = None
    for name in names:
        try:
            brief = vault.brief(holder, name, request)
            text = _listened(brief, heard)
        except _PASSED_OVER as error:
            last = error
            tried.append(Tried(name, error.reason, error.message))
            failed(tried[-1])
        else:
            cited, unknown = citations(text, brief.sources)
            return Reply(text, name, brief.model, cited, unknown, brief.sources, brief.receipt, tuple(tried))
    if last is None:
        raise BadRequest("no provider is named")
    if len(tried) == 1:
        raise last
    told = "; ".join(f"{one.provider}: {one.message}" for one in tried)
    raise ProviderFailed(f"none of {len(tried)} providers answered: {told}", reason="none_left")


def _listened(brief: Brief, heard: Callable[[str], None]) -> str:
    text = ""
    for piece in chat.speak(brief):
        text += piece
        if len(text) > chat.ANSWER or looping(text):
            raise ProviderFailed(f"{brief.provider} repeats itself without end", reason="repeating")
        heard(piece)
    return text


def citations(text: str, sources: Sequence[Source]) -> tuple[tuple[Source, ...], tuple[int, ...]]:
    """Return the sources that an answer cites, in the order of their numbers, and the numbers that are none."""
    named = {int(one) for found in _CITED.finditer(text) for one in found[1].split(",")}
    known = {one.number for one in sources}
    return tuple(one for one in sources if one.number in named), tuple(sorted(named - known))


def looping(text: str) -> bool:
    """Say whether a text ends in one short piece over and over."""
    return any(_repeats(text, period) for period in _periods(text))


def _repeats(text: str, period: int) -> bool:
    piece = text[-period:]  # a ruled line of one character is no loop
    return len(set(piece)) > 2 and text.endswith(piece * max(_TIMES, _PERIOD // period + 1))


def _periods(text: str) -> Iterator[int]:
    """Yield the distances at which the end of the text may have stood before."""
    end, start = text[-8:], len(text) - 8
    while len(end) == 8 and start > 0:
        start = text.rfind(end, max(0, len(text) - 8 - _PERIOD), start + 7)
        if start < 0:
            return
        yield len(text) - 8 - start
