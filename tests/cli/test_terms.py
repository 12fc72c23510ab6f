"""How limits, sizes and wrong combinations are read, and what each wrong one is answered."""

from __future__ import annotations

from datetime import timedelta

import click
import pytest

from vault.cli import terms
from vault.errors import BadRequest
from vault.types import Action, Detail

PER_DAY = click.Option(["--per-day"])


@pytest.mark.parametrize(
    ("text", "bytes"),
    [("5MB", 5_000_000), ("200 kB", 200_000), ("1GiB", 2**30), ("64KiB", 65_536), ("3m", 3_000_000), ("4096", 4096),
     ("12B", 12)],
)  # fmt: skip
def test_sizes(text: str, bytes: int) -> None:
    assert terms.Size().convert(text, None, None) == bytes


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1.5MB", "5TB", "5 MB/s", "٣MB", "1" * 13])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter):
        terms.Size().convert(text, None, None)


@pytest.mark.parametrize("text", ["", "-1", "many", "1.5", "٣", "1" * 13])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(click.BadParameter):
        terms.Quantity().convert(text, None, None)


@pytest.mark.parametrize("kind", [terms.Quantity(), terms.Size()])
def test_a_limit_of_nothing_is_explained(kind: click.ParamType[int]) -> None:
    with pytest.raises(BadRequest) as caught:
        kind.convert("0", PER_DAY, None)
    assert "--per-day 0" in caught.value.message
    assert "--per-day 1" in caught.value.hint and "ownvault grants pause" in caught.value.hint


def test_the_longest_grant_is_named() -> None:
    assert terms.seconds(None) is None
    assert terms.seconds(timedelta(days=365)) == 365 * 86400
    with pytest.raises(BadRequest) as caught:
        terms.seconds(timedelta(days=730))
    assert "--expires 365d" in caught.value.hint


def test_answers_alone_means_counting() -> None:
    assert terms.fitting(None, Detail.ANSWERS) == (Action.COUNT,)
    assert terms.fitting((Action.COUNT, Action.ADD), Detail.ANSWERS) == (Action.COUNT, Action.ADD)


@pytest.mark.parametrize("detail", [None, Detail.FULL, Detail.SNIPPET, Detail.REDACTED])
def test_other_details_leave_the_actions_alone(detail: Detail | None) -> None:
    assert terms.fitting(None, detail) is None
    assert terms.fitting((Action.SEARCH,), detail) == (Action.SEARCH,)


def test_answers_and_searching_do_not_go_together() -> None:
    with pytest.raises(BadRequest) as caught:
        terms.fitting((Action.READ, Action.SEARCH), Detail.ANSWERS)
    assert "nothing to read and search" in caught.value.message
    assert "--action count" in caught.value.hint and "--detail redacted" in caught.value.hint
