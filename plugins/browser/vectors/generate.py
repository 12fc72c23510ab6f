"""Writes the vectors of SPEC.md: `python plugins/browser/vectors/generate.py`. Running it again changes nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault.permissions import transcripts
from vault.permissions.transcripts import encoded

HERE = Path(__file__).parent
CHROMIUM = "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb"
FIREFOX = "moz-extension://5b0f6d1e-4c3a-4e0e-9a53-3a2f2a1f0c77"
NAMES = ("Chromium on Linux", "Firefox — Küche", "a")


def filled(label: str) -> bytes:
    return hashlib.sha256(label.encode()).digest()


def server() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(filled("server"))


def pairing() -> dict[str, Any]:
    cases = []
    for number, name in enumerate(NAMES):
        said: dict[str, Any] = {
            "thumbprint": encoded(filled(f"key {number}")),
            "server_key": encoded(server().public_key().public_bytes_raw()),
            "nonce_browser": encoded(filled(f"browser {number}")), "nonce_vault": encoded(filled(f"vault {number}")),
            "origin": FIREFOX if number == 1 else CHROMIUM, "address": f"http://127.0.0.1:{7117 + number}",
            "name": name, "asks": ["capture", "decide", "search"][: number + 1],
        }  # fmt: skip
        theirs, ours = filled(f"browser {number}"), filled(f"vault {number}")
        said["commit"] = encoded(transcripts.commitment(theirs))
        said["words"] = transcripts.words(
            said["thumbprint"], server().public_key().public_bytes_raw(), theirs, ours, said["origin"],
            said["address"], name, ",".join(said["asks"]),
        )  # fmt: skip
        cases.append(said)
    listed = "\n".join(transcripts.wordlist()) + "\n"
    return {"wordlist_sha256": hashlib.sha256(listed.encode()).hexdigest(), "cases": cases}


def hello() -> dict[str, Any]:
    cases = []
    for number, length in enumerate((16, 32, 64)):
        address, nonce, seconds = (
            f"http://127.0.0.1:{7117 + number}",
            (filled(f"hello {number}") * 2)[:length],
            1790000000,
        )
        message = transcripts.greeting(address, nonce, seconds + number)
        good = {"address": address, "nonce": encoded(nonce), "time": seconds + number,
                "server_key": encoded(server().public_key().public_bytes_raw()), "message": message.decode(),
                "signature": encoded(server().sign(message)), "good": True}  # fmt: skip
        cases.append(good)
    first = cases[0]
    other = Ed25519PrivateKey.from_private_bytes(filled("impostor"))
    cases.append(
        {**first, "good": False, "why": "another key", "signature": encoded(other.sign(first["message"].encode()))}
    )
    cases.append({**first, "good": False, "why": "relayed from another port", "address": "http://127.0.0.1:9999"})
    cases.append({**first, "good": False, "why": "of another nonce", "nonce": cases[1]["nonce"]})
    cases.append({**first, "good": False, "why": "of another time", "time": first["time"] + 1})
    return {"cases": cases}


def inserted() -> dict[str, Any]:
    block = "[from my vault: 2 records, release 1f0c9a77]\nKeel bolts\n[end of release 1f0c9a77]"
    return {"cases": [
        {"text": "Nothing of the vault.", "left": "Nothing of the vault.", "taken": 0},
        {"text": f"Before.\n\n{block}\n\nAfter.", "left": "Before.\n\nAfter.", "taken": 1},
        {"text": f"{block}\n{block} My own words.", "left": "My own words.", "taken": 2},
        {"text": block.replace("\n", " ") + " On one line.", "left": "On one line.", "taken": 1},
        {"text": block.replace("[", "\\[").replace("]", "\\]") + " Escaped.", "left": "Escaped.", "taken": 1},
        {"text": "Mine.\n[from my vault: 1 record, release 00ff00ff]\nwithout an end", "left": "Mine.", "taken": 1},
        {"text": "Mine. [end of release 00ff00ff]", "left": "Mine. [end of release 00ff00ff]", "taken": 0},
        {"text": "[from my vault: 1 record, release 00ff00ff] a [end of release 11111111] b", "left": "", "taken": 1},
    ]}  # fmt: skip


def main() -> None:
    """Write every file of vectors."""
    for name, content in {"pairing": pairing(), "hello": hello(), "inserted": inserted()}.items():
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (HERE / f"{name}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
