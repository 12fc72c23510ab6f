"""The audit log: numbered entries whose salted commitments are the leaves of a Merkle tree. SPEC.md, "Audit".

Everything runs on the caller's connection and inside the caller's transaction, so that an entry, its leaf, the nodes
and the head are there together or not at all, and before the answer leaves.
"""

from __future__ import annotations

import unicodedata

from vault import limits
from vault.errors import AuditFailed, BadRequest, NotFound
from vault.permissions import tree
from vault.permissions.checkpoint import Checkpoint, Signer, proof
from vault.permissions.entries import ERASE, SALT, body, leaf, read
from vault.permissions.fsck import verify
from vault.types import AuditEntry, AuditPage, AuditRequest, Connection, Entry, Receipt, from_micros, micros

__all__ = ["append", "checkpoint", "erase", "page", "prove", "root", "size", "verify"]


def append(conn: Connection, entry: Entry, salt: bytes) -> Receipt:
    """Write the entry, its leaf, the nodes it completes and the new head in the caller's transaction.

    `salt` is 32 fresh random bytes. AuditFailed when it cannot be written whole; then nothing may be released.
    """
    if len(salt) != SALT:
        raise AuditFailed(f"a salt has {SALT} bytes")
    text = body(entry)
    number, value, node = size(conn), leaf(text, salt), _nodes(conn)
    conn.execute(
        "INSERT INTO entry (number, time, client, leaf, salt, body) VALUES (?, ?, ?, ?, ?, ?)",
        (number, micros(entry.time), entry.client, value, salt, text),
    )
    conn.executemany("INSERT INTO node (level, i, hash) VALUES (?, ?, ?)", list(tree.complete(number, value, node)))
    head = tree.root(number + 1, node)
    if conn.execute("UPDATE vault SET audit_head = ?", (head,)).rowcount != 1:
        raise AuditFailed("the audit head could not be written")
    return Receipt(number, value.hex())


def erase(conn: Connection, number: int, entry: Entry, salt: bytes) -> Receipt:
    """Forget what entry `number` said, keep its leaf, and append `entry`, which says that it was erased.

    Every proof stays valid; without its salt the leaf cannot be opened. NotFound if there is no such entry.
    """
    if conn.execute("SELECT 1 FROM entry WHERE number = ? AND body IS NOT NULL", (number,)).fetchone() is None:
        raise NotFound(f"there is no audit entry {number}")
    conn.execute("UPDATE entry SET salt = NULL, body = NULL, client = '', time = 0 WHERE number = ?", (number,))
    said = Entry(
        time=entry.time, client=entry.client, grant=entry.grant, action=ERASE, via=entry.via,
        decision=entry.decision, reason=entry.reason, detail={**entry.detail, "erased": number},
    )  # fmt: skip
    return append(conn, said, salt)


def page(conn: Connection, request: AuditRequest) -> AuditPage:
    """Return entries newest first; `size` is that of the whole log. BadRequest for a limit outside 1 to 1000."""
    if not 1 <= request.limit <= limits.PAGE:
        raise BadRequest(f"a page has 1 to {limits.PAGE} entries")
    if request.before is not None and not 0 <= request.before < 1 << 63:
        raise BadRequest("`before` is the number of an entry")
    total = size(conn)
    before = total if request.before is None else request.before
    if request.client is None:
        rows = conn.execute(
            "SELECT number, leaf, time, body FROM entry WHERE number < ? ORDER BY number DESC LIMIT ?",
            (before, request.limit),
        )
    else:
        rows = conn.execute(
            "SELECT number, leaf, time, body FROM entry WHERE client = ? AND number < ? ORDER BY number DESC LIMIT ?",
            (unicodedata.normalize("NFC", request.client), before, request.limit),
        )
    entries = (AuditEntry(n, value.hex(), _shown(time, text)) for n, value, time, text in rows.fetchall())
    return AuditPage(tuple(entries), total)


def _shown(time: int, text: str | None) -> Entry:
    if text is not None:
        return read(text)
    return Entry(from_micros(time), "", "", "", "", "erased", "erased")


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
