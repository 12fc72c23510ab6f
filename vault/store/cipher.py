"""One keyed, fenced SQLCipher connection, and what its errors mean.

The only module that touches the driver, which has no types. Everything else sees a `Link`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlcipher3 import dbapi2

from vault.errors import Busy, Damaged, Locked, Missing, StorageFailed, VaultError
from vault.store import files, keys
from vault.types import Connection

_driver: Any = dbapi2
Error: type[Exception] = _driver.Error
"""Whatever the driver raises."""

NAME = "vault.db"
ENGINE = (3, 51, 3)
"""Oldest SQLite: before it two connections and a checkpoint could lose commits."""
BUSY_S = 5.0
"""Seconds to wait for another connection before Busy."""
WAL_LIMIT = 4 * 2**20
"""Bytes of WAL that stay on the disk after a checkpoint."""

_BEFORE_KEY = ("cipher_log_level = NONE", "cipher_memory_security = OFF")  # both count for the whole process
_SETTINGS: tuple[tuple[str, str, object], ...] = (
    ("synchronous", "FULL", 2),  # acknowledged means on the disk
    ("secure_delete", "ON", 1),  # forgotten text is overwritten inside its page
    ("temp_store", "MEMORY", 2),  # a temporary file would hold plaintext
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("journal_size_limit", str(WAL_LIMIT), WAL_LIMIT),
    ("fullfsync", "ON", 1),  # macOS; nothing elsewhere
    ("checkpoint_fullfsync", "ON", 1),
)
_DENIED = frozenset({_driver.SQLITE_PRAGMA, _driver.SQLITE_ATTACH, _driver.SQLITE_DETACH})
_DENIED_FUNCTIONS = frozenset({"load_extension", "sqlcipher_export"})


class Link(Connection, Protocol):
    """A connection as this package uses it."""

    @property
    def in_transaction(self) -> bool: ...
    def interrupt(self) -> None: ...
    def close(self) -> None: ...


class Fence:
    """The authorizer of one connection: no PRAGMA, no ATTACH, no extension. Lifted only by this package.

    PRAGMA can destroy the database (`cipher_hmac_pgno`), ATTACH can write a plaintext copy of it.
    """

    def __init__(self, link: Any) -> None:
        self._link, self._up = link, False

    def __call__(self, action: int, first: str | None, second: str | None, *_: object) -> int:
        denied = action in _DENIED or (action == _driver.SQLITE_FUNCTION and second in _DENIED_FUNCTIONS)
        return int(_driver.SQLITE_DENY if self._up and denied else _driver.SQLITE_OK)

    def raise_(self) -> None:
        """Put the fence up. Setting it anew makes SQLite ask again about statements prepared while it was down."""
        self._up = True
        self._link.set_authorizer(self)

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Let this package's own PRAGMAs through inside the block."""
        self._up = False
        try:
            yield
        finally:
            self.raise_()


def connect(path: Path, key: bytearray, *, create: bool = False, reader: bool = False) -> tuple[Link, Fence]:
    """Open the database and prove the key with a read. A missing or empty file is never a new database.

    `create` is for the one place that makes a new vault. `reader` cannot write.
    Raises Damaged (not there, empty, not what the key wrote), StorageFailed, Busy, Missing (engine too old).
    """
    if not create:
        _there(path)
    if len(key) != keys.SIZE:
        raise ValueError("a database key has 32 bytes")  # SQLCipher would take any other length as a passphrase
    mode = "rwc" if create else "rw"
    with told():
        link: Any = _driver.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_S, isolation_level=None,
            check_same_thread=False, cached_statements=256,
        )  # fmt: skip
        try:
            fence = Fence(link)
            _prepare(link, key)
            if reader:
                link.execute("PRAGMA query_only = ON").fetchall()
            fence.raise_()
        except BaseException:
            link.close()
            raise
    return link, fence


def _there(path: Path) -> None:
    try:
        size = files.regular(path).st_size
    except FileNotFoundError:
        raise Damaged(f"{path.name} is missing", reason="database_missing") from None
    if size == 0:
        raise Damaged(f"{path.name} is empty", reason="database_empty")


def _prepare(link: Any, key: bytearray) -> None:
    for setting in _BEFORE_KEY:
        link.execute(f"PRAGMA {setting}").fetchall()
    text = _raw_key(key)
    try:
        link.set_key(text)
    finally:
        keys.wipe(text)
    link.execute("SELECT count(*) FROM sqlite_schema").fetchall()  # a wrong key shows here and nowhere earlier
    wanted = [("journal_mode", "WAL", "wal"), *_SETTINGS]
    for name, value, _ in wanted:
        link.execute(f"PRAGMA {name} = {value}").fetchall()
    said = {name: link.execute(f"PRAGMA {name}").fetchone()[0] for name, _, _ in wanted}
    engine = tuple(int(part) for part in _driver.sqlite_version.split("."))
    if engine < ENGINE or said != {name: value for name, _, value in wanted}:
        raise Missing(f"SQLCipher with SQLite {_driver.sqlite_version} does not hold the vault's settings: {said}")


def _raw_key(key: bytearray) -> bytearray:
    """Return `x'<64 hex digits>'` without an immutable copy on the way: 32 bytes as they are, no key stretching."""
    digits = b"0123456789abcdef"
    text = bytearray(b"x'" + bytes(2 * len(key)) + b"'")
    for i, byte in enumerate(key):
        text[2 + 2 * i], text[3 + 2 * i] = digits[byte >> 4], digits[byte & 15]
    return text


# ---------------------------------------------------------------- errors

_PAGE_SAYS = "the database is damaged: a page is not what the vault wrote"
_MEANINGS: dict[int, Callable[[str], VaultError]] = {
    11: lambda name: Damaged(_PAGE_SAYS, reason=name),  # SQLITE_CORRUPT: a page whose HMAC fails, or a lost page
    26: lambda name: Damaged(_PAGE_SAYS, reason=name),  # SQLITE_NOTADB: the same of page 1, or another key
    5: lambda name: Busy("another program is using the database", reason=name),  # SQLITE_BUSY
    9: lambda name: Locked("the vault was locked meanwhile", reason=name),  # SQLITE_INTERRUPT: only close() does that
    13: lambda name: StorageFailed("the disk is full", reason=name),  # SQLITE_FULL
    10: lambda name: StorageFailed("the disk failed", reason=name),  # SQLITE_IOERR
    14: lambda name: StorageFailed("the database cannot be opened", reason=name),  # SQLITE_CANTOPEN
    8: lambda name: StorageFailed("the database cannot be written", reason=name),  # SQLITE_READONLY
    7: lambda name: StorageFailed("out of memory", reason=name),  # SQLITE_NOMEM
    3: lambda name: StorageFailed("the database is not ours to open", reason=name),  # SQLITE_PERM
}


def meaning(error: BaseException) -> VaultError | None:
    """Return what a driver's error says about the disk, the file or the lock; None when it is about the statement."""
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(error, Error) or not isinstance(code, int):
        return None
    found = _MEANINGS.get(code & 0xFF)
    return found(str(getattr(error, "sqlite_errorname", code)).lower()) if found else None


@contextmanager
def told() -> Iterator[None]:
    """Raise driver errors in the block as Damaged, StorageFailed, Busy or Locked; leave others as they are."""
    try:
        yield
    except Error as error:
        if said := meaning(error):
            raise said from error
        raise
