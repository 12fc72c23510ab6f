"""Biscuit's own conformance samples: the library gives the stated outcomes, and our door opens for none of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from biscuit_auth import Algorithm, AuthorizationError, AuthorizerBuilder, Biscuit, BiscuitValidationError, PublicKey
from biscuits import AUDIENCE, KID, NOW, ROOT

from vault.errors import Refused
from vault.permissions import tokens


def samples(foreign: Callable[[str], Path]) -> tuple[Path, dict[str, Any]]:
    folder = foreign("biscuit") / "samples" / "current"
    return folder, json.loads((folder / "samples.json").read_text("utf-8"))


def outcome(token: bytes, root: PublicKey, code: str) -> tuple[str, str]:
    """Return what the library makes of a sample: ("ok", policy) or the kind of failure and its text."""
    try:
        biscuit = Biscuit.from_bytes(token, root)
    except BiscuitValidationError as error:
        return "format", str(error)
    builder = AuthorizerBuilder(code)
    limits = builder.limits()
    limits.max_time = timedelta(milliseconds=500)
    builder.set_limits(limits)
    builder.register_extern_func(
        "test", lambda a, b=None: a if b is None else f"{'equal' if a == b else 'different'} strings"
    )
    try:
        return "ok", str(builder.build(biscuit).authorize())
    except (AuthorizationError, BiscuitValidationError) as error:
        return "denied", str(error)


def test_the_library_agrees_with_every_sample(foreign: Callable[[str], Path]) -> None:
    folder, corpus = samples(foreign)
    root = PublicKey.from_bytes(bytes.fromhex(corpus["root_public_key"]), Algorithm.Ed25519)
    counted = 0
    for case in corpus["testcases"]:
        token = (folder / case["filename"]).read_bytes()
        for name, validation in case["validations"].items():
            counted += 1
            kind, text = outcome(token, root, validation["authorizer_code"])
            stated, place = validation["result"], (case["filename"], name)
            if "Ok" in stated:
                assert (kind, text) == ("ok", str(stated["Ok"])), place
            elif "Format" in stated["Err"]:
                assert kind == "format", place
            else:
                assert kind == "denied", place
                failed = stated["Err"].get("FailedLogic", {}).get("Unauthorized", {}).get("checks", [])
                rules = [next(iter(check.values()))["rule"] for check in failed]
                assert all(rule in text for rule in rules), place
            if kind in {"ok", "denied"} and validation["revocation_ids"]:
                assert Biscuit.from_bytes(token, root).revocation_ids == validation["revocation_ids"], place
    assert counted == 50


def test_our_door_opens_for_none_of_them(foreign: Callable[[str], Path]) -> None:
    folder, corpus = samples(foreign)
    theirs = PublicKey.from_bytes(bytes.fromhex(corpus["root_public_key"]), Algorithm.Ed25519)
    tried = 0
    for case in corpus["testcases"]:
        text = base64.urlsafe_b64encode((folder / case["filename"]).read_bytes()).decode()
        for keys in (ROOT.keys, {KID: theirs}):
            tried += 1
            with pytest.raises(Refused):
                tokens.verify(tokens.vet(text), keys, AUDIENCE, NOW)
    assert tried >= 76
