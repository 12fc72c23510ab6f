"""Every case of `cases.toml`, over every interface that can say it. docs/deny-suite.md tells more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.deny import table
from tests.deny.play import Play
from tests.deny.stage import Stage
from tests.deny.table import FACES, Case

TABLE = table.read()
CASES = {case.name: case for case in TABLE.cases}
REAL = ("good-search", "no-token", "empty-token", "revoked", "collections-search", "owner-grants")
"""Cases that are played once more with the commands as processes: else they run in this one, which is faster."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as out:
        yield Stage(tmp_path_factory.mktemp("deny"), TABLE, out)


def play(stage: Stage, case: Case, face: str, *, real: bool = False) -> None:
    playing = Play(stage, case, face, real=real)
    try:
        playing.prepare()
        playing.ask()
    finally:
        playing.end()


@pytest.mark.parametrize(
    ("case", "face"),
    [pytest.param(case, face, id=f"{case.name}-{face}") for case in TABLE.cases for face in case.faces],
)
def test_case(stage: Stage, case: Case, face: str) -> None:
    play(stage, case, face)


@pytest.mark.parametrize(
    ("case", "face"),
    [pytest.param(CASES[name], face, id=f"{name}-{face}")
     for name in REAL for face in ("cli", "stdio") if face in CASES[name].faces],
)  # fmt: skip
def test_with_processes(stage: Stage, case: Case, face: str) -> None:
    play(stage, case, face, real=True)


# ---------------------------------------------------------------- the table itself

PUBLISHED = {
    "openmemory-deny-all-returns-everything", "openmemory-paused-still-searches",
    "screenpipe-unknown-token-is-a-regular-user", "screenpipe-hidden-tool-still-callable",
    "personal-vault-owner-token-by-default", "personal-vault-sensitivity-shown-not-enforced",
    "personaldatahub-unauthenticated-pull", "memwal-delegate-not-bound", "memwal-lookalike-object-accepted",
    "solid-consent-grants-whole-pod", "omi-rest-ignores-scopes", "vana-reads-not-bound-to-owner",
}  # fmt: skip
"""Failures that were found in other products."""


def test_there_are_enough_ways_and_controls() -> None:
    assert len(CASES) == len(TABLE.cases), "two cases of one name"
    ways = [case for case in TABLE.cases if not case.good]
    assert len(ways) >= 120
    assert len(TABLE.cases) - len(ways) >= 15
    assert len({repr((c.grant, c.other, c.token, c.before, c.ask, c.vault, c.same_as)) for c in ways}) == len(ways)


def test_every_published_failure_is_there() -> None:
    assert CASES.keys() >= PUBLISHED
    assert all(CASES[name].published for name in PUBLISHED)


@pytest.mark.parametrize("face", FACES)
def test_every_interface_is_asked(face: str) -> None:
    asked = [case for case in TABLE.cases if face in case.faces]
    assert len([case for case in asked if not case.good]) >= 120
    assert len([case for case in asked if case.good]) >= 15


def test_whoever_cannot_say_it_says_why() -> None:
    for case in TABLE.cases:
        assert set(case.not_by) < set(FACES), case.name
        assert all(len(why) > 10 for why in case.not_by.values()), case.name


def test_what_must_come_is_clear() -> None:
    for case in TABLE.cases:
        given = set(case.must) & {table.ONLY, table.NOTHING, table.ANSWER}
        assert given or case.because, f"{case.name}: no reason"
        assert (table.ONLY in case.must) <= (case.sees is not None), f"{case.name}: only what?"
        held = case.sees is not None or case.shows or case.hides or case.most or case.most_text or case.unchanged
        assert case.good or set(case.must) != {table.ANSWER} or held, f"{case.name}: cannot fail"
