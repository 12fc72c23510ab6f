"""From a scope and a question to records, and from records to the words in which they leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from vault import limits
from vault.errors import BadRequest, TooLarge
from vault.library import Found, Library
from vault.release import Release
from vault.types import Conditions, Detail, Hit, Record, SearchRequest


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that answers, with the place in its text that does."""

    found: Found
    record: Record


def find(
    library: Library, where: Conditions, request: SearchRequest, most: int, asker: str, now: datetime
) -> list[Candidate]:
    """Return at most `most` records within `where` that answer the question best, best first."""
    ranked = library.rank(where, request.query, min(request.limit, most), asker, now)
    stored = library.records([one.record for one in ranked])
    return [Candidate(one, stored[one.record]) for one in ranked if one.record in stored]


def worded(candidates: Sequence[Candidate], detail: Detail, *, owner: bool) -> tuple[Hit, ...]:
    words = Release(detail, owner=owner)
    return tuple(words.hit(c.record, c.found.start, c.found.end, c.found.score) for c in candidates)


def fitting(
    candidates: list[Candidate], hits: tuple[Hit, ...], size: int | None
) -> tuple[list[Candidate], tuple[Hit, ...]]:
    """Return the best of an answer that are `size` characters together, one at least; all when there is no `size`."""
    if size is None:
        return candidates, hits
    sizes = accumulate(sum(map(len, (hit.title, hit.text, hit.origin, *hit.people, *hit.labels))) for hit in hits)
    most = max(1, sum(so_far <= size for so_far in sizes))
    return candidates[:most], hits[:most]


def check(request: SearchRequest) -> None:
    """Raise BadRequest for a question that is none, TooLarge for one that is too long."""
    if not request.query.strip():
        raise BadRequest("the query is empty", hint="ask something")
    if len(request.query) > limits.QUERY:
        raise TooLarge(f"a query has at most {limits.QUERY} characters")
    if not 1 <= request.limit <= limits.HITS:
        raise BadRequest(f"the limit is a number from 1 to {limits.HITS}")
