"""Adapter packs: served as they lie in the package, each whole or not at all; and the vectors that both sides share."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.api.extension.conftest import Place
from vault.clipping import without_insertions
from vault.permissions import transcripts
from vault.permissions.transcripts import decoded
from vault.plugins import packs

BROWSER = Path(__file__).parents[3] / "plugins" / "browser"


def vectors(name: str) -> Any:
    return json.loads((BROWSER / "vectors" / f"{name}.json").read_text("utf-8"))


def test_packs_are_served(place: Place) -> None:
    told = place.paired().ask("adapters")
    lying = {path.stem: json.loads(path.read_text("utf-8")) for path in (BROWSER / "adapters").glob("*.json")}
    assert told["format"] == packs.FORMAT and {pack["name"]: pack for pack in told["packs"]} == lying
    assert told["digest"] == packs.digest() and len(lying) >= 3


def faults() -> list[tuple[str, Any]]:
    """Return packs with one fault each."""
    good = dict(packs.packs()[0])
    changes: dict[str, Any] = {
        "format": "ownvault-adapter/2", "name": "", "title": "x" * 301, "version": 0, "hosts": [], "turn": [],
        "body": ["x"] * 21, "root": "main", "paths": [1], "heading": [], "time": {"select": [], "attribute": "onclick"},
        "model": {"select": [], "run": "x"}, "roles": {"user": []}, "box": [""], "language": {"select": "x"},
        "said": {"user": [], "assistant": [], "system": [], "tool": []}, "leave": None,
    }  # fmt: skip
    made = [(f"{key}={value!r}"[:30], good | {key: value}) for key, value in changes.items()]
    less = copy.deepcopy(good)
    del less["leave"]
    hosts = [
        ("a host", good | {"hosts": [host]}) for host in ("*", "localhost", "a/b.example", "https://a.example", "A.B")
    ]
    kinds = [("srcdoc", good | {"time": {"select": [], "attribute": "srcdoc"}}), ("true", good | {"version": True})]
    return [*made, *hosts, *kinds, ("less", less), ("more", good | {"script": "x"}), ("none", None), ("a list", [good])]


@pytest.mark.parametrize(("why", "pack"), faults())
def test_a_pack_with_one_fault_is_none(why: str, pack: Any) -> None:
    packs.check(dict(packs.packs()[0]))
    with pytest.raises(ValueError, match=r"."):
        packs.check(pack)


def test_the_vectors_are_what_the_command_writes(tmp_path: Path) -> None:
    script = BROWSER / "vectors" / "generate.py"
    code = (
        "import runpy, pathlib, sys; said = runpy.run_path(sys.argv[1]); said['main'].__globals__['HERE'] ="
        " pathlib.Path(sys.argv[2]); said['main']()"
    )
    subprocess.run([sys.executable, "-c", code, str(script), str(tmp_path)], check=True, cwd=BROWSER.parents[1])
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (BROWSER / "vectors" / path.name).read_bytes(), path.name
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (BROWSER / "vectors").glob("*.json")}


def test_words_as_in_the_vectors() -> None:
    told = vectors("pairing")
    listed = transcripts.wordlist()
    assert len(listed) == len(set(listed)) == 1296
    assert hashlib.sha256(("\n".join(listed) + "\n").encode()).hexdigest() == told["wordlist_sha256"]
    for case in told["cases"]:
        nonces = [decoded(case[name], 32) for name in ("server_key", "nonce_browser", "nonce_vault")]
        said = transcripts.words(
            case["thumbprint"], *nonces, case["origin"], case["address"], case["name"], ",".join(case["asks"])
        )
        assert list(said) == case["words"]


def test_greetings_as_in_the_vectors() -> None:
    for case in vectors("hello")["cases"]:
        nonce = decoded(case["nonce"], 16, 64)
        message = transcripts.greeting(case["address"], nonce, case["time"])
        key = Ed25519PublicKey.from_public_bytes(decoded(case["server_key"], 32))
        try:
            key.verify(decoded(case["signature"], 64), message)
            good = True
        except InvalidSignature:
            good = False
        assert good is case["good"], case.get("why")


def test_insertions_as_in_the_vectors() -> None:
    for case in vectors("inserted")["cases"]:
        assert without_insertions(case["text"]) == (case["left"], case["taken"])


def test_many_marks_cost_no_more_than_few() -> None:
    opening = "[from my vault: 1 record, release 00ff00ff]"
    assert without_insertions(opening * 50_000) == ("", 1)
    assert without_insertions("[end of release 00ff00ff]" * 50_000)[1] == 0
    assert without_insertions("[" * 1_000_000 + "from my vault: ")[1] == 0
    text = "".join(f"[from my vault: 1 record, release {n:08x}] [end of release {n:08x}]" for n in range(20_000))
    assert without_insertions(text) == ("", 20_000)
