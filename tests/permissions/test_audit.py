"""The audit log on a real encrypted database: append, page, prove, erase; and every way to tamper is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from test_vectors import naive_root

from vault.errors import AuditFailed, BadRequest, NotFound
from vault.permissions import audit, checkpoint, entries, tree
from vault.types import AuditRequest, Entry

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SIGNER = checkpoint.Signer.from_seed(b"s" * 32, checkpoint.origin("0" * 32))
USUAL = Entry(NOW, "claude", "g-1", "search", "mcp", "allow", "ok", "dentist", ("r1", "r2"), {"hits": 2})


def salt(i: int) -> bytes:
    return hashlib.sha256(b"%d" % i).digest()


def filled(conn: Any, n: int = 11) -> Any:
    """Append n entries, and keep a checkpoint at 4 and at 7."""
    for i in range(n):
        client = "claude" if i % 3 else "cursor"
        receipt = audit.append(
            conn, replace(USUAL, time=NOW + timedelta(seconds=i), client=client, query=f"q{i}"), salt(i)
        )
        assert receipt.entry == i
        if i + 1 in (4, 7):
            audit.checkpoint(conn, SIGNER)
    return conn


def leaves(conn: Any) -> list[bytes]:
    return [leaf for (leaf,) in conn.execute("SELECT leaf FROM entry ORDER BY number")]


def test_the_tree_is_rfc_6962_at_every_size(conn: Any) -> None:
    for i in range(40):
        receipt = audit.append(conn, replace(USUAL, query=str(i)), salt(i))
        assert bytes.fromhex(receipt.leaf) == leaves(conn)[-1]
        assert (
            audit.root(conn) == naive_root(leaves(conn)) == conn.execute("SELECT audit_head FROM vault").fetchone()[0]
        )
        assert audit.verify(conn, audit.root(conn)).ok
    assert audit.size(conn) == 40


def test_an_entry_comes_back_as_it_was(conn: Any) -> None:
    odd = replace(USUAL, query="\ud83d \n \U0001f600", client="日記", detail={"a": [1, None, {"b": 0.5}]})
    audit.append(conn, odd, salt(0))
    (row,) = audit.page(conn, AuditRequest()).entries
    assert row.entry == replace(odd, query="\ufffd \n \U0001f600")
    assert audit.verify(conn).ok


def test_what_cannot_be_written_is_refused_whole(conn: Any) -> None:
    filled(conn, 3)
    with pytest.raises(AuditFailed):
        audit.append(conn, replace(USUAL, detail={"when": NOW}), salt(3))
    with pytest.raises(AuditFailed):
        audit.append(conn, USUAL, b"short")
    assert audit.size(conn) == 3
    conn.execute("DELETE FROM vault")
    conn.execute("BEGIN")
    with pytest.raises(AuditFailed):
        audit.append(conn, USUAL, salt(3))
    conn.execute("ROLLBACK")
    assert audit.size(conn) == 3


def test_one_transaction_or_nothing(conn: Any) -> None:
    filled(conn, 5)
    head = audit.root(conn)
    conn.execute("BEGIN IMMEDIATE")
    audit.append(conn, USUAL, salt(5))
    conn.execute("ROLLBACK")
    assert audit.root(conn) == head
    assert audit.verify(conn, head, SIGNER).ok


def test_page_is_newest_first(conn: Any) -> None:
    filled(conn)
    page = audit.page(conn, AuditRequest(limit=4))
    assert [row.number for row in page.entries] == [10, 9, 8, 7]
    assert page.size == 11
    assert [row.number for row in audit.page(conn, AuditRequest(limit=4, before=7)).entries] == [6, 5, 4, 3]
    assert [row.number for row in audit.page(conn, AuditRequest(client="cursor")).entries] == [9, 6, 3, 0]
    assert [row.number for row in audit.page(conn, AuditRequest(client="cursor", before=6, limit=1)).entries] == [3]
    assert audit.page(conn, AuditRequest(client="nobody")).entries == ()
    assert audit.page(conn, AuditRequest(before=0)).entries == ()
    for wrong in (
        AuditRequest(limit=0),
        AuditRequest(limit=1001),
        AuditRequest(before=-1),
        AuditRequest(before=1 << 70),
    ):
        with pytest.raises(BadRequest):
            audit.page(conn, wrong)


def test_proof_holds_without_the_vault(conn: Any) -> None:
    filled(conn)
    key = checkpoint.Verifier.parse(str(SIGNER.verifier))
    for i, leaf in enumerate(leaves(conn)):
        text = audit.prove(conn, i, SIGNER)
        index, seen = checkpoint.verify_proof(text, leaf, key)
        assert (index, seen.size, seen.root) == (i, 11, audit.root(conn))
        with pytest.raises(AuditFailed):
            checkpoint.verify_proof(text, tree.hash_leaf(b"other"), key)
    for wrong in (-1, 11):
        with pytest.raises(NotFound):
            audit.prove(conn, wrong, SIGNER)


def test_an_old_checkpoint_is_a_beginning_of_the_new_one(conn: Any) -> None:
    filled(conn)
    key, now = SIGNER.verifier, audit.root(conn)
    kept = conn.execute("SELECT size, root, note FROM checkpoint ORDER BY size").fetchall()
    assert [size for size, _, _ in kept] == [4, 7]
    for size, root, note in kept:
        assert checkpoint.open_checkpoint(note, key) == checkpoint.Checkpoint(SIGNER.name, size, root)
        path = tree.consistency(size, 11, audit._nodes(conn))
        tree.verify_consistency(size, 11, root, now, path)
    assert audit.checkpoint(conn, SIGNER) == audit.checkpoint(conn, SIGNER)


def test_no_signature_against_an_earlier_one(conn: Any) -> None:
    filled(conn)
    kept = conn.execute("SELECT root FROM checkpoint WHERE size = 7").fetchone()[0]
    for tamper in (
        "UPDATE checkpoint SET root = zeroblob(32) WHERE size = 7",  # another history of the same length
        "DELETE FROM entry WHERE number >= 6",  # cut off below the checkpoint
    ):
        conn.execute(tamper)
        for call in (lambda: audit.checkpoint(conn, SIGNER), lambda: audit.prove(conn, 1, SIGNER)):
            with pytest.raises(AuditFailed):
                call()
        conn.execute("UPDATE checkpoint SET root = ? WHERE size = 7", (kept,))


def test_erasing_keeps_every_proof(conn: Any) -> None:
    filled(conn)
    before = leaves(conn)
    receipt = audit.erase(conn, 5, replace(USUAL, client="owner", query="kept out"), salt(11))
    assert receipt.entry == 11
    assert leaves(conn)[:11] == before
    assert conn.execute("SELECT salt, body, client, time FROM entry WHERE number = 5").fetchone() == (None, None, "", 0)
    shown = audit.page(conn, AuditRequest(limit=20)).entries
    assert shown[6].entry.decision == "erased" and shown[6].number == 5
    assert shown[0].entry.action == "erase" and shown[0].entry.detail["erased"] == 5 and shown[0].entry.query == ""
    assert audit.verify(conn, audit.root(conn), SIGNER).ok
    checkpoint.verify_proof(audit.prove(conn, 5, SIGNER), before[5], SIGNER.verifier)
    for gone in (5, 99):
        with pytest.raises(NotFound):
            audit.erase(conn, gone, USUAL, salt(12))


def test_report_of_a_log_that_holds(conn: Any) -> None:
    filled(conn)
    report = audit.verify(conn, audit.root(conn), SIGNER)
    assert (report.ok, report.size, report.root, report.problems) == (True, 11, audit.root(conn).hex(), ())
    assert checkpoint.open_checkpoint(report.checkpoint, SIGNER.verifier).root == audit.root(conn)


def sql(*statements: str) -> Callable[[Any], None]:
    def run(conn: Any) -> None:
        for statement in statements:
            conn.execute(statement)

    return run


def forge_tail(conn: Any) -> None:
    """Rewrite the newest entry and everything inside the database that depends on it."""
    conn.execute("DELETE FROM entry WHERE number = 10")
    audit.append(conn, replace(USUAL, query="never asked"), salt(99))


def exchange(conn: Any) -> None:
    """Let two entries change places, leaf and all."""
    rows = conn.execute("SELECT number, time, client, leaf, salt, body FROM entry WHERE number IN (2, 3)").fetchall()
    for number, row in zip((3, 2), rows, strict=True):
        conn.execute(
            "UPDATE entry SET time = ?, client = ?, leaf = ?, salt = ?, body = ? WHERE number = ?", (*row[1:], number)
        )


def consistent_lie(conn: Any) -> None:
    """Change a body and its leaf together, as somebody with the key to the database can."""
    text = entries.body(replace(USUAL, time=NOW + timedelta(seconds=4), query="harmless"))
    conn.execute(
        "UPDATE entry SET body = ?, leaf = ?, client = 'claude' WHERE number = 4", (text, entries.leaf(text, salt(4)))
    )


FAR = 1 << 62
TAMPERED: dict[str, tuple[Callable[[Any], None], list[str]]] = {
    "body": (
        sql("UPDATE entry SET body = replace(body, 'q4', 'q5') WHERE number = 4"),
        ["entry 4: edited", "head: differs"],
    ),
    "salt": (sql("UPDATE entry SET salt = zeroblob(32) WHERE number = 4"), ["entry 4: edited"]),
    "leaf": (sql("UPDATE entry SET leaf = zeroblob(32) WHERE number = 4"), ["entry 4: edited"]),
    "not json": (sql("UPDATE entry SET body = 'x' WHERE number = 4"), ["entry 4: edited", "entry 4: unreadable"]),
    "time": (
        sql("UPDATE entry SET time = time + 1 WHERE number = 4"),
        ["entry 4: filed under another time or client"],
    ),
    "client": (
        sql("UPDATE entry SET client = 'x' WHERE number = 4"),
        ["entry 4: filed under another time or client"],
    ),
    "missing": (
        sql("DELETE FROM entry WHERE number = 4"),
        ["entry 4: missing, with all before 5", "head: differs", "checkpoint 7: cannot be recomputed"],
    ),
    "first": (sql("DELETE FROM entry WHERE number = 0"), ["entry 0: missing, with all before 1"]),
    "cut": (sql("DELETE FROM entry WHERE number >= 9"), ["head: differs", "node 1/4: extra"]),
    "cut below a checkpoint": (
        sql("DELETE FROM entry WHERE number > 5"),
        ["checkpoint 7: beyond the log", "head: differs"],
    ),
    "far": (
        sql(f"UPDATE entry SET number = {FAR} WHERE number = 10"),
        [f"entry 10: missing, with all before {FAR}"],
    ),
    "below": (sql("UPDATE entry SET number = -3 WHERE number = 10"), ["entry -3: extra"]),
    "half erased": (
        sql("UPDATE entry SET body = NULL WHERE number = 4"),
        ["entry 4: half erased", "entry 4: erased without a record"],
    ),
    "salt lost": (sql("UPDATE entry SET salt = NULL WHERE number = 4"), ["entry 4: half erased"]),
    "erased in secret": (
        sql("UPDATE entry SET body = NULL, salt = NULL WHERE number = 4"),
        ["entry 4: erased without a record"],
    ),
    "node": (
        sql("UPDATE node SET hash = zeroblob(32) WHERE level = 2 AND i = 1"),
        ["node 2/1: differs, over entries 4 to 7"],
    ),
    "node gone": (sql("DELETE FROM node WHERE level = 3"), ["node 3/0: missing"]),
    "node more": (sql("INSERT INTO node VALUES (1, 5, zeroblob(32))"), ["node 1/5: extra"]),
    "node odd": (sql(f"INSERT INTO node VALUES ({FAR}, 0, zeroblob(32))"), [f"node {FAR}/0: extra"]),
    "head": (sql("UPDATE vault SET audit_head = zeroblob(32)"), ["head: differs"]),
    "no head": (sql("DELETE FROM vault"), ["head: differs"]),
    "checkpoint": (
        sql("UPDATE checkpoint SET root = zeroblob(32) WHERE size = 4"),
        ["checkpoint 4: differs", "checkpoint 4: not signed by this vault"],
    ),
    "note": (
        sql("UPDATE checkpoint SET note = replace(note, 'A', 'B') WHERE size = 4"),
        ["checkpoint 4: not signed by this vault"],
    ),
    "checkpoint more": (sql("INSERT INTO checkpoint VALUES (50, zeroblob(32), '')"), ["checkpoint 50: beyond the log"]),
    "checkpoint of nothing": (sql("INSERT INTO checkpoint VALUES (0, zeroblob(32), '')"), ["checkpoint 0: differs"]),
    "exchanged": (exchange, ["head: differs", "node 1/1: differs, over entries 2 to 3"]),
    "consistent lie": (consistent_lie, ["head: differs", "node 1/2: differs, over entries 4 to 5"]),
    "forged tail": (forge_tail, ["sealed head: differs"]),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_named(conn: Any, name: str) -> None:
    filled(conn)
    sealed = audit.root(conn)
    tamper, expected = TAMPERED[name]
    tamper(conn)
    report = audit.verify(conn, sealed, SIGNER)
    assert not report.ok and report.checkpoint == ""
    assert set(expected) <= set(report.problems), report.problems


def test_exact_problem_of_each_single_fault(conn: Any) -> None:
    """One fault that touches no hash gives one problem, not a cascade."""
    filled(conn)
    conn.execute("UPDATE entry SET leaf = zeroblob(32) WHERE number = 4")
    assert audit.verify(conn, None, SIGNER).problems == ("entry 4: edited",)


def test_a_gap_costs_no_work(conn: Any) -> None:
    filled(conn, 2)
    conn.execute("INSERT INTO entry VALUES (4611686018427387904, 0, '', zeroblob(32), NULL, NULL)")
    assert not audit.verify(conn).ok
    with pytest.raises(AuditFailed):
        audit.root(conn)
