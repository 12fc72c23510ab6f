"""An import counts what is durable, survives bad items, Ctrl-C and repetition, and deletes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vault import importing as intake
from vault.cli.intake import Intake, Report
from vault.cli.open import Open
from vault.errors import ImportFailed, TooLarge
from vault.plugins import Failure, Item, Progress
from vault.service import Vault
from vault.types import AddAnswer, AddRequest, CountRequest, Draft, Holder


@pytest.fixture
def opened(vault: Vault, owner: Holder) -> Open:
    return Open(vault, owner)


def drafts(*numbers: int) -> Iterator[Item]:
    for number in numbers:
        yield Draft(f"note-{number}", f"Note number {number} about the harbour.")


def bring(opened: Open, items: Iterator[Item]) -> Report:
    report = Report("jsonl", "notes", "jsonl:notes")
    Intake(opened, report, lambda report, expected: None).take(items)
    return report


def stored(opened: Open) -> int:
    return opened.vault.count(opened.holder, CountRequest()).count


def test_many_batches_all_arrive_once(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 7)
    report = bring(opened, drafts(*range(100)))
    assert (report.counts, stored(opened)) == ({"added": 100, "unchanged": 0, "changed": 0}, 100)
    again = bring(opened, drafts(*range(100)))
    assert (again.counts, stored(opened)) == ({"added": 0, "unchanged": 100, "changed": 0}, 100)


def test_a_batch_ends_by_text_too(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_TEXT", 50)
    moves: list[int] = []
    report = Report("jsonl", "notes", "jsonl:notes")
    Intake(opened, report, lambda report, expected: moves.append(report.added)).take(drafts(*range(6)))
    assert moves == [2, 4, 6]


def test_what_is_too_large_at_once_goes_in_parts(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    add = opened.vault.add

    def at_most_three(holder: Holder, request: AddRequest) -> AddAnswer:
        """The real vault behind a face that takes three short records at once, as a server bounds its bytes."""
        if len(request.drafts) > 3 or any(len(draft.text) > 100 for draft in request.drafts):
            raise TooLarge("the body is larger than 8 MiB")
        return add(holder, request)

    monkeypatch.setattr(opened.vault, "add", at_most_three)

    def items() -> Iterator[Item]:
        yield from drafts(*range(10))
        yield Draft("huge", "x" * 101)
        yield from drafts(*range(10, 20))

    report = bring(opened, items())
    assert report.added == stored(opened) == 20
    assert report.failed == [{"place": "huge", "reason": "the body is larger than 8 MiB"}]


def test_progress_estimates_while_reading_and_knows_at_the_end(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 5)
    moves: list[tuple[int, int | None]] = []

    def items() -> Iterator[Item]:
        yield from drafts(*range(10))
        yield Progress(1, 4)
        yield from drafts(*range(10, 20))
        yield Progress(4, 4)

    report = Report("jsonl", "notes", "jsonl:notes")
    Intake(opened, report, lambda report, expected: moves.append((report.added, expected))).take(items())
    assert 40 in [expected for _, expected in moves]
    assert moves[-1] == (20, 20)
    assert [done for done, _ in moves] == sorted(done for done, _ in moves)


def test_bad_items_are_told_with_their_place(opened: Open) -> None:
    def items() -> Iterator[Item]:
        yield from drafts(1)
        yield Failure("line 2", "not JSON")
        yield Progress(2, 3)
        yield from drafts(3)

    report = bring(opened, items())
    assert report.failed == [{"place": "line 2", "reason": "not JSON"}]
    assert report.added == stored(opened) == 2


def test_what_vanished_is_told_and_stays(opened: Open) -> None:
    bring(opened, drafts(1, 2, 3))
    report = bring(opened, drafts(1, 3))
    assert report.vanished == ["note-2"]
    assert stored(opened) == 3


def test_what_could_not_be_read_has_not_vanished(opened: Open) -> None:
    bring(opened, drafts(1, 2))

    def second() -> Iterator[Item]:
        yield from drafts(1)
        yield Failure("note-2", "unreadable")

    assert bring(opened, second()).vanished == []


def test_an_importer_that_ended_early_proves_nothing_vanished(opened: Open) -> None:
    bring(opened, drafts(1, 2))

    def early() -> Iterator[Item]:
        yield from drafts(1)
        yield Failure("jsonl", "ended early: it was killed")

    assert bring(opened, early()).vanished == []


def test_ctrl_c_keeps_what_it_counts_and_the_next_run_completes(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 10)

    def interrupted() -> Iterator[Item]:
        yield from drafts(*range(35))
        raise KeyboardInterrupt

    report = bring(opened, interrupted())
    assert report.interrupted
    assert report.added == stored(opened) == 30
    assert report.vanished == []
    complete = bring(opened, drafts(*range(40)))
    assert complete.counts == {"added": 10, "unchanged": 30, "changed": 0}
    assert not complete.interrupted


def test_an_importer_that_declines_is_an_error_and_keeps_what_was_read(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", 2)

    def declines() -> Iterator[Item]:
        yield from drafts(1, 2, 3, 4)
        raise ImportFailed("jsonl: not a file of ours")

    report = Report("jsonl", "notes", "jsonl:notes")
    with pytest.raises(ImportFailed):
        Intake(opened, report, lambda report, expected: None).take(declines())
    assert report.added == stored(opened) == 4
    assert report.interrupted
