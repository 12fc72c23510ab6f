"""The audit log: numbered entries whose salted commitments are the leaves of a Merkle tree. SPEC.md, "Audit".

Everything runs on the caller's connection and inside the caller's transaction, so that an entry, its leaf, the nodes
and the head are there together or not at all, and before the answer leaves.
"""

from __future__ import annotations

import json

from vault.errors import AuditFailed, NotFound
from vault.permissions import filing, logbook, tree
from vault.permissions.checkpoint import Checkpoint, Signer, proof
from vault.permissions.entries import ERASE, SALT, body, leaf, read
from vault.permissions.fsck import verify
from vault.types import AuditPage, AuditRequest, Connection, Entry, Receipt, micros

__all__ = ["append", "checkpoint", "erase", "page", "prove", "root", "size", "verify"]


def append(conn: Connection, entry: Entry, salt: bytes) -> Receipt:
    """Write the entry, its leaf, the nodes it completes and the new head in the caller's transaction.

    `salt` is 32 fresh random bytes. AuditFailed when it cannot be written whole; then nothing may be released.
    """
    if len(salt) != SALT:
        raise AuditFailed(f"a salt has {SALT} bytes")
    text = body(entry)
    number, value = size(conn), leaf(text, salt)
    node = _peaks(conn, number)
    conn.execute(
        "INSERT INTO entry (number, time, client, leaf, salt, body) VALUES (?, ?, ?, ?, ?, ?)",
        (number, micros(entry.time), entry.client, value, salt, text),
    )
    filing.file(conn, number, entry)
    complete = list(tree.complete(number, value, node))
    if complete:
        conn.executemany("INSERT INTO node (level, i, hash) VALUES (?, ?, ?)", complete)
    head = tree.root(number + 1, _beside(node, {(0, number): value} | {(level, i): one for level, i, one in complete}))
    if conn.execute("UPDATE vault SET audit_head = ?", (head,)).rowcount != 1:
        raise AuditFailed("the audit head could not be written")
    return Receipt(number, value.hex())


def erase(conn: Connection, number: int, entry: Entry, salt: bytes) -> Receipt:
    """Forget what entry `number` said, keep its leaf, and append `entry`, which says that it was erased.

    Every proof stays valid; without its salt the leaf cannot be opened. NotFound if there is no such entry.
    """
    row = conn.execute("SELECT body FROM entry WHERE number = ? AND body IS NOT NULL", (number,)).fetchone()
    if row is None:
        raise NotFound(f"there is no audit entry {number}")
    filing.unfile(conn, number, read(row[0]))
    conn.execute("UPDATE entry SET salt = NULL, body = NULL, client = '', time = 0 WHERE number = ?", (number,))
    said = Entry(
        time=entry.time, client=entry.client, grant=entry.grant, action=ERASE, via=entry.via,
        decision=entry.decision, reason=entry.reason, detail={**entry.detail, "erased": number},
    )  # fmt: skip
    return append(conn, said, salt)


def page(conn: Connection, request: AuditRequest) -> AuditPage:
    """Return entries newest first; `size` is that of the whole log. BadRequest for what is no page of it."""
    logbook.check(request)
    total = size(conn)
    before = total if request.before is None else min(request.before, total)
    found = logbook.look(conn, request, before)
    return AuditPage(tuple(logbook.entries(conn, found.numbers)), total, found.more)


# ---------------------------------------------------------------- the tree


def size(conn: Connection) -> int:
    """Return the number of entries: one more than the last one's number."""
    (last,) = conn.execute("SELECT max(number) FROM entry").fetchone()
    return 0 if last is None else int(last) + 1


def root(conn: Connection) -> bytes:
    """Return the root hash over all entries, from the stored nodes."""
    return tree.root(size(conn), _nodes(conn))


def checkpoint(conn: Connection, signer: Signer) -> str:
    """Return the signed checkpoint of the log as it stands, and keep it. Needs a write transaction.

    AuditFailed rather than a signature that contradicts an earlier one.
    """
    note, now = _signed(conn, signer)
    conn.execute("INSERT OR IGNORE INTO checkpoint (size, root, note) VALUES (?, ?, ?)", (now.size, now.root, note))
    return note


def prove(conn: Connection, number: int, signer: Signer) -> str:
    """Return a .tlog-proof (C2SP) that entry `number` is in the log as it stands; NotFound if it is not."""
    total = size(conn)
    if not 0 <= number < total:
        raise NotFound(f"there is no audit entry {number}")
    note, now = _signed(conn, signer)
    return proof(number, tree.inclusion(number, now.size, _nodes(conn)), note)


def _signed(conn: Connection, signer: Signer) -> tuple[str, Checkpoint]:
    node, total = _nodes(conn), size(conn)
    now = Checkpoint(signer.name, total, tree.root(total, node))
    kept = conn.execute("SELECT size, root FROM checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    if kept is not None and (kept[0] > total or tree.root(kept[0], node) != kept[1]):
        raise AuditFailed("the log contradicts its own checkpoint", hint="run: ownvault audit verify")
    return signer.sign(str(now)), now


def _peaks(conn: Connection, total: int) -> tree.Node:
    """Return the reader of the largest perfect subtrees over `total` leaves, all read at once: all that one more leaf
    and the new root need."""
    wanted = tree.peaks(total)
    found: dict[tuple[int, int], bytes] = {}
    for level, i, one in conn.execute(_PEAKS, (json.dumps(wanted),)):
        found[level, i] = bytes(one)
    return _beside(_nodes(conn), found)


_PEAKS = """
    SELECT j.value ->> 0, j.value ->> 1, coalesce(
        (SELECT hash FROM node WHERE level = j.value ->> 0 AND i = j.value ->> 1),
        (SELECT leaf FROM entry WHERE j.value ->> 0 = 0 AND number = j.value ->> 1)
    ) AS hash FROM json_each(?) AS j WHERE hash NOT NULL
"""


def _beside(node: tree.Node, known: dict[tuple[int, int], bytes]) -> tree.Node:
    """Return the reader that looks among `known` first."""
    return lambda level, i: known.get((level, i)) or node(level, i)


def _nodes(conn: Connection) -> tree.Node:
    """Return the reader of stored hashes: level 0 is the entries' leaves, the levels above are in `node`."""

    def node(level: int, i: int) -> bytes:
        if level == 0:
            row = conn.execute("SELECT leaf FROM entry WHERE number = ?", (i,)).fetchone()
        else:
            row = conn.execute("SELECT hash FROM node WHERE level = ? AND i = ?", (level, i)).fetchone()
        if row is None:
            raise AuditFailed(f"the audit tree lacks node {level}/{i}", hint="run: ownvault audit verify")
        return bytes(row[0])

    return node
