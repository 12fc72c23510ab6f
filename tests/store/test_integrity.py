"""What is not what the vault wrote is refused: damage, truncation, older copies, lost WAL, somebody else's files."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.store.conftest import NOW, Place
from vault.errors import Damaged, NoVault, RolledBack, VaultError
from vault.store import cipher, head, records
from vault.store.database import Database
from vault.types import Connection

ROOT = Path(__file__).parents[2]
PAGE = 4096


def note(key: str, value: str = "") -> Callable[[Connection], None]:
    return lambda conn: records.set_setting(conn, key, value)


def fill(db: Database, rows: int = 60) -> None:
    db.write(lambda conn: [records.set_setting(conn, f"{n:04}", f"{n} " * 300) for n in range(rows)] and None)


def everything(place: Place) -> dict[str, str]:
    """Open, read all, close."""
    db = place.open()
    try:
        with db.read() as conn:
            return dict(conn.execute("SELECT key, value FROM setting").fetchall())
    finally:
        db.close()


@pytest.fixture
def filled(place: Place) -> Place:
    db = place.open()
    fill(db)
    db.close()
    return place


# ---------------------------------------------------------------- never a new vault


def test_a_missing_database_is_damage_and_nothing_is_made(filled: Place) -> None:
    (filled.directory / cipher.NAME).unlink()
    before = filled.files()
    with pytest.raises(Damaged):
        filled.open()
    assert filled.files() == before


def test_a_database_that_vanishes_while_it_is_opened_is_not_made_anew(
    filled: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the look whether it is there: `mode=rw` is what then keeps SQLite from creating one."""
    (filled.directory / cipher.NAME).unlink()
    monkeypatch.setattr(cipher, "_there", lambda path: None)
    with pytest.raises(VaultError):
        cipher.connect(filled.directory / cipher.NAME, filled.key)
    assert not (filled.directory / cipher.NAME).exists()


def test_an_empty_database_is_damage(filled: Place) -> None:
    path = filled.directory / cipher.NAME
    path.write_bytes(b"")
    with pytest.raises(Damaged):
        filled.open()
    assert path.read_bytes() == b""


def test_a_plaintext_database_is_damage(filled: Place) -> None:
    path = filled.directory / cipher.NAME
    path.unlink()
    plain = sqlite3.connect(path)
    plain.execute("CREATE TABLE vault (id TEXT)")
    plain.commit()
    plain.close()
    with pytest.raises(Damaged):
        filled.open()


@pytest.mark.parametrize("name", ["vault.db", "vault.db-wal", "vault.db-shm", "head", "ballast"])
def test_links_in_the_place_of_files_are_refused(filled: Place, name: str, tmp_path: Path) -> None:
    path = filled.directory / name
    target = tmp_path / "target"
    if path.exists():
        path.rename(target)
    else:
        target.write_bytes(b"")
    path.symlink_to(target)
    with pytest.raises(Damaged):
        filled.open()


def test_another_key_is_damage(filled: Place) -> None:
    with pytest.raises(Damaged):
        Database.open(filled.directory, bytearray(32), filled.vault_id, filled.head_key)


def test_another_vaults_database_is_refused(filled: Place) -> None:
    with pytest.raises(Damaged) as refused:
        Database.open(filled.directory, filled.key, "ff" * 16, filled.head_key)
    assert refused.value.reason == "foreign_database"


# ---------------------------------------------------------------- damage


def test_truncation_at_every_page_is_noticed(filled: Place) -> None:
    path = filled.directory / cipher.NAME
    good = filled.files()
    pages = len(good[cipher.NAME]) // PAGE
    assert pages > 20
    for keep in range(pages):
        filled.restore(good | {cipher.NAME: good[cipher.NAME][: keep * PAGE]})
        with pytest.raises(Damaged):
            everything(filled)
    filled.restore(good)
    assert len(everything(filled)) == 60
    assert path.exists()


