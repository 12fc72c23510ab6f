"""A locked vault says so, unsigned, and nothing more; afterwards the same tokens are good again."""

from __future__ import annotations

from tests.api.extension.conftest import PAGE, Extension, Place
from tests.support import PASSPHRASE
from vault.api.extension.calls import CALLS
from vault.errors import Unreachable
from vault.permissions.transcripts import encoded
from vault.types import Holder


def test_locked(place: Place) -> None:
    one = place.paired()
    waiting = Extension(place.port, "chrome-extension://" + "b" * 32)
    pairing, _ = waiting.start("Waiting")
    place.remote.lock(place.owner)
    assert any(_locked(place) for _ in range(10_000)), "the requests pace it"
    for name in ("hello", *(call.name for call in CALLS)):
        assert one.refused(name, {"nonce": encoded(bytes(32))}) == (503, "locked"), name
    assert one.refused("capture", origin="https://evil.example") == (403, "not_allowed"), "the parent guards, too"
    assert one.refused("capture", method="GET")[0] == 405
    large = PAGE | {"key": "while-locked", "text": "x" * 4_000_000}
    assert one.refused("capture", large) == (503, "locked")
    place.running.owner = Holder(place.remote.unlock(bytearray(PASSPHRASE)).token)
    assert one.ask("capture", PAGE | {"key": "while-locked"})["outcome"] == "added"
    assert waiting.refused("pair/token", {"pairing": pairing}) == (410, "pairing_over"), (
        "locking ends what was under way"
    )


def _locked(place: Place) -> bool:
    """Say whether the server is locked; between its two processes it may not answer at all."""
    try:
        return bool(place.remote.health()["state"] == "locked")
    except Unreachable:
        return False
