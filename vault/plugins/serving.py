"""The importer's own side of the protocol: what its program calls."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from vault.errors import ImportFailed
from vault.plugins.items import Item, Read
from vault.plugins.protocol import KEYS, PROTOCOL
from vault.types import Draft


def serve(read: Read) -> None:
    """Be an importer: read the request, answer with what `read(path, options)` yields.

    `read` may raise ImportFailed before its first draft to decline the input. Each item is on its way
    when the next is asked for, so that a crash loses nothing that came before it.
    """
    request = json.loads(sys.stdin.readline())
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print() must not end up between the protocol's lines
    _say(out, {"hello": {"protocol": PROTOCOL}})
    try:
        for item in read(Path(request["path"]), request["options"]):
            _say(out, {type(item).__name__.lower(): _plain_data(item)})
    except ImportFailed as declined:
        _say(out, {"refused": {"reason": declined.message, "hint": declined.hint}})
        return
    _say(out, {"end": {}})


def _say(out: IO[bytes], message: dict[str, Any]) -> None:
    line = json.dumps(message, ensure_ascii=False, default=datetime.isoformat)
    out.write(line.encode("utf-8", "replace") + b"\n")
    out.flush()


def _plain_data(item: Item) -> dict[str, Any]:
    if not isinstance(item, Draft):
        return asdict(item)
    body = {name: getattr(item, name) for name in KEYS}
    return body | {"sensitivity": item.sensitivity.name.lower()}
