"""An open database: settings, fence, reading, group commit, closing."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import NOW, Place
from vault.errors import Damaged, Locked, Missing, StorageFailed, VaultExists
from vault.store import cipher, records, schema
from vault.store.database import EMPTY_TREE, Database
from vault.types import Connection


def remember(key: str, value: str = "") -> Any:
    return lambda conn: records.set_setting(conn, key, value)


def remembered(db: Database) -> dict[str, str]:
    with db.read() as conn:
        return dict(conn.execute("SELECT key, value FROM setting").fetchall())


def pragma(db: Database, name: str) -> Any:
    """Read a PRAGMA of the writer's connection, past the fence."""
    return db._writer.submit(lambda conn: conn.execute(f"PRAGMA {name}").fetchone()[0], alone=True).result()


# ---------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1), ("temp_store", 2), ("foreign_keys", 1),
        ("trusted_schema", 0), ("journal_size_limit", cipher.WAL_LIMIT), ("cipher_memory_security", "0"),
        ("auto_vacuum", 0),
        ("cipher_log_level", "NONE"), ("cipher_page_size", "4096"), ("user_version", len(schema.migrations())),
    ],
)  # fmt: skip
def test_the_writer_runs_with_the_settings_of_the_rules(db: Database, setting: str, value: object) -> None:
    assert pragma(db, setting) == value


def test_readers_run_with_the_same_settings(place: Place) -> None:
    link, fence = cipher.connect(place.directory / cipher.NAME, place.key, reader=True)
    with fence.lifted():
        for name, _, value in cipher._SETTINGS:
            assert link.execute(f"PRAGMA {name}").fetchone()[0] == value
        assert link.execute("PRAGMA query_only").fetchone()[0] == 1
    link.close()


