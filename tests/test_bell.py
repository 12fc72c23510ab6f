"""Who waits for the owner is woken by a decision, by the end of the grant, and never at another grant's cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.test_consent import House, house
from vault.bell import Bell
from vault.errors import Refused
from vault.requesting import WAITS
from vault.types import Approval, Holder, RevokeRequest

__all__ = ["house"]


def test_it_rings_under_a_grant() -> None:
    bell, rung = Bell(), []
    for request, grant in (("q1", "a"), ("q2", "a"), ("q3", "b")):
        bell.listen(request, grant, lambda request=request: rung.append(request), WAITS)  # type: ignore[misc]
    bell.ring_under({"a"})
    assert rung == ["q1", "q2"]
    bell.ring_under(None)
    bell.ring_under(None)
    assert rung == ["q1", "q2", "q3"]


def test_one_grant_does_not_use_up_what_others_wait_in() -> None:
    bell, rung = Bell(), []
    leave = [bell.listen(f"q{i % 2}", "a", lambda: rung.append("a"), 4) for i in range(4)]
    bell.listen("q9", "a", lambda: rung.append("over"), 4)
    assert rung == ["over"]
    bell.listen("r", "b", lambda: rung.append("b"), 4)
    leave[0]()
    bell.listen("q9", "a", lambda: rung.append("again"), 4)
    assert rung == ["over"], "who left holds no place"


ENDINGS: dict[str, Callable[[House, str, Holder], object]] = {
    "grant": lambda house, id, _: house.vault.revoke(house.owner, id),
    "client": lambda house, *_: house.vault.revoke_many(house.owner, RevokeRequest("claude")),
    "kill switch": lambda house, *_: house.vault.revoke_many(house.owner, RevokeRequest(all=True)),
    "token": lambda house, _, claude: house.vault.revoke_token(house.owner, claude.token),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_a_revocation_wakes_who_waits(house: House, how: str) -> None:
    grant, claude = house.grant(approval=Approval.EACH)
    _, other = house.grant("other", approval=Approval.EACH)
    rung: list[str] = []
    house.vault.when_decided(house.waiting(claude), lambda: rung.append("claude"))
    house.vault.when_decided(house.waiting(other), lambda: rung.append("other"))
    assert not rung
    ENDINGS[how](house, grant, claude)
    assert "claude" in rung and ("other" in rung) == (how == "kill switch")
    with pytest.raises(Refused):
        house.ask(claude)


def test_what_does_not_wait_is_not_waited_for(house: House) -> None:
    rung: list[str] = []
    house.vault.when_decided("q" + "0" * 16, lambda: rung.append("unknown"))
    grant, claude = house.grant(approval=Approval.EACH)
    asked = house.waiting(claude)
    house.vault.revoke(house.owner, grant)
    house.vault.when_decided(asked, lambda: rung.append("ended"))
    assert rung == ["unknown", "ended"]
