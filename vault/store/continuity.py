"""Is this database the one that was closed last? Compared with its sealed head on opening (SPEC.md, "Commit order")."""

from __future__ import annotations

from vault.errors import Damaged, RolledBack
from vault.store import schema
from vault.store.cipher import Fence, Link
from vault.store.head import Head, State


def reconcile(link: Link, fence: Fence, head: Head, vault_id: str, accept_older: bool) -> None:
    """Compare database and head, bring the schema up to date, and leave head and database equal."""
    with fence.lifted():
        version = link.execute("PRAGMA user_version").fetchone()[0]
    newest = len(schema.migrations())
    if version > newest:
        hint = "it was written by a newer ownvault: upgrade"
        raise Damaged(
            f"the database has schema {version}, this program knows {newest}", hint=hint, reason="newer_version"
        )
    if version == 0 or (state := _state(link, vault_id)) is None:
        raise Damaged("the database belongs to no vault or to another one", reason="foreign_database")
    sealed = head.read()
    if _older(state, sealed) and not accept_older:
        raise RolledBack(
            f"the database is at commit {state.counter}, the sealed head at {sealed.counter if sealed else 'none'}",
            hint="an older copy was put back, or its WAL was lost; restore the newest backup of the whole directory",
        )
    if version < newest:
        with fence.lifted():
            schema.migrate(link, version)
        state = _state(link, vault_id) or state
    if sealed is None or _older(state, sealed):
        head.found(state)
    elif state != sealed:
        head.write(state)


def _older(state: State, sealed: State | None) -> bool:
    """Tell whether the head knows of more, or of something else, than the database holds.

    Without a head only a database that was never written to is believed. Further than the head is what a crash
    between commit and head leaves.
    """
    if sealed is None:
        return state.counter > 0
    return state.counter < sealed.counter or (state.counter == sealed.counter and state != sealed)


def _state(link: Link, vault_id: str) -> State | None:
    rows = link.execute("SELECT id, commit_counter, audit_head FROM vault").fetchall()
    return State(rows[0][1], rows[0][2]) if len(rows) == 1 and rows[0][0] == vault_id else None