FORBIDDEN = [
    "PRAGMA cipher_hmac_pgno = be",
    "PRAGMA user_version",
    "PRAGMA key = 'x'",
    "PRAGMA rekey = 'x'",
    "PRAGMA secure_delete = OFF",
    "PRAGMA temp_store = FILE",
    "ATTACH DATABASE 'plain.db' AS plain KEY ''",
    "ATTACH DATABASE ':memory:' AS plain",
    "DETACH DATABASE main",
    "VACUUM INTO 'copy.db'",
    "SELECT load_extension('x')",
    "SELECT sqlcipher_export('main')",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_fence_denies(db: Database, statement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(cipher.Error), db.read() as conn:
        conn.execute(statement).fetchall()
    with pytest.raises(cipher.Error):
        db.write(lambda conn: conn.execute(statement).fetchall())
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    db.write(remember("still", "works"))
    assert remembered(db) == {"still": "works"}


def test_the_fence_is_what_denies(place: Place) -> None:
    """The control: without it the same statements go through."""
    link, fence = cipher.connect(place.directory / cipher.NAME, place.key)
    with fence.lifted():
        assert link.execute("PRAGMA user_version").fetchone()[0] == len(schema.migrations())
        link.execute("ATTACH DATABASE ':memory:' AS plain KEY ''")
    link.close()


def test_readers_cannot_write(db: Database) -> None:
    with pytest.raises(StorageFailed), db.read() as conn:
        records.set_setting(conn, "a", "b")
    assert remembered(db) == {}


def test_the_key_text_is_wiped_and_the_key_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[bytearray] = []
    build = cipher._raw_key
    monkeypatch.setattr(cipher, "_raw_key", lambda key: texts.append(build(key)) or texts[-1])
    db = place.open()
    remembered(db)
    db.close()
    assert len(texts) == 2
    assert all(text == bytes(67) for text in texts)
    assert build(place.key) == b"x'" + bytes(place.key).hex().encode() + b"'"
    assert db._key == bytes(32)
    assert place.key == bytes(range(32))  # the caller's own is the caller's to wipe


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_key_of_another_size_is_never_taken_for_a_passphrase(place: Place, size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        cipher.connect(place.directory / cipher.NAME, bytearray(size))


# ---------------------------------------------------------------- reading and writing


def test_a_new_database_is_at_commit_zero_with_an_empty_tree(place: Place) -> None:
    db = place.open()
    assert db.head == (0, EMPTY_TREE)
    db.write(remember("a", "b"))
    assert db.head == (1, EMPTY_TREE)
    assert remembered(db) == {"a": "b"}
    with pytest.raises(VaultExists):
        place.create()


def test_the_head_follows_the_audit_root(place: Place) -> None:
    root = bytes(range(32))
    db = place.open()
    db.write(lambda conn: conn.execute("UPDATE vault SET audit_head = ?", (root,)))
    assert db.head == (1, root)
    db.close()
    assert place.open().head == (1, root)


def test_a_read_sees_one_state(db: Database) -> None:
    db.write(remember("a", "old"))
    with db.read() as conn:
        assert records.setting(conn, "a") == "old"
        db.write(remember("a", "new"))
        assert records.setting(conn, "a") == "old"
        assert remembered(db) == {"a": "new"}
    assert remembered(db) == {"a": "new"}


def test_readers_are_reused_and_never_shared(db: Database) -> None:
    with ExitStack() as stack:
        links = [stack.enter_context(db.read()) for _ in range(20)]
        assert len(set(map(id, links))) == 20
    assert len(db._idle) == 16
    with db.read() as conn:
        assert any(conn is link for link in links)


def test_failing_work_is_undone_alone_and_raises_its_own_error(db: Database) -> None:
    def failing(conn: Connection) -> None:
        records.set_setting(conn, "half", "done")
        raise LookupError("of its own")

    with pytest.raises(LookupError, match="of its own"):
        db.write(failing)
    assert remembered(db) == {}
    assert db.head.counter == 0  # nothing happened, so nothing is counted


def together(db: Database, *works: Any) -> list[Future[Any]]:
    """Run works in one commit: they queue up behind one that waits for them."""
    gate, inside = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        inside.set()
        assert gate.wait(20)

    first = db.submit(hold)
    assert inside.wait(20)
    waiting = [db.submit(work) for work in works]
    gate.set()
    first.result()
    return waiting


def test_waiting_work_shares_a_commit_and_one_failure_hurts_nobody_else(db: Database) -> None:
    def failing(conn: Connection) -> None:
        records.set_setting(conn, "b", "2")
        raise LookupError

    def wrong(conn: Connection) -> None:
        records.set_setting(conn, "c", "3")
        conn.execute("INSERT INTO setting (key, value) VALUES ('c', 'again')")

    a, b, c, d = together(db, remember("a", "1"), failing, wrong, remember("d", "4"))
    a.result()
    d.result()
    with pytest.raises(LookupError):
        b.result()
    with pytest.raises(cipher.Error):
        c.result()
    assert remembered(db) == {"a": "1", "d": "4"}
    assert db.head.counter == 2  # the one that held the door, and the four together


def test_a_failing_commit_fails_all_of_it(db: Database) -> None:
    db.write(
        lambda conn: conn.execute(
            "CREATE TABLE late (n INTEGER PRIMARY KEY, up INTEGER REFERENCES late (n) DEFERRABLE INITIALLY DEFERRED)"
        )
    )
    before = db.head
    works = together(
        db, remember("a", "1"), lambda conn: conn.execute("INSERT INTO late VALUES (1, 99)"), remember("b")
    )
    for work in works:
        with pytest.raises(StorageFailed):
            work.result()
    assert remembered(db) == {}
    assert db.head.counter == before.counter + 1
    db.write(remember("after", "wards"))
    assert remembered(db) == {"after": "wards"}


def test_work_that_ends_the_transaction_itself_fails(db: Database) -> None:
    with pytest.raises(StorageFailed):
        db.write(lambda conn: conn.execute("ROLLBACK"))
    db.write(remember("a", "1"))
    assert remembered(db) == {"a": "1"}


def test_work_cannot_wait_for_work(db: Database) -> None:
    with pytest.raises(RuntimeError):
        db.write(lambda conn: db.write(remember("a")))


def test_many_threads_all_get_through(db: Database) -> None:
    def loop(who: int) -> None:
        for n in range(25):
            assert db.write(lambda conn, n=n: records.set_setting(conn, f"{who}-{n}", "") or n) == n

    threads = [threading.Thread(target=loop, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(remembered(db)) == 200
    assert db.head.counter <= 200


def test_cancelled_work_is_not_done(db: Database) -> None:
    gate, inside = threading.Event(), threading.Event()
    db_first = db.submit(lambda conn: (inside.set(), gate.wait(20)))
    assert inside.wait(20)
    waiting = db.submit(remember("a"))
    assert waiting.cancel()
    gate.set()
    db_first.result()
    assert remembered(db) == {}


# ---------------------------------------------------------------- closing


def test_close_finishes_what_is_queued_and_leaves_one_file(place: Place) -> None:
    db = place.open()
    futures = [db.submit(remember(str(n))) for n in range(50)]
    db.close()
    assert all(future.done() and future.exception() is None for future in futures)
    db.close()
    assert sorted(place.files()) == ["ballast", "head", "vault.db"]
    with pytest.raises(Locked), db.read():
        pass
    with pytest.raises(Locked):
        db.write(remember("a"))
    assert len(remembered(place.open())) == 50


def test_close_ends_a_reader_that_would_not_end(place: Place) -> None:
    db = place.open()
    inside, errors = threading.Event(), []

    def endless() -> None:
        try:
            with db.read() as conn:
                inside.set()
                conn.execute(
                    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
                ).fetchall()
        except Locked as error:
            errors.append(error)

    thread = threading.Thread(target=endless)
    thread.start()
    assert inside.wait(20)
    db.close()
    thread.join(20)
    assert len(errors) == 1


def test_a_checkpoint_empties_the_wal_unless_a_reader_needs_it(place: Place) -> None:
    db = place.open()
    wal = place.directory / f"{cipher.NAME}-wal"
    with db.read() as conn:
        assert records.setting(conn, "a") is None
        db.write(remember("a", "1"))
        assert not db.checkpoint()
        assert wal.stat().st_size > 0
        assert records.setting(conn, "a") is None
    assert db.checkpoint()
    assert wal.stat().st_size == 0
    assert remembered(db) == {"a": "1"}
    assert pragma(db, "busy_timeout") == cipher.BUSY_S * 1000


def test_check_finds_a_sound_database_sound_and_a_damaged_one_not(place: Place) -> None:
    db = place.open()
    db.write(lambda conn: [records.set_setting(conn, str(n), "x" * 500) for n in range(200)] and None)
    assert db.check() == ()
    db.close()
    path = place.directory / cipher.NAME
    content = bytearray(path.read_bytes())
    content[-3000] ^= 1
    path.write_bytes(content)
    db = place.open()
    try:
        found = db.check()
    except Damaged:
        found = ("raised",)
    assert found


# ---------------------------------------------------------------- migrations


def test_migrations_are_numbered_without_gaps(tmp_path: Path) -> None:
    steps = schema.migrations()
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    (tmp_path / "0001_a.sql").write_text("SELECT 1;")
    (tmp_path / "0003_c.sql").write_text("SELECT 1;")
    with pytest.raises(Missing, match="not complete"):
        schema.migrations(tmp_path)
    (tmp_path / "0002_b.sql").write_text("SELECT 1;")
    assert [step.name for step in schema.migrations(tmp_path)] == ["0001_a", "0002_b", "0003_c"]
    (tmp_path / "notes.sql").write_text("")
    with pytest.raises(Missing, match="not complete"):
        schema.migrations(tmp_path)


def test_statements_are_split_where_they_end() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n DELETE FROM a;\nEND; -- done\n"
    table = "-- a; comment\nCREATE TABLE a (x TEXT DEFAULT ';');\n"
    assert list(schema.statements(table + trigger)) == [table, trigger]
    with pytest.raises(Missing, match="inside a statement"):
        list(schema.statements("CREATE TABLE a (x)"))


def test_a_later_migration_is_applied_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.open().close()
    second = schema.Migration(
        len(schema.migrations()) + 1,
        "next",
        "CREATE TABLE extra (x TEXT) STRICT;\nINSERT INTO extra VALUES ('kept');\n",
    )
    steps = (*schema.migrations(), second)
    monkeypatch.setattr(schema, "migrations", lambda: steps)
    for _ in range(2):
        db = place.open()
        with db.read() as conn:
            assert conn.execute("SELECT x FROM extra").fetchall() == [("kept",)]
        assert db.head.counter == 1
        db.close()


def test_a_failing_migration_leaves_the_old_schema(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    db = place.open()
    db.write(remember("a", "1"))
    db.close()
    bad = schema.Migration(2, "bad", "CREATE TABLE extra (x TEXT) STRICT;\nINSERT INTO absent VALUES (1);\n")
    with monkeypatch.context() as patch:
        steps = (schema.migrations()[0], bad)
        patch.setattr(schema, "migrations", lambda: steps)
        with pytest.raises(cipher.Error):
            place.open()
    db = place.open()
    assert remembered(db) == {"a": "1"}
    with pytest.raises(cipher.Error), db.read() as conn:
        conn.execute("SELECT * FROM extra")


def test_a_newer_schema_is_refused(place: Place) -> None:
    db = place.open()
    db._writer.submit(lambda conn: conn.execute("PRAGMA user_version = 99").fetchall(), alone=True).result()
    db.close()
    with pytest.raises(Damaged) as refused:
        place.open()
    assert refused.value.reason == "newer_version"
    assert "upgrade" in refused.value.hint


def test_creation_time_is_kept(db: Database) -> None:
    with db.read() as conn:
        assert conn.execute("SELECT created, id FROM vault").fetchall() == [
            (int(NOW.timestamp()) * 1_000_000, "00112233445566778899aabbccddeeff")
        ]