def test_random_damage_gives_an_error_or_the_same_rows(filled: Place) -> None:
    good = filled.files()
    right = everything(filled)
    dice = random.Random(7)
    refused = 0
    for _ in range(150):
        content = bytearray(good[cipher.NAME])
        at = dice.randrange(len(content))
        kind = dice.choice(["bit", "run", "zero", "swap", "append", "cut"])
        if kind == "bit":
            content[at] ^= 1 << dice.randrange(8)
        elif kind == "run":
            content[at : at + 64] = dice.randbytes(len(content[at : at + 64]))
        elif kind == "zero":
            content[at // 512 * 512 : at // 512 * 512 + 512] = bytes(512)
        elif kind == "swap":
            a, b = at // PAGE * PAGE, dice.randrange(len(content) // PAGE) * PAGE
            content[a : a + PAGE], content[b : b + PAGE] = content[b : b + PAGE], content[a : a + PAGE]
        elif kind == "append":
            content += dice.randbytes(dice.randrange(1, 9000))
        else:
            del content[at:]
        filled.restore(good | {cipher.NAME: bytes(content)})
        try:
            assert everything(filled) == right
        except VaultError:
            refused += 1
    assert refused > 50  # the control: damage is seen, and not only in pages that nobody reads


def test_after_one_damaged_page_nothing_is_answered_until_it_is_opened_again(filled: Place) -> None:
    path = filled.directory / cipher.NAME
    content = bytearray(path.read_bytes())
    content[-PAGE + 100] ^= 1
    path.write_bytes(content)
    db = filled.open()
    with db.read() as conn:
        assert conn.execute("SELECT count(*) FROM vault").fetchall() == [(1,)]
    with pytest.raises(Damaged), db.read() as conn:
        conn.execute("SELECT sum(length(value)) FROM setting").fetchall()
    with pytest.raises(Damaged), db.read() as conn:
        conn.execute("SELECT count(*) FROM vault").fetchall()
    with pytest.raises(Damaged):
        db.write(note("a"))
    db.close()
    db = filled.open()
    with pytest.raises(Damaged):
        db.write(lambda conn: conn.execute("UPDATE setting SET value = value || 'x'"))
    with pytest.raises(Damaged):
        db.write(note("a"))


# ---------------------------------------------------------------- older copies


def test_an_older_database_is_noticed(filled: Place) -> None:
    older = filled.files()
    db = filled.open()
    db.write(note("later"))
    db.close()
    newer = filled.files()
    filled.restore(newer | {cipher.NAME: older[cipher.NAME]})
    with pytest.raises(RolledBack):
        filled.open()
    with pytest.raises(RolledBack):  # asking again changes nothing
        filled.open()
    filled.restore(newer)
    assert "later" in everything(filled)


def test_the_owner_can_accept_an_older_database(filled: Place) -> None:
    older = filled.files()
    db = filled.open()
    for n in range(3):
        db.write(note(f"later {n}"))
    db.close()
    filled.restore(filled.files() | {cipher.NAME: older[cipher.NAME]})
    db = filled.open(accept_older=True)
    assert db.head.counter == 1
    db.close()
    db = filled.open()
    db.write(note("from here"))
    db.close()
    assert "from here" in everything(filled)


def test_another_history_of_the_same_length_is_noticed(filled: Place) -> None:
    start = filled.files()
    ends = []
    for root in (bytes(32), bytes(range(32))):
        filled.restore(start)
        db = filled.open()
        db.write(lambda conn, root=root: conn.execute("UPDATE vault SET audit_head = ?", (root,)))
        db.close()
        ends.append(filled.files())
    filled.restore(ends[0] | {cipher.NAME: ends[1][cipher.NAME]})
    with pytest.raises(RolledBack):
        filled.open()


def test_an_older_head_is_what_a_crash_leaves(filled: Place) -> None:
    older = filled.files()[head.NAME]
    db = filled.open()
    db.write(note("later"))
    db.close()
    (filled.directory / head.NAME).write_bytes(older)
    db = filled.open()
    assert db.head.counter == 2
    db.close()
    assert (filled.directory / head.NAME).read_bytes() != older


@pytest.mark.parametrize("content", [None, b"", bytes(8192)])
def test_a_lost_head_is_noticed(filled: Place, content: bytes | None) -> None:
    path = filled.directory / head.NAME
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Damaged):
        filled.open()


