"""What a client asks to be granted, as it is stored: read exactly as written, and nothing else."""

from __future__ import annotations

import json

import pytest

from vault.errors import BadRequest, Damaged
from vault.permissions import access
from vault.types import AccessRequest, Action, Detail, Filter, Limits

WISH = AccessRequest(
    "weekly review", (Action.SEARCH,), Filter(collections=("notes",)), Detail.SNIPPET, Limits(results=5), 3600
)
STORED = access.write(WISH, access.check(WISH))


def test_what_is_written_is_read() -> None:
    assert access.read(STORED) == (
        frozenset(WISH.actions), WISH.detail, WISH.limits, access.check(WISH), WISH.expires_in
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"extra": 1}, {"limits": {"results": 0}}, {"limits": {"unknown": 1}}, {"scope": {}}, {"detail": "all"}],
)
def test_anything_else_is_damage(change: dict[str, object]) -> None:
    with pytest.raises(Damaged):
        access.read(json.dumps(json.loads(STORED) | change))


@pytest.mark.parametrize("text", ["", "[]", "null", '{"v":1}'])
def test_no_terms_are_damage(text: str) -> None:
    with pytest.raises(Damaged):
        access.read(text)


@pytest.mark.parametrize("bound", [0, -1, 2**53])
def test_a_limit_that_no_grant_may_have_is_not_asked_for(bound: int) -> None:
    with pytest.raises(BadRequest):
        access.check(AccessRequest("review", limits=Limits(results=bound), filter=Filter(collections=("notes",))))
