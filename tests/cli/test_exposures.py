"""What a scope shows and hides, in numbers: compared with what is in the vault, through the real service."""

from __future__ import annotations

from datetime import UTC, datetime

import click
import pytest

from vault.cli import attention, exposures
from vault.cli.open import Open
from vault.cli.root import Settings
from vault.permissions import scope
from vault.service import Vault
from vault.types import AddRequest, Draft, Exposure, Filter, GrantRequest, Holder, Sensitivity, VaultStatus

DRAFTS = (
    Draft("a", "old", title="Old", labels=("work",), created=datetime(2020, 1, 5, tzinfo=UTC)),
    Draft("b", "new", title="New", labels=("work",), created=datetime(2026, 1, 5, tzinfo=UTC)),
    Draft("c", "hush", labels=("work",), created=datetime(2026, 2, 5, tzinfo=UTC), sensitivity=Sensitivity.SECRET),
    Draft("d", "home", title="Home", labels=("home",), created=datetime(2026, 2, 5, tzinfo=UTC)),
)  # fmt: skip


@pytest.fixture
def opened(vault: Vault, owner: Holder) -> Open:
    vault.add(owner, AddRequest("notes", DRAFTS, "test"))
    vault.add(owner, AddRequest("mail", (Draft("m", "a letter"),), "test-mail"))
    return Open(vault, owner)


def sees(opened: Open, filter: Filter) -> Exposure:
    return opened.vault.preview(opened.holder, GrantRequest("claude", filter=filter))


def test_what_is_hidden_is_all_the_rest_with_its_reasons(opened: Open) -> None:
    filter = Filter(collections=("notes",), labels=("work",), since=datetime(2026, 1, 1, tzinfo=UTC))
    seen = sees(opened, filter)
    assert (seen.records, seen.titles) == (1, ("New",))
    hidden = exposures.hidden(opened, filter, seen)
    assert hidden == exposures.Hidden({"notes": 3, "mail": 1}, {"secret": 1}, 1)


def test_a_higher_ceiling_hides_less(opened: Open) -> None:
    filter = Filter(collections=("notes",), sensitivity="secret")
    assert exposures.hidden(opened, filter, sees(opened, filter)) == exposures.Hidden({"mail": 1}, {}, 0)


def test_a_collection_that_holds_nothing_yet_hides_everything(opened: Open) -> None:
    filter = Filter(collections=("inbox",))
    nothing = Exposure(0, {})
    assert exposures.hidden(opened, filter, nothing).collections == {"notes": 4, "mail": 1}
    assert exposures.blocking(opened, filter) == ["without --collection it would see 4 records"]


def test_a_scope_that_sees_nothing_is_told_what_stands_in_the_way(opened: Open) -> None:
    filter = Filter(
        collections=("notes",), labels=("home",), until=datetime(2021, 1, 1, tzinfo=UTC), owner_written=True
    )
    assert sees(opened, filter).records == 0
    assert exposures.blocking(opened, filter) == [
        "without --label it would see 1 record",
        "without the dates it would see 1 record",
    ]


@pytest.mark.parametrize(
    "filter",
    [
        Filter(collections=("mail", "notes"), sensitivity="public"),
        Filter(collections=("notes",), labels=("a", "b"), without_labels=("x",), people=("E",), sensitivity="secret"),
        Filter(sources=("s",), kinds=("note",), sensitivity="personal", last=90, owner_written=True),
        Filter(
            collections=("notes",), since=datetime(2026, 1, 1, tzinfo=UTC), until=datetime(2026, 4, 1, 12, tzinfo=UTC),
            sensitivity="sensitive",
        ),
    ],
)  # fmt: skip
def test_the_words_of_a_scope_are_its_filter(filter: Filter) -> None:
    assert exposures.as_filter(scope.in_words(scope.from_filter(filter, all=False))) == filter


def test_what_was_narrowed_in_several_steps_is_no_filter() -> None:
    assert exposures.as_filter({"collections": "*", "sensitivity": "personal", "labels": [["a"], ["b"]]}) is None


# ---------------------------------------------------------------- what waits


@pytest.mark.parametrize(
    ("requests", "notices", "said"),
    [
        (0, (), ""),
        (None, (), ""),
        (1, (), "1 request waits: ownvault requests"),
        (2, ("a", "b"), "2 requests wait: ownvault requests · 2 notices: ownvault notices"),
        (0, ("a",), "1 notice: ownvault notices"),
    ],
)
def test_what_waits_is_one_line(requests: int | None, notices: tuple[str, ...], said: str) -> None:
    assert attention.waiting(VaultStatus("unlocked", "/v", requests=requests, notices=notices)) == said


def test_nobody_but_the_owner_is_reminded(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    token = opened.vault.grant(opened.holder, GrantRequest("claude", filter=Filter(collections=("notes",)))).token
    monkeypatch.setenv("OWNVAULT_TOKEN", token)
    monkeypatch.setattr(Vault, "status", lambda *_: pytest.fail("the status was asked for"))
    with click.Context(click.Command("count")):
        attention.arrange(Settings(), Open(opened.vault, Holder(token)), remind=True)
