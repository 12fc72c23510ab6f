"""Who asks, in a request that Flask answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flask import request

from vault.api.client import VIA
from vault.api.oauth.presenting import holder
from vault.errors import BadRequest
from vault.types import Action, Holder

if TYPE_CHECKING:
    from vault.service import Vault

VOICES = ("cli",)
"""Interfaces that speak REST and may say so; the log keeps them apart."""


def origin() -> str:
    """Return the address by which this request came; the guard has let only our own pass."""
    return f"{request.scheme}://{request.headers['Host']}"


def asker() -> Holder:
    """Return whoever asks. Without a token the holder has an empty one, which the vault refuses and records."""
    said = ((name.lower(), value) for name, value in request.headers.items())
    return holder(said, request.method, origin() + request.path, "rest")


def known(vault: Vault, holder: Holder) -> Holder:
    """Return the holder with the interface that it says it is, which is believed of the owner's grant alone."""
    said = via()
    return replace(holder, via=said) if said != "rest" and Action.GRANT in vault.actions(holder) else holder


def nothing() -> None:
    """Raise BadRequest when this request says something, at a route that takes nothing."""
    if request.get_data().strip() not in (b"", b"{}"):
        raise BadRequest("this route takes nothing")


def via() -> str:
    """Return the interface that this request says it comes from, `rest` for one that nobody may say."""
    said = request.headers.get(VIA, "")
    return said if said in VOICES else "rest"
