"""Language models that may answer for the owner: each a client with a grant, and what is sent to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from vault.types.grants import Exposure, GrantRequest, GrantView
from vault.types.messages import Receipt
from vault.types.scope import Filter


@dataclass(frozen=True, slots=True)
class Provider:
    """A stored provider. `key` is its secret, empty for none; `window` the characters of a prompt that it takes."""

    name: str
    url: str
    model: str
    key: str = field(repr=False)
    window: int
    grant: str
    place: int


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A provider to add: where it is (`.../v1`), which model, and what it may be shown. `grant.client` is its name."""

    url: str
    model: str
    grant: GrantRequest
    key: str = field(default="", repr=False)
    window: int = 24_000


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider as its owner sees it, in the order in which they are asked. Its key is never shown again."""

    name: str
    url: str
    model: str
    keyed: bool
    window: int
    grant: GrantView


@dataclass(frozen=True, slots=True)
class Provided:
    provider: ProviderView
    sees: Exposure


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """Which providers are asked first; the ones not named follow as they stood."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BriefRequest:
    """A question for a provider. With `rehearse` nothing is released: the prompt is only shown to the owner."""

    question: str
    limit: int = 8
    filter: Filter = field(default_factory=Filter)
    rehearse: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt: `system` or `user`."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Source:
    """A record that the prompt holds, by the number under which the answer cites it."""

    number: int
    id: str
    title: str
    collection: str
    date: datetime | None


@dataclass(frozen=True, slots=True)
class Brief:
    """Exactly what goes to a provider, and where to. `receipt` is of the release; of a rehearsal, of the look.

    `hindrances` say, in a rehearsal, what the question would meet instead, by stable codes.
    """

    provider: str
    url: str
    model: str
    key: str = field(repr=False)
    messages: tuple[Message, ...]
    sources: tuple[Source, ...]
    receipt: Receipt
    hindrances: tuple[str, ...] = ()
