"""Recomputing the whole audit tree from what the entries say, and naming everything that does not fit.

Nothing stored is believed but the leaf hash of an erased entry. SPEC.md, "Problems", lists the kinds.
"""

from __future__ import annotations

from typing import Any

from vault.errors import AuditFailed
from vault.permissions import entries, filing, tree
from vault.permissions.checkpoint import Checkpoint, Signer, open_checkpoint
from vault.types import Connection, TreeReport, micros


def verify(conn: Connection, sealed: bytes | None = None, signer: Signer | None = None) -> TreeReport:
    """Recompute every leaf, node, checkpoint and the head; the report names each problem and where it is.

    `sealed` is the head that is kept outside the database. With a `signer`, stored checkpoints must bear its
    signature, and the report of a log that holds carries a fresh one. Reads only; wants one consistent read.
    """
    run = _Run(conn, signer)
    for row in conn.execute("SELECT number, time, client, leaf, salt, body FROM entry ORDER BY number"):
        run.entry(*row)
    run.finish(sealed)
    root = run.root()
    ok = not run.problems
    signed = signer.sign(str(Checkpoint(signer.name, run.size, root))) if ok and signer else ""
    return TreeReport(run.size, root.hex(), ok, tuple(run.problems), signed)


class _Run:
    """One pass over the log, in the order of its numbers; holds one hash per level of the tree."""

    def __init__(self, conn: Connection, signer: Signer | None) -> None:
        self.problems: list[str] = []
        self.size = 0
        self._conn, self._signer = conn, signer
        self._whole = True  # no gap so far: beyond a gap the tree cannot be recomputed
        self._left: dict[int, bytes] = {}  # level -> the complete subtree that waits for its right sibling
        self._erased: set[int] = set()
        self._named: set[int] = set()
        self._filing = filing.Check(conn)
        rows = conn.execute("SELECT size, root, note FROM checkpoint ORDER BY size").fetchall()
        self._checkpoints = {size: (root, note) for size, root, note in rows}
        if 0 in self._checkpoints:
            self._checkpoint(0, *self._checkpoints.pop(0))

    def entry(self, number: int, time: int, client: str, leaf: bytes, salt: bytes | None, body: str | None) -> None:
        if number < self.size:
            self.problems.append(f"entry {number}: extra")
            return
        if number > self.size:
            self.problems.append(f"entry {self.size}: missing, with all before {number}")
            self.size, self._whole = number, False
        if body is None or salt is None:
            self._erased.add(number)
            if body is not None or salt is not None:
                self.problems.append(f"entry {number}: half erased")
            value = leaf
        else:
            value = entries.leaf(body, salt)
            if value != leaf:
                self.problems.append(f"entry {number}: edited")
            self._body(number, time, client, body)
        self._add(value)

    def _body(self, number: int, time: int, client: str, body: str) -> None:
        try:
            said = entries.read(body)
        except AuditFailed:
            self.problems.append(f"entry {number}: unreadable")
            return
        if said.client != client or micros(said.time) != time:
            self.problems.append(f"entry {number}: filed under another time or client")
        self._filing.entry(number, said)
        if said.action == entries.ERASE and isinstance(said.detail.get("erased"), int):
            self._named.add(said.detail["erased"])

    def _add(self, value: bytes) -> None:
        level, i = 0, self.size
        self.size += 1
        if not self._whole:
            return
        while i & 1:
            value = tree.hash_node(self._left.pop(level), value)
            level, i = level + 1, i >> 1
            self._node(level, i, value)
        self._left[level] = value
        if self.size in self._checkpoints:
            self._checkpoint(self.size, *self._checkpoints.pop(self.size))

    def _node(self, level: int, i: int, value: bytes) -> None:
        row = self._conn.execute("SELECT hash FROM node WHERE level = ? AND i = ?", (level, i)).fetchone()
        if row is None:
            self.problems.append(f"node {level}/{i}: missing")
        elif row[0] != value:
            self.problems.append(f"node {level}/{i}: differs, over entries {i << level} to {(i + 1 << level) - 1}")

    def _checkpoint(self, size: int, root: bytes, note: str) -> None:
        if root != self.root():
            self.problems.append(f"checkpoint {size}: differs")
        if self._signer is None:
            return
        try:
            fits = open_checkpoint(note, self._signer.verifier) == Checkpoint(self._signer.name, size, root)
        except AuditFailed:
            fits = False
        if not fits:
            self.problems.append(f"checkpoint {size}: not signed by this vault")

    def finish(self, sealed: bytes | None) -> None:
        """Compare what only the end of the pass can tell: head, sealed head, left-over rows."""
        kind = "beyond the log" if self._whole else "cannot be recomputed"
        self.problems.extend(f"checkpoint {size}: {kind}" for size in self._checkpoints)
        self.problems.extend(f"entry {n}: erased without a record" for n in sorted(self._erased - self._named))
        for level, i in self._conn.execute("SELECT level, i FROM node"):
            if level < 1 or i < 0 or level > 63 or (i + 1) << level > self.size:
                self.problems.append(f"node {level}/{i}: extra")
        heads: Any = self._conn.execute("SELECT audit_head FROM vault").fetchall()
        if heads != [(self.root(),)]:
            self.problems.append("head: differs")
        if sealed is not None and sealed != self.root():
            self.problems.append("sealed head: differs")
        if not self.problems and not self._filing.finish():  # of a log that holds: else it is no wonder
            self.problems.append("filing: differs")

    def root(self) -> bytes:
        """Return the root over the entries so far; empty bytes when a gap makes that impossible."""
        if not self._whole:
            return b""
        value = tree.EMPTY if not self._left else b""
        for level in sorted(self._left):
            value = tree.hash_node(self._left[level], value) if value else self._left[level]
        return value
