"""Writes the vectors of the store's formats: files with one fault each and the class a reader must answer with.

python -m tests.store.vectors            rewrites tests/vectors/keyslots, tests/vectors/head and tests/vectors/sealed
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256, shake_256
from pathlib import Path
from typing import Any

from vault.store import head, keyslots, sealed, slotfile
from vault.store.head import PAGE, State
from vault.store.slotfile import Cost, Slot

VECTORS = Path(__file__).parents[1] / "vectors"
PASSPHRASE = "correct horse battery staple"
FLOOR_KIB = slotfile.FLOOR.memory_kib
Body = dict[str, Any]


class Stream:
    """Random bytes that are the same every time."""

    def __init__(self, seed: str) -> None:
        self._seed, self._used = seed.encode(), 0

    def __call__(self, size: int) -> bytes:
        self._used += size
        return shake_256(self._seed).digest(self._used)[-size:]


# ---------------------------------------------------------------- keyslots.json


def made(seed: str) -> tuple[bytes, bytearray, str]:
    """Return the file of a vault made from `seed`, its DEK and its recovery key."""
    with tempfile.TemporaryDirectory() as place:
        _, dek, recovery = keyslots.create(Path(place), bytearray(PASSPHRASE.encode()), FLOOR_KIB, random=Stream(seed))
        return (Path(place) / slotfile.NAME).read_bytes(), dek, recovery


def with_checksum(body: Body) -> bytes:
    """Return the file for any body, as somebody would write it who knows the format and wants to be believed."""
    body = {key: value for key, value in body.items() if key != "checksum"}
    text = json.dumps(body, indent=2).encode() + b"\n"
    return json.dumps(body | {"checksum": sha256(text).hexdigest()}, indent=2).encode() + b"\n"


def keyslot_files() -> dict[str, tuple[bytes, Body]]:
    """Return every vector: name → content, what a reader given PASSPHRASE must answer."""
    good, dek, recovery = made("first")
    other, other_dek, _ = made("second")
    id, (first, second) = slotfile.parse(good)
    other_id, (other_first, _) = slotfile.parse(other)
    opened = {"class": "opened", "vault": id, "dek": dek.hex()}
    found: dict[str, tuple[bytes, Body]] = {
        "good": (good, opened | {"recovery": recovery}),
        "second-vault": (other, {"class": "opened", "vault": other_id, "dek": other_dek.hex()}),
    }

    def damaged(name: str, content: bytes, reason: str = "keyslots_damaged") -> None:
        found[name] = (content, {"class": "damaged", "reason": reason})

    def edited(name: str, edit: Callable[[Body], object], reason: str = "keyslots_damaged") -> None:
        body = json.loads(good)
        edit(body)
        damaged(name, with_checksum(body), reason)

    def wrong(name: str, *slots: Slot, vault: str = id) -> None:
        found[name] = (slotfile.render(vault, slots), {"class": "wrong_passphrase"})

    _forms(good, damaged)
    _fields(edited)
    wrong("wrap-from-another-vault", other_first, second)
    wrong("slot-id-changed", replace(first, id="00000000"), second)
    wrong("salt-changed", replace(first, salt=bytes(16)), second)
    wrong("nonce-changed", replace(first, nonce=bytes(12)), second)
    wrong("wrap-bit-flipped", replace(first, wrapped=bytes([first.wrapped[0] ^ 1]) + first.wrapped[1:]), second)
    wrong("passes-lowered", replace(first, cost=Cost(FLOOR_KIB, 2, 4)), second)
    wrong("lanes-lowered", replace(first, cost=Cost(FLOOR_KIB, 3, 1)), second)
    wrong("memory-raised", replace(first, cost=Cost(FLOOR_KIB + 1, 3, 4)), second)
    wrong("vault-id-changed", first, second, vault=other_id)
    wrong("passphrase-slot-of-another-passphrase", _slot(Stream("third"), id, dek, b"another passphrase"), second)
    foreign = _slot(Stream("fourth"), id, other_dek, PASSPHRASE.encode())
    damaged("slot-with-another-vaults-key", slotfile.render(id, [foreign, second]), "foreign_slot")
    return found


def _slot(random: Stream, vault_id: str, dek: bytearray, passphrase: bytes) -> Slot:
    return keyslots.Keyslots(Path(), vault_id, (), random)._passphrase_slot(dek, bytearray(passphrase), FLOOR_KIB)


def _forms(good: bytes, damaged: Callable[[str, bytes], None]) -> None:
    damaged("empty", b"")
    damaged("binary", bytes(range(256)))
    damaged("not-an-object", b"[]\n")
    damaged("truncated", good[: len(good) // 2])
    damaged("without-last-newline", good[:-1])
    damaged("trailing-blank", good + b" ")
    damaged("second-object-behind", good + good)
    damaged("compact", json.dumps(json.loads(good)).encode())
    damaged("carriage-returns", good.replace(b"\n", b"\r\n"))
    damaged("byte-order-mark", b"\xef\xbb\xbf" + good)
    damaged("upper-case-hex", good.replace(b'"id": "', b'"id": "A', 1))
    damaged("checksum-wrong", good[:-10] + (b"0" if good[-10:-9] != b"0" else b"1") + good[-9:])
    damaged("key-twice", good.replace(b'  "version": 1,\n', b'  "version": 1,\n  "version": 1,\n'))
    damaged("deeply-nested", b"[" * 60_000)


def _fields(edited: Callable[..., None]) -> None:
    edited("format-unknown", lambda b: b.update(format="somebody's keyslots"))
    edited("version-newer", lambda b: b.update(version=2), "newer_version")
    edited("version-zero", lambda b: b.update(version=0))
    edited("version-true", lambda b: b.update(version=True))
    edited("version-missing", lambda b: b.pop("version"))
    edited("vault-missing", lambda b: b.pop("vault"))
    edited("vault-short", lambda b: b.update(vault=b["vault"][:30]))
    edited("key-unknown", lambda b: b.update(comment="hello"))
    edited("slots-empty", lambda b: b.update(slots=[]))
    edited("slots-missing", lambda b: b.pop("slots"))
    edited("slots-too-many", lambda b: b.update(slots=[b["slots"][0] | {"id": f"{n:08x}"} for n in range(9)]))
    edited("slot-not-an-object", lambda b: b["slots"].append("slot"))
    edited("slot-twice", lambda b: b["slots"].append(b["slots"][0]))
    edited("slot-key-unknown", lambda b: b["slots"][0].update(hint="the dog's name"))
    edited("slot-kind-unknown", lambda b: b["slots"][0].update(kind="telepathy"))
    edited("recovery-slot-only", lambda b: b["slots"].pop(0))
    edited("memory-below-floor", lambda b: b["slots"][0].update(memory_kib=FLOOR_KIB - 1), "cost_out_of_bounds")
    edited("memory-endless", lambda b: b["slots"][0].update(memory_kib=2**40), "cost_out_of_bounds")
    edited("memory-a-float", lambda b: b["slots"][0].update(memory_kib=19456.0))
    edited("memory-missing", lambda b: b["slots"][0].pop("memory_kib"))
    edited("passes-below-floor", lambda b: b["slots"][0].update(passes=1), "cost_out_of_bounds")
    edited("passes-endless", lambda b: b["slots"][0].update(passes=10**9), "cost_out_of_bounds")
    edited("lanes-none", lambda b: b["slots"][0].update(lanes=0), "cost_out_of_bounds")
    edited("salt-short", lambda b: b["slots"][0].update(salt="00" * 15))
    edited("salt-not-hex", lambda b: b["slots"][0].update(salt="zz" * 16))
    edited("wrapped-short", lambda b: b["slots"][0].update(wrapped=b["slots"][0]["wrapped"][:-2]))
    edited("recovery-slot-with-a-cost", lambda b: b["slots"][1].update(memory_kib=FLOOR_KIB, passes=3, lanes=4))


# ---------------------------------------------------------------- head

HEAD_KEY, VAULT_ID = bytes(range(32)), "00112233445566778899aabbccddeeff"
OLDER, NEWER = State(41, sha256(b"older").digest()), State(42, sha256(b"newer").digest())


def head_files() -> dict[str, tuple[bytes, Body]]:
    """Return every vector: name → content, the state a reader must find, or that it must refuse."""
    nonce = Stream("nonces")

    def page(state: State, slot: int, key: bytes = HEAD_KEY, vault: str = VAULT_ID) -> bytes:
        return head.seal(state, slot, key, vault, nonce(head.NONCE)).ljust(PAGE, b"\0")

    old, new = page(OLDER, 0), page(NEWER, 1)
    torn = new[:40] + page(OLDER, 1)[40:]
    found: dict[str, tuple[bytes, Body]] = {}

    def says(name: str, content: bytes, state: State) -> None:
        found[name] = (content, {"class": "state", "counter": state.counter, "audit_head": state.audit_head.hex()})

    def damaged(name: str, content: bytes) -> None:
        found[name] = (content, {"class": "damaged", "reason": "head_unreadable"})

    says("newer-in-slot-1", old + new, NEWER)
    says("newer-in-slot-0", page(NEWER, 0) + page(OLDER, 1), NEWER)
    says("both-the-same", page(NEWER, 0) + page(NEWER, 1), NEWER)
    says("torn-slot-1", old + torn, OLDER)
    says("empty-slot-1", old + bytes(PAGE), OLDER)
    says("empty-slot-0", bytes(PAGE) + new, NEWER)
    says("unknown-magic-in-slot-1", old + b"ovhead2\n" + new[8:], OLDER)
    says("something-behind-slot-1", old + new[:-1] + b"x", OLDER)
    says("slot-0-copied-to-slot-1", old + old, OLDER)
    says("slot-1-of-another-vault", old + page(NEWER, 1, vault="ff" * 16), OLDER)
    says("slot-1-under-another-key", old + page(NEWER, 1, key=bytes(32)), OLDER)
    says("largest-counter", old + page(State(2**64 - 1, bytes(32)), 1), State(2**64 - 1, bytes(32)))
    damaged("empty", b"")
    damaged("one-slot", old)
    damaged("three-slots", old + new + bytes(PAGE))
    damaged("one-byte-short", (old + new)[:-1])
    damaged("zeros", bytes(2 * PAGE))
    damaged("slots-exchanged", new + old)
    damaged("both-torn", old[:30] + bytes(PAGE - 30) + torn)
    damaged("another-vault", page(OLDER, 0, vault="ff" * 16) + page(NEWER, 1, vault="ff" * 16))
    damaged("another-key", page(OLDER, 0, key=bytes(32)) + page(NEWER, 1, key=bytes(32)))
    return found


# ---------------------------------------------------------------- sealed files

SEAL_KEY, NAME = bytes(range(64, 96)), "0f" * 16
SHORT = b"nothing of this stands in the file in clear"


def sealed_files() -> dict[str, tuple[bytes, Body]]:
    """Return every vector: name → content, the SHA-256 of what a reader must find in it, or that it must refuse."""
    salts, random = Stream("salts"), Stream("content")
    two, three = random(sealed.CHUNK + 100), random(2 * sealed.CHUNK + 100)

    def made(content: bytes, key: bytes = SEAL_KEY, name: str = NAME, vault: str = VAULT_ID) -> bytes:
        out = io.BytesIO()
        sealed.seal(out, [content], bytearray(key), sealed.bound(vault, name), salts(sealed.SALT))
        return out.getvalue()

    start, chunk = len(sealed.MAGIC) + sealed.SALT, sealed.CHUNK + sealed.TAG
    short, long, longer = made(SHORT), made(two), made(three)
    found: dict[str, tuple[bytes, Body]] = {}

    def says(name: str, file: bytes, content: bytes) -> None:
        found[name] = (file, {"class": "opened", "size": len(content), "sha256": sha256(content).hexdigest()})

    def damaged(name: str, file: bytes, size: int = len(SHORT)) -> None:
        found[name] = (file, {"class": "damaged", "size": size})

    def flipped(at: int) -> bytes:
        return short[:at] + bytes([short[at] ^ 1]) + short[at + 1 :]

    says("empty", made(b""), b"")
    says("short", short, SHORT)
    says("two-chunks", long, two)
    damaged("nothing", b"", 0)
    damaged("start-only", short[:start], 0)
    damaged("cut-in-the-start", short[: start - 1], 0)
    damaged("cut-by-a-byte", short[:-1])
    damaged("something-behind", short + b"x")
    damaged("another-magic", b"ovseal2\n" + short[8:])
    damaged("salt-changed", flipped(9))
    damaged("content-changed", flipped(start))
    damaged("tag-changed", flipped(len(short) - 1))
    damaged("another-key", made(SHORT, key=bytes(32)))
    damaged("another-name", made(SHORT, name="f0" * 16))
    damaged("another-vault", made(SHORT, vault="ff" * 16))
    damaged("cut-after-a-chunk", long[: start + chunk], sealed.CHUNK)
    damaged("last-chunk-first", long[:start] + long[start + chunk :], 100)
    first, second = longer[start : start + chunk], longer[start + chunk : start + 2 * chunk]
    damaged("chunks-exchanged", longer[:start] + second + first + longer[start + 2 * chunk :], len(three))
    damaged("last-chunk-twice", short + short[start:], 2 * len(SHORT))
    damaged("chunk-of-another-file", made(SHORT)[:start] + short[start:])
    return found


def write(directory: Path, files: dict[str, tuple[bytes, Body]], suffix: str, about: Body) -> None:
    """Write the vectors of one format and `expected.json` beside them."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    for name, (content, _) in files.items():
        (directory / f"{name}{suffix}").write_bytes(content)
    expected = {f"{name}{suffix}": answer for name, (_, answer) in files.items()}
    (directory / "expected.json").write_text(json.dumps(about | {"vectors": expected}, indent=1) + "\n")


def write_all(directory: Path) -> None:
    """Write everything under `directory`."""
    write(directory / "keyslots", keyslot_files(), ".json", {"passphrase": PASSPHRASE})
    write(directory / "head", head_files(), ".head", {"key": HEAD_KEY.hex(), "vault": VAULT_ID})
    about = {"key": SEAL_KEY.hex(), "vault": VAULT_ID, "name": NAME}
    write(directory / "sealed", sealed_files(), ".sealed", about)


if __name__ == "__main__":
    write_all(Path(sys.argv[1]) if len(sys.argv) > 1 else VECTORS)
