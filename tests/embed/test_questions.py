"""The made-up sets of the retrieval benchmark: the same every time, and answerable from their records alone."""

from __future__ import annotations

from bench.questions.groups import groups
from bench.questions.life import life
from bench.questions.log import WAYS, log
from bench.questions.sets import WAYS as EXPORTS
from bench.questions.sets import imported
from bench.questions.ticks import ticks


def test_every_question_has_an_answer_among_the_records() -> None:
    for drafts, asked in (life(), groups(), ticks(), *((drafts, asked) for _, drafts, asked in log())):
        known = [draft.origin for draft in drafts]
        assert len(set(known)) == len(known)
        assert asked
        assert all(one.wanted and one.wanted <= set(known) for one in asked)


def test_the_sets_are_the_same_every_time() -> None:
    assert (life(), groups(), ticks(), list(log())) == (life(), groups(), ticks(), list(log()))
    assert len(life()[1]) >= 300
    assert len(list(log())) == len(WAYS)


def test_what_exports_leave_out_the_importer_reads_from_the_text() -> None:
    turns, _ = groups()
    some = turns[:50]
    threads = {draft.thread for draft in imported(map(EXPORTS["stamped lines"], some))}
    assert len(threads) == 1
    assert "" not in threads
    read = imported(map(EXPORTS["stamped lines"], some))
    assert [draft.created for draft in read] == [draft.created for draft in some]
    assert [draft.position for draft in read] == list(range(50))
    assert [draft.text.partition("] ")[2].partition(": ")[2] for draft in read] == [draft.text for draft in some]
