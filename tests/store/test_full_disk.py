"""A full disk: nothing acknowledged is lost, and the owner can still open, read and revoke."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.store.conftest import Place
from vault.store.ballast import SIZE, Ballast

ROOT = Path(__file__).parents[2]

FULL = """
    import os, sys
    from pathlib import Path
    from vault.errors import StorageFailed
    from vault.store import records
    from vault.store.database import Database
    from datetime import UTC, datetime

    place, filler = Path(sys.argv[1]) / "vault", Path(sys.argv[1]) / "filler"
    keys = bytearray(range(32)), "ff" * 16, bytearray(range(32, 64))

    def note(key, size=1):
        return lambda conn: records.set_setting(conn, key, "x" * size)

    def keys_of(db):
        with db.read() as conn:
            return {key for key, in conn.execute("SELECT key FROM setting")}

    def fill():
        with open(filler, "ab", buffering=0) as file:
            size = 2**20
            while size:
                try:
                    if file.write(bytes(size)) < size:
                        size //= 2
                except OSError:
                    size //= 2

    def refused(work):
        try:
            db.write(work)
        except StorageFailed as error:
            return error
        raise AssertionError("the disk is not full")

    place.mkdir(mode=0o700)
    Database.create(place, *keys[:2], datetime(2026, 1, 1, tzinfo=UTC))
    db = Database.open(place, *keys)
    db.write(note("before", 100_000))
    assert (place / "ballast").stat().st_size == 4 * 2**20

    # the disk fills up while the vault is open
    fill()
    refused(note("large", 3_000_000))
    assert keys_of(db) == {"before"}
    assert (place / "ballast").exists()
    db.write(note("revoked", 200_000), urgent=True)
    assert not (place / "ballast").exists()
    assert "full" in refused(note("small")).message
    assert keys_of(db) == {"before", "revoked"}
    db.close()
    assert not (place / "vault.db-wal").exists()

    # room again: the ballast comes back, work goes on
    filler.unlink()
    db = Database.open(place, *keys)
    db.write(note("between"))
    assert (place / "ballast").exists()
    db.close()

    # a closed vault on a full disk
    fill()
    db = Database.open(place, *keys)
    assert not (place / "ballast").exists()
    assert keys_of(db) == {"before", "revoked", "between"}
    fill()
    refused(note("more"))
    filler.unlink()
    db.write(note("after"))
    db.close()
    assert (place / "ballast").exists()
    db = Database.open(place, *keys)
    assert keys_of(db) == {"before", "revoked", "between", "after"}
    assert db.check() == ()
    db.close()
    print("held")
"""


def on_a_small_disk(directory: Path, program: str) -> str:
    """Run `program` over a 24 MB disk of its own, in a mount namespace that ends with it; skip where not allowed."""
    mount = 'mount -t tmpfs -o size=24m small "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "sh", "-c"]
    allowed = (
        sys.platform == "linux"
        and not subprocess.run(
            [*command, 'mount -t tmpfs -o size=1m small "$1"', "sh", directory], check=False, capture_output=True
        ).returncode
    )
    if not allowed:
        pytest.skip("no small file system can be mounted here; the test of refused writes runs all the same")
    done = subprocess.run(
        [*command, mount, "sh", directory, sys.executable, textwrap.dedent(program)],
        check=False, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_full_disk_keeps_nobody_from_opening_reading_and_revoking(tmp_path: Path) -> None:
    assert on_a_small_disk(tmp_path, FULL) == "held\n"


def test_writes_that_the_system_refuses_lose_nothing(place: Place) -> None:
    """No file may grow past its size: every write fails in the middle of its I/O (EFBIG), as on a failing disk."""
    program = """
        import resource, sys
        from pathlib import Path
        from vault.errors import StorageFailed
        from vault.store import records
        from vault.store.database import Database
        keys = bytearray(range(32)), sys.argv[2], bytearray(range(32, 64))
        place = Path(sys.argv[1])
        acknowledged = set()
        for round in range(12):
            db = Database.open(place, *keys)
            for n in range(20):
                if n == 5:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000 + 9_000 * round, resource.RLIM_INFINITY))
                key = f"{round}-{n}"
                try:
                    db.write(lambda conn: records.set_setting(conn, key, "x" * 4000))
                    acknowledged.add(key)
                except StorageFailed:
                    refused = True
                with db.read() as conn:
                    rows = {row for row, in conn.execute("SELECT key FROM setting")}
                assert acknowledged <= rows
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            db.write(lambda conn: records.set_setting(conn, f"{round} again", ""))
            acknowledged.add(f"{round} again")
            db.close()
        db = Database.open(place, *keys)
        with db.read() as conn:
            assert acknowledged <= {row for row, in conn.execute("SELECT key FROM setting")}
        assert db.check() == ()
        db.close()
        assert refused
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), place.directory, place.vault_id], check=True, cwd=ROOT
    )


def test_opening_is_enough_to_have_ballast(place: Place) -> None:
    assert not Ballast(place.directory).held
    place.open()
    assert Ballast(place.directory).held


def test_the_ballast_is_there_or_not(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path)
    assert not ballast.held
    assert not ballast.release()
    assert ballast.restore()
    assert ballast.held
    content = (tmp_path / "ballast").read_bytes()
    assert len(content) == SIZE
    assert len(set(content[i : i + 4096] for i in range(0, SIZE, 4096))) == SIZE // 4096
    assert ballast.restore()
    assert (tmp_path / "ballast").read_bytes() == content
    assert ballast.release()
    assert not ballast.held
    (tmp_path / "ballast").write_bytes(b"short")
    assert not ballast.held
    assert ballast.restore()
