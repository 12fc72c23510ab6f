"""What permission costs: vet, verify, authorize and the durable audit entry of one request, without any search.

`cold` makes the vault forget the token each time, as for a token that it has never seen; `warm` is every later request.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.machine import keep, milliseconds, spread, table
from tests.support import HashingEncoder, fill, grant
from vault.config import Config
from vault.permissions import tokens
from vault.service import Vault
from vault.types import Action, Filter, Holder

BAR_MS, TIMES = 3.0, 400


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        config = Config(directory=Path(place) / "vault", argon2_memory=19 * 1024)
        Vault.create(config, bytearray(b"benchmark only"))
        with Vault.open(config, bytearray(b"benchmark only"), encoder=HashingEncoder()) as vault:
            fill(vault, "notes", boat="the boat leaks", oak="oak boards")
            plain = grant(vault, "claude", "notes")
            key = tokens.public_key(str(vault.public_keys()["token_keys"][0]["public_key"]))  # type: ignore[index]
            child = Holder(tokens.attenuate(plain.token, key, collections=["notes"], actions=[Action.SEARCH]))

            def decide(holder: Holder, *, cold: bool) -> None:
                if cold:
                    vault._desk.verify._known.clear()
                with vault._decide(holder, Action.SEARCH, "boat") as decision:
                    decision.scope(Filter())
                    decision.record()

            figures = {
                f"{name}, {state}": spread(milliseconds(lambda h=holder, c=cold: decide(h, cold=c), TIMES))  # type: ignore[misc]
                for name, holder in (("token", plain), ("attenuated token", child))
                for state, cold in (("cold", True), ("warm", False))
            }
    keep("permission", {"times": TIMES, "bar_ms": BAR_MS, **figures})
    table(
        f"permission work: vet, verify, authorize, durable audit entry ({TIMES} requests each)",
        [(name, f"{f['median']:.2f} ms (p95 {f['p95']:.2f})", f"bar {BAR_MS:g} ms") for name, f in figures.items()],
    )


if __name__ == "__main__":
    main()
