"""Sealed files: long content in authenticated chunks, each file under a key of its own (SPEC.md, "Sealed files").

The streaming construction of Hoang, Reyhanitabar, Rogaway and Vizár (2015): a counter and a mark of the last chunk are
the nonce, so that no chunk can be cut off, moved, repeated or taken from another file.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vault.errors import Damaged, StorageFailed
from vault.store import files, keys

MAGIC = b"ovseal1\n"
SALT = 32
CHUNK = 2**16
"""Bytes of content in every chunk but the last."""
TAG = 16
READ = 2**20
"""Bytes that are read from the disk at a time."""
SPARE = 64 * 2**20
"""Bytes that stay free on the disk: sealed files are a cache, the database comes first."""
DIRECTORY = "index"
MARK = b"Signature: 8a477f597d28d172789f06886806bc55\n# sealed copies that are made again: see bford.info/cachedir\n"
_NAME = re.compile(r"[0-9a-f]{32}")


def seal(out: IO[bytes], pieces: Iterable[Any], key: bytearray, purpose: bytes, salt: bytes) -> int:
    """Write `pieces` (buffers, one after the other) to `out`, sealed for `purpose`; return the bytes written.

    `salt` is 32 random bytes, never used twice: it makes the file's key.
    """
    cipher, sealed = _cipher(key, salt), bytearray(CHUNK + TAG)
    size = out.write(MAGIC + salt)
    number, block = 0, bytearray()
    for full in _blocks(pieces):
        if number or block:
            cipher.encrypt_into(_nonce(number, last=False), block, purpose, sealed)
            size += out.write(sealed)
            number += 1
        block = full
    return size + out.write(cipher.encrypt(_nonce(number, last=True), block, purpose))


def _blocks(pieces: Iterable[Any]) -> Iterator[bytearray]:
    """Yield the content in blocks of CHUNK bytes, the last one shorter."""
    block = bytearray()
    for piece in pieces:
        view = memoryview(piece).cast("B")
        while len(view):
            room = CHUNK - len(block)
            block += view[:room]
            view = view[room:]
            if len(block) == CHUNK:
                yield block
                block = bytearray()
    if block:
        yield block


class Reader:
    """The content of one sealed file, from its beginning. Whatever it gives was authenticated. One thread."""

    def __init__(self, file: IO[bytes], size: int, key: bytearray, purpose: bytes) -> None:
        self._file, self._purpose = file, purpose
        start = file.read(len(MAGIC) + SALT)
        rest = size - len(MAGIC) - SALT
        if len(start) != len(MAGIC) + SALT or not start.startswith(MAGIC) or rest < TAG:
            raise Damaged("a sealed file does not begin as one", reason="not_sealed")
        self._cipher = _cipher(key, start[len(MAGIC) :])
        self._rest, self._number = rest, 0
        self._sealed, self._open = bytearray(CHUNK + TAG), bytearray(CHUNK)
        self._held = memoryview(self._open)[:0]

    def into(self, buffer: Any) -> None:
        """Fill `buffer` with what comes next. Damaged when anything is not what was sealed, or there is not enough."""
        view = memoryview(buffer).cast("B")
        while len(view):
            if len(self._held):
                some = min(len(view), len(self._held))
                view[:some] = self._held[:some]
                self._held, view = self._held[some:], view[some:]
            elif len(view) >= CHUNK and self._rest > CHUNK + TAG:
                self._next(view[:CHUNK])  # straight to where it belongs
                view = view[CHUNK:]
            else:
                size = self._next(None)
                self._held = memoryview(self._open)[:size]
                if not size:
                    raise Damaged("a sealed file ends too early", reason="short")

    def take(self, size: int) -> bytearray:
        """Return the next `size` bytes."""
        taken = bytearray(size)
        self.into(taken)
        return taken

    def end(self) -> None:
        """Raise Damaged unless everything has been read."""
        if not self._number:
            self._held = memoryview(self._open)[: self._next(None)]
        if self._rest or len(self._held):
            raise Damaged("a sealed file is longer than its content", reason="long")

    def _next(self, target: memoryview | None) -> int:
        size = min(self._rest, CHUNK + TAG)
        if size < TAG:
            return 0
        sealed = memoryview(self._sealed)[:size]
        with files.failing("read a sealed file"):
            if self._file.readinto(sealed) != size:  # type: ignore[attr-defined]
                raise Damaged("a sealed file became shorter", reason="short")
        self._rest -= size
        if size == TAG and self._number:
            raise Damaged("a sealed file ends with a chunk of nothing", reason="seal")
        nonce = _nonce(self._number, last=self._rest == 0)
        opened = memoryview(self._open)[: size - TAG] if target is None else target
        try:
            self._cipher.decrypt_into(nonce, sealed, self._purpose, opened)
        except InvalidTag:
            raise Damaged("a sealed file is not what the vault wrote", reason="seal") from None
        self._number += 1
        return size - TAG


def bound(vault_id: str, name: str) -> bytes:
    """Return what a file is sealed for: its vault and its own name, both in hexadecimal."""
    return b"ownvault/v1/index/file\0" + bytes.fromhex(vault_id) + bytes.fromhex(name)


def _cipher(key: bytearray, salt: bytes) -> AESGCM:
    own = keys.derive(key, "ownvault/v1/index/file", salt)
    try:
        return AESGCM(own)
    finally:
        keys.wipe(own)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class Files:
    """The directory of a vault's sealed files. A name is given once and never again, so it means one content for ever:
    who names a file can be shown no other, older one in its place. Thread-safe."""

    def __init__(self, directory: Path, key: bytearray, vault_id: str) -> None:
        self._directory, self._key, self._vault_id = directory / DIRECTORY, bytearray(key), vault_id

    def write(self, pieces: Iterable[Any], size: int) -> str:
        """Seal content of `size` bytes into a new file and return its name, when it is on the disk.

        StorageFailed when it cannot be written, or when less than `SPARE` would be left; then nothing stays.
        """
        self._prepare(size)
        name = secrets.token_hex(16)
        path = self._directory / name
        with files.failing("write a sealed file"):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            try:
                with os.fdopen(fd, "wb") as file:
                    seal(file, pieces, self._key, bound(self._vault_id, name), secrets.token_bytes(SALT))
                    file.flush()
                    files.sync(file.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            files.sync_directory(self._directory)
        return name

    @contextmanager
    def read(self, name: str) -> Iterator[Reader]:
        """Open a file inside the block. FileNotFoundError when there is none, Damaged, StorageFailed.

        Leaving the block without an error proves that all of it was read.
        """
        path = self._directory / name
        size = files.regular(path).st_size
        with files.failing("read a sealed file"):
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb", buffering=READ) as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
            reader = Reader(file, size, self._key, bound(self._vault_id, name))
            yield reader
            reader.end()

    def drop(self, name: str) -> None:
        """Remove a file; none is nothing to remove."""
        with contextlib.suppress(OSError):
            (self._directory / name).unlink(missing_ok=True)

    def sweep(self, keep: Iterable[str]) -> None:
        """Remove every sealed file but these."""
        kept = set(keep)
        with contextlib.suppress(OSError):
            for path in self._directory.iterdir():
                if _NAME.fullmatch(path.name) and path.name not in kept:
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        """Wipe the key."""
        keys.wipe(self._key)

    def _prepare(self, size: int) -> None:
        with files.failing("write a sealed file"):
            if not self._directory.exists():
                self._directory.mkdir(mode=0o700)
            if self._directory.is_symlink() or not self._directory.is_dir():
                raise Damaged(f"{DIRECTORY} is not a directory", reason="not_a_directory")
            files.private(self._directory)
            mark = self._directory / "CACHEDIR.TAG"
            if not mark.exists():
                files.replace(mark, MARK)  # so that backups leave it out
            room = os.statvfs(self._directory)
        if room.f_bavail * room.f_frsize < size + SPARE:
            raise StorageFailed("there is no room on the disk for a snapshot", reason="no_room")
