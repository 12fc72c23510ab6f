"""A vault that is opened and closed again and again, and everything that can be asked of its index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import FLOOR_KIB, PASSPHRASE, HashingEncoder
from vault.config import Config
from vault.library import keeper
from vault.service import Vault
from vault.types import EVERYTHING, AddRequest, By, Draft, Holder, Names

WORDS = ["lake", "boat", "rain", "anna", "bread", "invoice", "harbour", "garden", "letter", "piano"]
QUERIES = ("the boat on the lake", "invoice", "anna in the garden", "harbor", "letters and bread")
SCOPES = (
    EVERYTHING,
    EVERYTHING.narrow(collections=Names.of("notes")),
    EVERYTHING.narrow(people=(frozenset({"Anna"}),)),
    EVERYTHING.narrow(without_labels=frozenset({"odd"})),
)


def draft(n: int, extra: str = "") -> Draft:
    words = " ".join(WORDS[(n * k + k) % len(WORDS)] for k in range(1, 7))
    return Draft(
        f"d{n}", f"{words} {extra}".strip(), title=f"Note {n}", people=("Anna", "Ben")[n % 2 : n % 2 + 1],
        labels=("odd",) if n % 3 else (), thread=f"t{n // 4}" if n % 2 else "", position=n,
    )  # fmt: skip


def put(vault: Vault, *drafts: Draft, collection: str = "notes") -> list[str]:
    """Add drafts and return the ids of their records."""
    owner = Holder(vault.owner_token().token)
    return [one.id for one in vault.add(owner, AddRequest(collection, drafts, source="test")).outcomes]


def forget(vault: Vault, id: str) -> None:
    vault.forget(Holder(vault.owner_token().token), id)


def answers(vault: Vault) -> list[Any]:
    """Return everything that the index says: equal indexes say the same, to the bit."""
    space = vault._parts.library._step.space
    found: list[Any] = []
    for where in SCOPES:
        found += [space.index.rank(where, space.vector(query, ""), query, 100) for query in QUERIES]
        found += [space.index.tally(where, by.value) for by in By]
        found += [sorted(space.index.numbers(where)), space.index.collections(where), space.index.span(where)]
    return found


def rebuilt(vault: Vault) -> list[Any]:
    """Return what an index says that is made from the database now."""
    from vault.library.chunks import entries
    from vault.store import records

    step = vault._parts.library._step
    index = step._empty(step.space.made_by)
    with vault._parts.db.read() as conn:
        index.learn(records.lexicon(conn))
        index.add(entries(conn))
    kept, step.space.index = step.space.index, index
    try:
        return answers(vault)
    finally:
        step.space.index = kept
        index.close()


def crash(vault: Vault) -> None:
    """Leave the vault as a process does that is killed: nothing is saved, what was acknowledged is there."""
    vault._parts.db.close()
    vault._ownership.release()


Open = Callable[..., Vault]


@pytest.fixture
def reopen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens the vault of this test, made when it is opened first. Any number of records is worth a snapshot."""
    monkeypatch.setattr(keeper, "WORTH", 1)
    config = Config(directory=tmp_path / "vault", argon2_memory=FLOOR_KIB)
    Vault.create(config, bytearray(PASSPHRASE))
    opened: list[Vault] = []

    def make(encoder: Any = None) -> Vault:
        opened.append(Vault.open(config, bytearray(PASSPHRASE), encoder=encoder or HashingEncoder()))
        return opened[-1]

    yield make
    for vault in opened:
        vault.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "vault" / "index"


def files(place: Path) -> dict[str, bytes]:
    """Return the sealed files."""
    return {path.name: path.read_bytes() for path in place.iterdir() if path.name != "CACHEDIR.TAG"}