WRITER = """
    import sys
    from pathlib import Path
    from vault.store import records
    from vault.store.database import Database
    db = Database.open(Path(sys.argv[1]), bytearray(range(32)), sys.argv[2], bytearray(range(32, 64)))
    n = int(sys.argv[3])
    while True:
        def work(conn, n=n):
            records.set_setting(conn, f"a{n}", "canary-Quokka-7319")
            records.set_setting(conn, f"b{n}", str(n))
        db.write(work)
        print(n, flush=True)
        n += 1
"""


def killed(place: Place, start: int, after: int) -> int:
    """Write in a process of its own, kill it in the middle, and return the last row it had acknowledged."""
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(place.directory), place.vault_id, str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout
        acknowledged = [int(next(child.stdout)) for _ in range(after)]
        child.kill()
        acknowledged += [int(line) for line in child.stdout if line.endswith("\n")]
    return acknowledged[-1]


def test_a_removed_or_cut_wal_is_noticed(place: Place) -> None:
    last = killed(place, 1, 12)
    files = place.files()
    wal = files.pop(f"{cipher.NAME}-wal")
    for cut in (0, 32, len(wal) // 3, len(wal) // 2, None):
        place.restore(files | ({} if cut is None else {f"{cipher.NAME}-wal": wal[:cut]}))
        with pytest.raises(RolledBack):
            place.open()
    place.restore(files | {f"{cipher.NAME}-wal": wal})
    assert f"b{last}" in everything(place)


@pytest.mark.slow
def test_a_killed_writer_loses_nothing_it_acknowledged(place: Place) -> None:
    dice, last = random.Random(11), 0
    for _ in range(24):
        last = killed(place, last + 1, dice.randrange(1, 30))
        rows = everything(place)
        for n in range(1, last + 1):
            assert rows[f"b{n}"] == str(n)
        extra = {int(key[1:]) for key in rows} - set(range(1, last + 1))
        assert len(extra) <= 1  # committed, but killed before it could say so
        assert all((f"a{n}" in rows) == (f"b{n}" in rows) for n in extra)
        last = max({last} | extra)
    db = place.open()
    assert db.check() == ()


# ---------------------------------------------------------------- what lies on the disk


def test_no_content_lies_on_the_disk_in_clear(place: Place) -> None:
    canary = b"canary-Quokka-7319"
    killed(place, 1, 5)  # database, WAL and shared memory as a kill leaves them
    files = place.files()
    assert {"vault.db", "vault.db-wal", "vault.db-shm", "head"} <= files.keys()
    assert not [name for name, content in files.items() if canary in content]
    assert canary.decode() in everything(place).values()
    plain = sqlite3.connect(place.directory / "control.db")  # the control: the search would see one
    plain.execute("CREATE TABLE t (x)")
    plain.execute("INSERT INTO t VALUES (?)", (canary.decode(),))
    plain.commit()
    plain.close()
    assert canary in (place.directory / "control.db").read_bytes()


def plaintext(place: Place) -> bytes:
    """Decrypt the database file page by page, as somebody with the key could: freed pages and slack included."""
    content, out = (place.directory / cipher.NAME).read_bytes(), b""
    for at in range(0, len(content), PAGE):
        page = content[at + (16 if at == 0 else 0) : at + PAGE]  # page 1 begins with the salt
        body, iv = page[:-80], page[-80:-64]
        decryptor = Cipher(algorithms.AES256(bytes(place.key)), modes.CBC(iv)).decryptor()
        out += decryptor.update(body) + decryptor.finalize()
    return out


@pytest.mark.parametrize("secure", ["OFF", "ON"])
def test_what_is_forgotten_is_gone_from_inside_the_file(place: Place, secure: str) -> None:
    """Not only unreachable. The control: without `secure_delete` it is still there."""
    db = place.open()
    db._writer.submit(lambda conn: conn.execute(f"PRAGMA secure_delete = {secure}").fetchall(), alone=True).result()
    db.write(note("forgotten", "canary-Quokka-7319 " * 2000))
    db.checkpoint()
    assert b"canary-Quokka-7319" in plaintext(place)
    db.write(lambda conn: conn.execute("DELETE FROM setting WHERE key = 'forgotten'"), urgent=True)
    db.checkpoint()
    assert (b"canary-Quokka-7319" in plaintext(place)) == (secure == "OFF")
    assert (place.directory / f"{cipher.NAME}-wal").stat().st_size == 0


def test_the_same_content_is_encrypted_differently_each_time(tmp_path: Path) -> None:
    pages: list[set[bytes]] = []
    for name in ("a", "b"):
        place = Place(tmp_path / name).create()
        db = place.open()
        fill(db)
        db.close()
        content = place.files()[cipher.NAME]
        pages.append({content[i : i + PAGE] for i in range(0, len(content), PAGE)})
    assert len(pages[0]) == len(pages[1]) > 20
    assert pages[0].isdisjoint(pages[1])


def test_files_are_ours_alone_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        place = Place(tmp_path / "vault")
        place.directory.mkdir(mode=0o755)
        db = place.create().open()
        db.write(note("a"))
        modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in place.directory.iterdir()}
        db.close()
    finally:
        os.umask(before)
    assert modes.keys() == {"vault.db", "vault.db-wal", "vault.db-shm", "head", "ballast"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(place.directory.stat().st_mode) == 0o700


def test_what_a_restore_left_open_to_others_is_closed(filled: Place) -> None:
    filled.directory.chmod(0o755)
    (filled.directory / "keyslots.json").write_bytes(b"")
    for path in filled.directory.iterdir():
        path.chmod(0o644)
    filled.open().close()
    assert stat.S_IMODE(filled.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in filled.directory.iterdir()} == {0o600}


def test_nothing_but_sqlite_opens_the_database(place: Place) -> None:
    """Every open() in the life of a vault, seen by the interpreter itself; the last line is the control."""
    program = """
        import sys
        seen = []
        sys.addaudithook(lambda event, args: seen.append(str(args[0])) if event == "open" else None)
        from pathlib import Path
        from vault.store import records
        from vault.store.database import Database
        place, id, key, other = Path(sys.argv[1]), sys.argv[2], bytearray(range(32)), bytearray(range(32, 64))
        for _ in range(2):
            db = Database.open(place, key, id, other)
            db.write(lambda conn: records.set_setting(conn, "a", "b"))
            with db.read() as conn:
                records.setting(conn, "a")
            db.check()
            db.checkpoint()
            db.close()
        assert any(path.endswith("head") for path in seen)
        assert not [path for path in seen if "vault.db" in path], seen
        (place / "vault.db").read_bytes()
        assert [path for path in seen if "vault.db" in path]
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), place.directory, place.vault_id], check=True, cwd=ROOT
    )


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_big_sort_writes_no_temporary_file(place: Place) -> None:
    """In the middle of a sort that does not fit into its cache. The control: kept in a file, it would show."""
    db = place.open()
    fill(db, 3000)
    db.close()
    shown = []
    for setting in ("temp_store = FILE", "temp_store = MEMORY"):
        link, fence = cipher.connect(place.directory / cipher.NAME, place.key)
        with fence.lifted():
            link.execute(f"PRAGMA {setting}")
            link.execute("PRAGMA cache_size = 10")
            rows = link.execute("SELECT value, key FROM setting ORDER BY substr(value, 3), key DESC")
            assert rows.fetchone()
            links = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
            shown.append([name for name in map(str, map(Path.readlink, links)) if "etilqs" in name])
        link.close()
    assert shown[0]
    assert not shown[1]


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoVault):
        Database.create(tmp_path / "absent", bytearray(32), "ff" * 16, NOW)
    with pytest.raises(NoVault):
        Database.open(tmp_path / "absent", bytearray(32), "ff" * 16, bytearray(32))
