"""How fast a client may ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import fill, grant
from vault import limits
from vault.errors import Throttled
from vault.meter import Rates
from vault.service import Vault
from vault.types import Holder


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_and_then_the_rate() -> None:
    clock = Clock()
    rates = Rates(10, 5, clock)
    assert [rates.ask("a").left for _ in range(5)] == [4, 3, 2, 1, 0]
    refused = rates.ask("a")
    assert refused.wait == pytest.approx(0.1) and refused.left == 0
    assert rates.ask("b").left == 4, "each has its own"
    clock.now += 0.1
    assert not rates.ask("a").wait and rates.ask("a").wait
    clock.now += 60
    assert rates.ask("a").left == 4


@given(st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_no_more_than_burst_and_rate_in_any_time(pauses: list[float]) -> None:
    clock = Clock()
    rates = Rates(10, 5, clock)
    begin, answered = clock.now, 0
    for pause in pauses:
        clock.now += pause
        answered += not rates.ask("a").wait
        assert answered <= 5 + 10 * (clock.now - begin) + 1e-6


def test_those_who_wait_are_not_punished_and_memory_is_bounded() -> None:
    clock = Clock()
    rates = Rates(10, 5, clock, most=3)
    for _ in range(100):
        rates.ask("a")
    clock.now += 0.1
    assert not rates.ask("a").wait
    for n in range(100):
        rates.ask(str(n))
    assert len(rates._until) == 3


def test_many_threads_share_one_burst() -> None:
    rates = Rates(1, 50, Clock())
    with ThreadPoolExecutor(8) as pool:
        assert sum(not one.wait for one in pool.map(lambda _: rates.ask("a"), range(400))) == 50


def test_a_client_is_held_to_it_and_the_owner_is_not(vault: Vault) -> None:
    fill(vault, "notes", keel="The keel bolts.")
    vault._parts.rates.__init__(1, 2, Clock())  # type: ignore[misc]
    holder, other = grant(vault, "eager"), grant(vault, "eager")
    assert vault.admit(holder, "search").allowance is not None
    assert vault.attend(other)
    with pytest.raises(Throttled) as raised:
        vault.admit(holder, "search")
    assert raised.value.seconds == pytest.approx(1)
    with pytest.raises(Throttled):
        vault.attend(other)
    assert vault.admit(grant(vault, "patient"), "search").allowance
    owner = Holder(vault.owner_token().token)
    assert all(vault.admit(owner, "grants").allowance is None for _ in range(20))


def test_the_defaults_are_sane() -> None:
    assert limits.BURST % limits.RATE == 0, "the window that a header tells is whole seconds"
