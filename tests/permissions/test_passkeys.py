"""Passkeys without a browser: a device made of software signs, with one fault each, and what is wrong is refused."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.webauthn import AttestedCredentialData, AuthenticatorData, CollectedClientData

from vault.errors import BadRequest, NotAllowed
from vault.permissions import passkeys
from vault.permissions.passkeys import base64url
from vault.types import (
    ApproveRequest,
    Asked,
    Assertion,
    Detail,
    Filter,
    Lasting,
    Limits,
    Passkey,
    Request,
    Verdict,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ORIGIN = "http://vault.localhost:7117"
PRESENT, VERIFIED = AuthenticatorData.FLAG.UP, AuthenticatorData.FLAG.UV
REQUEST = Request(
    "q1", Asked.ANSWER, "g1", "claude", "k1", "search", "boat", "", "{}", ("r1:1", "r2:3"), NOW, NOW, Verdict.PENDING
)


class Device:
    """An authenticator in software: one key, a counter, and whatever fault it is told to have."""

    def __init__(self, name: str = "laptop") -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.data = AttestedCredentialData.create(
            bytes(16), name.encode(), ES256.from_cryptography_key(self.private.public_key())
        )
        self.count = 0
        self.passkey = Passkey(base64url(name.encode()), name, NOW, key=bytes(self.data))

    def sign(
        self, challenge: bytes, origin: str = ORIGIN, rp: str = passkeys.RP, flags: Any = PRESENT | VERIFIED,
        kind: str = "webauthn.get", count: int | None = None,
    ) -> Assertion:  # fmt: skip
        self.count += 1
        data = AuthenticatorData.create(
            hashlib.sha256(rp.encode()).digest(), flags, self.count if count is None else count
        )
        told = CollectedClientData.create(kind, challenge, origin)
        signature = self.private.sign(data + told.hash, ec.ECDSA(SHA256()))
        response = {
            "authenticatorData": base64url(data), "clientDataJSON": base64url(told), "signature": base64url(signature),
        }  # fmt: skip
        return Assertion(
            {"id": self.passkey.id, "rawId": self.passkey.id, "type": "public-key", "response": response}, ORIGIN
        )


def challenge(request: Request = REQUEST, said: ApproveRequest | None = None) -> bytes:
    return passkeys.challenge(passkeys.statement("ownvault:0", request, said or ApproveRequest()))


def test_what_is_signed_as_it_should_be_is_taken() -> None:
    device = Device()
    signed = passkeys.check((Device("other").passkey, device.passkey), challenge(), device.sign(challenge()))
    assert (signed.id, signed.count) == (device.passkey.id, 1)


@pytest.mark.parametrize(
    "fault",
    [{"origin": "http://vault.localhost:7118"}, {"origin": "https://vault.localhost:7117"},
     {"origin": "http://127.0.0.1:7117"}, {"origin": "http://evil.example"}, {"rp": "localhost"},
     {"rp": "evil.example"}, {"flags": PRESENT}, {"flags": VERIFIED}, {"flags": AuthenticatorData.FLAG(0)},
     {"kind": "webauthn.create"}],
    ids=str,
)  # fmt: skip
def test_one_fault_is_enough(fault: dict[str, Any]) -> None:
    device = Device()
    with pytest.raises(NotAllowed, match="did not sign this"):
        passkeys.check((device.passkey,), challenge(), device.sign(challenge(), **fault))


@pytest.mark.parametrize(
    "said",
    [ApproveRequest(Lasting.ALWAYS), ApproveRequest(Lasting.WHILE, 3600), ApproveRequest(all=True),
     ApproveRequest(filter=Filter(collections=("notes",))), ApproveRequest(filter=Filter(sensitivity="public")),
     ApproveRequest(detail=Detail.SNIPPET), ApproveRequest(expires_in=60), ApproveRequest(limits=Limits(results=1)),
     ApproveRequest(actions=())],
    ids=str,
)  # fmt: skip
def test_a_signature_holds_for_exactly_what_was_chosen(said: ApproveRequest) -> None:
    device = Device()
    assert challenge(said=said) != challenge()
    with pytest.raises(NotAllowed):
        passkeys.check((device.passkey,), challenge(said=said), device.sign(challenge()))


@pytest.mark.parametrize(
    "change",
    [{"id": "q2"}, {"records": ("r1:2", "r2:3")}, {"records": ("r1:1",)}, {"key": "k2"}, {"grant": "g2"},
     {"client": "cursor"}],
    ids=str,
)  # fmt: skip
def test_and_for_exactly_what_was_asked(change: dict[str, Any]) -> None:
    device = Device()
    other = challenge(replace(REQUEST, **change))
    assert other != challenge()
    with pytest.raises(NotAllowed):
        passkeys.check((device.passkey,), other, device.sign(challenge()))


def test_a_key_that_is_not_kept_signs_nothing() -> None:
    device, stranger = Device(), Device("stranger")
    with pytest.raises(NotAllowed):
        passkeys.check((device.passkey,), challenge(), stranger.sign(challenge()))
    stranger.passkey = replace(stranger.passkey, id=device.passkey.id)  # under the name of the one that is
    with pytest.raises(NotAllowed):
        passkeys.check((device.passkey,), challenge(), stranger.sign(challenge()))
    with pytest.raises(NotAllowed):
        passkeys.check((), challenge(), device.sign(challenge()))


def test_a_key_whose_counter_does_not_grow_was_copied() -> None:
    device = Device()
    seen = passkeys.check((device.passkey,), challenge(), device.sign(challenge(), count=7))
    for count in (7, 3):
        with pytest.raises(NotAllowed, match="copied"):
            passkeys.check((seen,), challenge(), device.sign(challenge(), count=count))
    assert passkeys.check((seen,), challenge(), device.sign(challenge(), count=8)).count == 8
    assert passkeys.check((device.passkey,), challenge(), device.sign(challenge(), count=0)).count == 0


@pytest.mark.parametrize("name", ["clientDataJSON", "authenticatorData", "signature"])
@pytest.mark.parametrize("value", [None, "", "AAAA", "=", "é", 7, [], {}, "A" * 100_000], ids=lambda one: str(one)[:8])
def test_an_answer_of_any_shape_is_refused_and_nothing_else(name: str, value: Any) -> None:
    device = Device()
    said = device.sign(challenge())
    said.response["response"][name] = value
    with pytest.raises(NotAllowed):
        passkeys.check((device.passkey,), challenge(), said)
    assert isinstance(passkeys.answered(said), bytes)
    with pytest.raises(BadRequest):
        passkeys.made(challenge(), said, "laptop", NOW)
