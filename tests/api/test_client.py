"""RemoteVault is the vault: the same methods, the same answers, the same errors."""

from __future__ import annotations

import inspect
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.conftest import DRAFTS, Running
from vault.api.client import RemoteVault
from vault.errors import BadRequest, NotAllowed, NotFound, Refused, Unreachable
from vault.service import Vault
from vault.types import (
    AddRequest,
    AuditRequest,
    CountRequest,
    Draft,
    Filter,
    GrantRequest,
    Holder,
    ReadRequest,
    SearchRequest,
)

PASSKEYS = {"passkeys", "offer_passkey", "add_passkey", "remove_passkey", "assent", "approve_signed"}
"""WebAuthn needs a page: these are the console's."""
MAP = {"atlas", "reach", "shade", "spots"}
"""Drawn by a page of the console, in bytes for its script."""
LOCAL = {
    "add_keyring",
    "remove_keyring",
    "admit",
    "create",
    "open",
    "close",
    "warm",
    "readiness",
    "owner_token",
    "prove_owner",
    "actions",
    "permit_lock",
    "decline",
    "attend",
    "watch",
    "pulse",
    "when_decided",
}
OAUTH = {
    "answer", "client", "connect", "connect_device", "consent", "consent_of_device", "exchange", "give_up",
    "introspect", "redeem", "redeem_device", "refresh", "register", "sends_to",
}  # fmt: skip
"""What its own endpoints answer, for clients that speak OAuth."""
EXTENSION = {
    "adapters", "ballots", "bear", "capture", "capture_collections", "decide", "hello", "insert", "leave",
    "pair_cancel", "pair_reveal", "pair_start", "pair_token", "revoke_site", "seen", "stranger",
}  # fmt: skip
"""What a paired browser asks, at a place of its own."""
SERVERS = {"health", "unlock", "lock", "public_keys"}


def methods(kind: type) -> dict[str, list[str]]:
    return {
        name: list(inspect.signature(member).parameters)
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }


def test_the_same_methods_with_the_same_parameters() -> None:
    apart = LOCAL | SERVERS | OAUTH | EXTENSION | PASSKEYS | MAP
    theirs = {name: said for name, said in methods(Vault).items() if name not in apart}
    theirs["events"][-1] = "after"  # a position as the stream tells it
    ours = {name: said for name, said in methods(RemoteVault).items() if name not in SERVERS}
    assert ours == theirs


def test_the_same_answers(running: Running, vault: Vault) -> None:
    here = Holder(vault.owner_token().token)
    for given, holder in ((vault, here), (running.remote, running.owner)):
        answer = given.add(holder, AddRequest("trial", DRAFTS, "trial"))
        assert [one.outcome for one in answer.outcomes] == ["added"] * 3
        again = given.add(holder, AddRequest("trial", DRAFTS, "trial"))
        assert [one.outcome for one in again.outcomes] == ["unchanged"] * 3
    request = SearchRequest("keel bolts", filter=Filter(collections=("trial",)))
    ours, theirs = vault.search(here, request), running.remote.search(running.owner, request)
    assert {hit.origin for hit in ours.hits} == {hit.origin for hit in theirs.hits}
    assert ours.hits[0].text == theirs.hits[0].text and ours.hits[0].people == theirs.hits[0].people
    one, other = (
        v.read(h, ReadRequest(hits[0].id)).record
        for v, h, hits in ((vault, here, ours.hits), (running.remote, running.owner, theirs.hits))
    )
    assert (one.text, one.provenance, one.labels, one.url) == (other.text, other.provenance, other.labels, other.url)
    wanted = GrantRequest("parity", filter=Filter(collections=("trial",)), purpose="p")
    assert vault.preview(here, wanted) == running.remote.preview(running.owner, wanted)
    mine, made = vault.grant(here, wanted), running.remote.grant(running.owner, wanted)
    assert (mine.grant.scope, mine.grant.actions, mine.sees) == (made.grant.scope, made.grant.actions, made.sees)
    assert (
        running.remote.revoke(running.owner, made.grant.id).status
        == vault.revoke(here, mine.grant.id).status
        == "revoked"
    )
    assert vault.origins(here, "trial") == running.remote.origins(running.owner, "trial")
    for given, holder, hits in ((vault, here, ours.hits), (running.remote, running.owner, theirs.hits)):
        for hit in hits:
            given.forget(holder, hit.id)
    assert running.remote.verify(running.owner).ok
    assert made.grant.id in {view.id for view in running.remote.grants(running.owner)}
    number = running.remote.audit(running.owner, AuditRequest(limit=1)).entries[0].number
    assert running.remote.prove(running.owner, number)
    assert running.remote.status(running.owner).state == vault.status(here).state == "unlocked"
    assert set(running.remote.public_keys()) == set(vault.public_keys())


def test_the_same_errors(running: Running) -> None:
    remote, claude = running.remote, running.claude
    for error, call in (
        (Refused, lambda: remote.search(Holder("nonsense"), SearchRequest("x"))),
        (Refused, lambda: remote.search(Holder(""), SearchRequest("x"))),
        (NotFound, lambda: remote.read(claude, ReadRequest("r" + "a" * 26))),
        (NotFound, lambda: remote.forget(running.owner, "r/../x y?#%é")),
        (NotAllowed, lambda: remote.status(claude)),
        (BadRequest, lambda: remote.search(claude, SearchRequest(""))),
        (BadRequest, lambda: remote.audit(running.owner, AuditRequest(limit=0))),
    ):
        with pytest.raises(error):
            call()
    with pytest.raises(Refused):
        remote.search(Holder("a\r\nb: c"), SearchRequest("x"))


def test_a_large_batch_and_many_at_once(running: Running) -> None:
    drafts = tuple(Draft(f"n{i}", f"note {i} of many", "x" * 50) for i in range(300))
    remote, owner = running.remote, running.owner
    outcomes = remote.add(owner, AddRequest("bulk", drafts, "bulk")).outcomes
    assert {one.outcome for one in outcomes} == {"added"}
    with ThreadPoolExecutor(16) as pool:
        counts = list(
            pool.map(lambda _: remote.count(owner, CountRequest(Filter(collections=("bulk",)))).count, range(64))
        )
    assert counts == [300] * 64
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: remote.forget(owner, one.id), outcomes))


def test_nobody_there_and_somebody_else() -> None:
    for address in ("ftp://127.0.0.1:1", "http://127.0.0.1", "nonsense"):
        with pytest.raises(BadRequest):
            RemoteVault(address)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        answers = [
            b"SSH-2.0-x\r\n",
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            b"HTTP/1.1 500 X\r\ncontent-length: 1\r\n\r\nx",
            b"HTTP/1.1 302 X\r\nlocation: http://evil.example/\r\ncontent-length: 0\r\n\r\n",
        ]

        def answer() -> None:
            for said in answers:
                with listening.accept()[0] as sock:
                    sock.recv(65536)
                    sock.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        for _ in answers:
            with pytest.raises(Unreachable):
                RemoteVault(f"http://127.0.0.1:{port}").count(Holder("x"), CountRequest())
        thread.join()
    with pytest.raises(Unreachable):
        RemoteVault(f"http://127.0.0.1:{port}").health()
