"""What permission costs: the token alone, each published attack on it, and one whole decision with its audit entry.

`cold` makes the vault forget the token each time, as for a token that it has never seen; `warm` is every later request.
Attacks are measured in CPU time of the thread, so that a busy machine changes nothing; the worst of several counts.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.machine import keep, milliseconds, spread, table
from tests.support import HashingEncoder, fill, grant
from vault.config import Config
from vault.errors import Refused
from vault.permissions import tokens
from vault.service import Vault
from vault.types import (
    EVERYTHING,
    Action,
    Detail,
    Filter,
    Grant,
    Holder,
    Limits,
    Names,
    Provenance,
    Record,
    Sensitivity,
    Status,
)

TESTS = Path(__file__).resolve().parents[1] / "tests" / "permissions"
TOKEN_BAR_MS, ATTACK_BAR_MS, DECISION_BAR_MS = 0.5, 50.0, 3.0
TIMES, TRIES = 400, 5
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ROOT, AUDIENCE = tokens.Root.from_seed(b"benchmark only, 32 bytes of seed", 1), tokens.audience("0" * 32)
COLLECTIONS = ("mail", "notes")
GRANT = Grant(
    "g-1", "claude", "", frozenset({Action.SEARCH, Action.READ}),
    replace(EVERYTHING, collections=Names.of(*COLLECTIONS)), Status.ACTIVE, NOW, NOW + timedelta(days=30), None,
)  # fmt: skip
NARROW = replace(
    GRANT, detail=Detail.SNIPPET, limits=Limits(results=10),
    where=replace(
        GRANT.where, sources=Names.of("imap", "vault"), kinds=Names.of("note"), labels=(frozenset({"tax", "work"}),),
        without_labels=frozenset({"private"}), last=90, ceiling=Sensitivity.PERSONAL,
    ),
)  # fmt: skip
RECORD = Record(
    "r", "notes", "vault", "o", "note", "", "", NOW, None, NOW, ("Ann", "Bob"), ("work",), Sensitivity.PERSONAL, "",
    Provenance.OWNER, "", "", 0, 1,
)  # fmt: skip


# ---------------------------------------------------------------- the token alone


def token_work() -> dict[str, dict[str, dict[str, float]]]:
    """Return what each step costs for a token of two collections, one of every condition, and the child of each."""
    figures = {}
    for name, given in (("two collections", GRANT), ("every condition", NARROW)):
        parent = tokens.mint(ROOT, given, AUDIENCE, given.expires, NOW)
        child = tokens.attenuate(parent, ROOT.public, actions=[Action.SEARCH], kinds=["note"], detail=Detail.REDACTED)
        figures |= {name: steps(parent), f"{name}, narrowed": steps(child)}
    return figures


def steps(token: str) -> dict[str, dict[str, float]]:
    vetted = tokens.vet(token)
    good = tokens.verify(vetted, ROOT.keys, AUDIENCE, NOW)

    def authorize() -> None:
        assert tokens.authorize(good, Action.SEARCH, COLLECTIONS[:1], NOW, AUDIENCE)

    calls: dict[str, Callable[[], object]] = {
        "vet and authorize": lambda: (tokens.vet(token), authorize()),
        "vet": lambda: tokens.vet(token),
        "verify the signature": lambda: tokens.verify(vetted, ROOT.keys, AUDIENCE, NOW),
        "authorize": authorize,
        "gate a record": lambda: tokens.gate(good, RECORD, Action.SEARCH, NOW),
    }
    return {name: spread(milliseconds(call, TIMES)) for name, call in calls.items()}


# ---------------------------------------------------------------- attacks


def attacks() -> dict[str, float]:
    """Return the CPU time in ms of each attack of the tests, all of which get nothing, and of the costliest tokens."""
    sys.path.insert(0, str(TESTS))
    import hostile

    figures = {}
    for name, attack in hostile.ATTACKS.items():
        assert not attack.succeeds()
        figures[name] = cpu(attack.succeeds)
    costliest, crowded = hostile.costliest(), replace(RECORD, labels=many("label"), people=many("person"))
    good = tokens.verify(tokens.vet(costliest), hostile.ROOT.keys, hostile.AUDIENCE, hostile.NOW)
    figures["as many caveats as fit, at the door"] = cpu(hostile.Attack(costliest).succeeds)
    figures["as many caveats as fit, at a record of 2000 names"] = cpu(
        lambda: tokens.gate(good, crowded, Action.READ, hostile.NOW)
    )
    return figures


def many(noun: str) -> tuple[str, ...]:
    return tuple(f"{noun} {i}" for i in range(1000))


def cpu(call: Callable[[], object]) -> float:
    """Return the worst thread CPU time of several calls, in ms."""
    worst = 0
    for _ in range(TRIES):
        start = time.thread_time_ns()
        call()
        worst = max(worst, time.thread_time_ns() - start)
    return round(worst / 1e6, 3)


# ---------------------------------------------------------------- the whole decision


def decisions() -> tuple[dict[str, dict[str, float]], float]:
    """Return what a decision with its durable audit entry costs, and the CPU time of refusing a wrong holder."""
    with tempfile.TemporaryDirectory() as place:
        config = Config(directory=Path(place) / "vault", argon2_memory=19 * 1024)
        Vault.create(config, bytearray(b"benchmark only"))
        with Vault.open(config, bytearray(b"benchmark only"), encoder=HashingEncoder()) as vault:
            fill(vault, "notes", boat="the boat leaks", oak="oak boards")
            plain = grant(vault, "claude", "notes")
            keys: Any = vault.public_keys()
            key = tokens.public_key(keys["token_keys"][0]["public_key"])
            child = Holder(tokens.attenuate(plain.token, key, collections=["notes"], actions=[Action.SEARCH]))

            def decide(holder: Holder, *, cold: bool) -> None:
                if cold:
                    vault._parts.ring._verify._known.clear()
                with vault._decide(holder, Action.SEARCH, "boat") as decision:
                    decision.scope(Filter())
                    decision.record()

            figures = {
                f"{name}, {state}": spread(milliseconds(lambda h=holder, c=cold: decide(h, cold=c), TIMES))  # type: ignore[misc]
                for name, holder in (("token", plain), ("attenuated token", child))
                for state, cold in (("cold", True), ("warm", False))
            }
            bound = grant(vault, "bound", "notes", holder="thumbprint")
            stolen = Holder(bound.token, proof="another")

            def steal() -> None:
                try:
                    decide(stolen, cold=True)
                except Refused as error:
                    assert error.reason == "wrong_holder"
                else:
                    raise AssertionError("a token served somebody else's key")

            return figures, cpu(steal)


def main() -> None:
    alone, hostile = token_work(), attacks()
    whole, hostile["the wrong holder"] = decisions()
    bars = {"token_bar_ms": TOKEN_BAR_MS, "attack_bar_cpu_ms": ATTACK_BAR_MS, "decision_bar_ms": DECISION_BAR_MS}
    keep("permission", {"times": TIMES, **bars, "token": alone, "attacks_cpu_ms": hostile, **whole})
    table(
        f"a token: each step, median of {TIMES}",
        [
            (f"{name}: {step}", f"{figures['median']:.3f} ms (p95 {figures['p95']:.3f})",
             f"bar {TOKEN_BAR_MS:g} ms" if step == "vet and authorize" else "")
            for name, each in alone.items() for step, figures in each.items()
        ],
    )  # fmt: skip
    slowest = sorted(hostile.items(), key=lambda one: -one[1])
    table(
        f"attacks: CPU time until refused, the slowest of {len(hostile)}",
        [(name, f"{taken:.2f} ms", f"bar {ATTACK_BAR_MS:g} ms") for name, taken in slowest[:8]],
    )
    table(
        f"permission work: vet, verify, authorize, durable audit entry ({TIMES} requests each)",
        [
            (name, f"{figures['median']:.2f} ms (p95 {figures['p95']:.2f})", f"bar {DECISION_BAR_MS:g} ms")
            for name, figures in whole.items()
        ],
    )


if __name__ == "__main__":
    main()
