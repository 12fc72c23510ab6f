"""The table of calls. There is no other list; SPEC.md tells what each takes and gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from flask import Response, request

from vault import limits, types
from vault.api import wire
from vault.api.extension.presented import address, shown
from vault.errors import TooLarge
from vault.service import Vault
from vault.types import Right, Shown

if TYPE_CHECKING:
    from flask import Flask

Answering: TypeAlias = Callable[[Vault, Shown, Any], Any]


@dataclass(frozen=True, slots=True)
class Nothing:
    """An empty object."""


@dataclass(frozen=True, slots=True)
class HelloRequest:
    nonce: str


@dataclass(frozen=True, slots=True)
class Cancel:
    pairing: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `answers(vault, shown, request)` is the one line between decoding and encoding."""

    name: str
    takes: type
    answers: Answering
    most: int = limits.REQUEST
    """Bytes of its body."""


def _search(vault: Vault, shown: Shown, asked: types.SearchRequest) -> types.Answer:
    return vault.search(vault.bear(shown, Right.SEARCH, "search"), asked)


def _read(vault: Vault, shown: Shown, asked: types.ReadRequest) -> types.ReadAnswer:
    return vault.read(vault.bear(shown, Right.SEARCH, "read"), asked)


CALLS = (
    Call("pair/start", types.PairStart, lambda vault, shown, asked: vault.pair_start(asked, shown)),
    Call("pair/reveal", types.PairReveal, lambda vault, shown, asked: vault.pair_reveal(asked, shown, address())),
    Call("pair/token", types.PairToken, lambda vault, shown, asked: vault.pair_token(asked, shown)),
    Call("pair/cancel", Cancel, lambda vault, shown, asked: vault.pair_cancel(asked.pairing, shown)),
    Call("capture", types.CaptureRequest, lambda vault, shown, asked: vault.capture(shown, asked), limits.CAPTURE),
    Call("collections", Nothing, lambda vault, shown, _: vault.capture_collections(shown)),
    Call("search", types.SearchRequest, _search),
    Call("read", types.ReadRequest, _read),
    Call("insert", types.InsertRequest, lambda vault, shown, asked: vault.insert(shown, asked)),
    Call("seen", types.SiteRequest, lambda vault, shown, asked: vault.seen(shown, asked)),
    Call("revoke-site", types.SiteRequest, lambda vault, shown, asked: vault.revoke_site(shown, asked)),
    Call("requests", Nothing, lambda vault, shown, _: vault.ballots(shown)),
    Call("decide", types.DecideRequest, lambda vault, shown, asked: vault.decide(shown, asked)),
    Call("adapters", Nothing, lambda vault, shown, _: vault.adapters(shown)),
    Call("unpair", Nothing, lambda vault, shown, _: vault.leave(shown)),
)


def add(flask: Flask, vault: Vault) -> None:
    """Add every call to the application."""
    for call in CALLS:
        flask.add_url_rule(f"/extension/{call.name}", f"extension {call.name}", _view(vault, call), methods=["POST"])
    flask.add_url_rule("/extension/hello", "extension hello", _hello(vault), methods=["POST"])


def _view(vault: Vault, call: Call) -> Callable[[], Response]:
    def view() -> Response:
        who = shown()
        return _json(call.answers(vault, who, _asked(call.takes, call.most)))

    return view


def _hello(vault: Vault) -> Callable[[], Response]:
    def view() -> Response:
        return _json(vault.hello(_asked(HelloRequest, limits.REQUEST).nonce, address()))

    return view


def _asked(kind: type[Any], most: int) -> Any:
    body = request.get_data()
    if len(body) > most:
        raise TooLarge(f"this call takes at most {most // 1024} KiB")
    return wire.read(kind, body)


def _json(answer: Any) -> Response:
    return Response(wire.dump({} if answer is None else answer), mimetype="application/json")
