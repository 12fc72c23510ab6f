"""Passkeys: WebAuthn keys of the owner's, and what they sign. SPEC.md, "Passkeys".

Checking is the work of Yubico's `fido2`; here is what is asked of it: our name, one exact origin, a person who proved
to the device that they are there, and as challenge the hash of the very words that are approved.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import rfc8785

from vault import limits
from vault.errors import BadRequest, NotAllowed, NotFound
from vault.legible import legible
from vault.permissions import scope
from vault.types import ApproveRequest, Assertion, Connection, Passkey, Request, from_micros, micros

if TYPE_CHECKING:
    from fido2.server import Fido2Server

RP = "vault.localhost"
"""Who asks, to the device: a key made for this name is used for no other."""
ASSENT = b"ownvault/v1/assent\x00"
_COLUMNS = "id, name, key, count, created, used"


# ---------------------------------------------------------------- what is signed


def statement(audience: str, request: Request, said: ApproveRequest) -> str:
    """Return the words that are approved, as canonical JSON: which request of which vault, and all that was chosen."""
    return rfc8785.dumps({
        "act": "approve", "v": 1, "vault": audience, "request": request.id, "client": request.client,
        "grant": request.grant, "key": request.key, "records": list(request.records), "chosen": _chosen(said),
    }).decode()  # fmt: skip


def _chosen(said: ApproveRequest) -> dict[str, Any]:
    limited = said.limits
    return {
        "lasting": str(said.lasting), "seconds": said.seconds, "all": said.all, "expires_in": said.expires_in,
        "scope": scope.to_json(scope.narrowing(said.filter)),
        "actions": None if said.actions is None else sorted(map(str, said.actions)),
        "detail": None if said.detail is None else said.detail.name.lower(),
        "limits": [limited.results, limited.queries_per_hour, limited.records_per_day, limited.bytes_per_day],
    }  # fmt: skip


def challenge(statement: str) -> bytes:
    """Return what a passkey signs for a statement."""
    return hashlib.sha256(ASSENT + statement.encode()).digest()


# ---------------------------------------------------------------- checking


def offer(challenge: bytes, kept: tuple[Passkey, ...]) -> dict[str, Any]:
    """Return the options with which a browser makes a passkey (PublicKeyCredentialCreationOptionsJSON)."""
    from fido2.webauthn import PublicKeyCredentialUserEntity, UserVerificationRequirement

    owner = PublicKeyCredentialUserEntity(id=hashlib.sha256(RP.encode()).digest(), name="owner", display_name="owner")
    options, _ = _server("").register_begin(
        owner, _described(kept), user_verification=UserVerificationRequirement.REQUIRED, challenge=challenge
    )
    return dict(options.public_key)


def made(challenge: bytes, said: Assertion, name: str, now: datetime) -> Passkey:
    """Return the passkey that a browser made for an offer. Raises BadRequest for an answer that is none."""
    shown = " ".join(legible(name).split())[: limits.NAME]
    if not shown:
        raise BadRequest("give the passkey a name")
    try:
        found = _server(said.origin).register_complete(_state(challenge), said.response).credential_data
    except Exception as error:  # a stranger's bytes, in a parser of another's: whatever it raises, it is refused
        raise BadRequest("that is no passkey of this page", reason=type(error).__name__) from None
    assert found is not None
    return Passkey(base64url(found.credential_id), shown, now, key=bytes(found))


def check(kept: tuple[Passkey, ...], challenge: bytes, said: Assertion) -> Passkey:
    """Return the passkey that signed, with its counter as it is now. Raises NotAllowed."""
    from fido2.webauthn import AttestedCredentialData, AuthenticationResponse

    try:
        known = [AttestedCredentialData(one.key) for one in kept]
        found = _server(said.origin).authenticate_complete(_state(challenge), known, said.response)
        count = AuthenticationResponse.from_dict(said.response).response.authenticator_data.counter
    except Exception as error:
        raise NotAllowed("the passkey did not sign this", reason=f"passkey_{type(error).__name__}") from None
    signed = next(one for one in kept if one.id == base64url(found.credential_id))
    if count and count <= signed.count:  # WebAuthn 7.2, step 22: another device has this key, too
        raise NotAllowed("the passkey was copied", hint="remove it in the settings", reason="passkey_copied")
    return Passkey(signed.id, signed.name, signed.created, signed.used, count, signed.key)


def answered(said: Assertion) -> bytes:
    """Return the challenge that an answer says it is to; nothing when it says none. It proves nothing yet."""
    try:
        return from_base64url(json.loads(from_base64url(said.response["response"]["clientDataJSON"]))["challenge"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return b""


def evidence(statement: str, said: Assertion) -> dict[str, Any]:
    """Return what the audit entry keeps, so that anybody with the public key can check that this text was signed."""
    response = said.response["response"]
    return {
        "passkey": said.response["id"], "statement": statement, "authenticator_data": response["authenticatorData"],
        "client_data": response["clientDataJSON"], "signature": response["signature"],
    }  # fmt: skip


def _server(origin: str) -> Fido2Server:
    from fido2.server import Fido2Server
    from fido2.webauthn import PublicKeyCredentialRpEntity

    return Fido2Server(PublicKeyCredentialRpEntity(id=RP, name="ownvault"), verify_origin=lambda said: said == origin)


def _state(challenge: bytes) -> Mapping[str, Any]:
    from fido2.webauthn import UserVerificationRequirement

    return {"challenge": base64url(challenge), "user_verification": UserVerificationRequirement.REQUIRED}


def _described(kept: tuple[Passkey, ...]) -> list[Any]:
    from fido2.webauthn import AttestedCredentialData

    return [AttestedCredentialData(one.key) for one in kept]


def base64url(raw: bytes) -> str:
    """Return bytes as WebAuthn writes them in JSON."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """Return the bytes of such a text."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


# ---------------------------------------------------------------- what is kept


def kept(conn: Connection) -> tuple[Passkey, ...]:
    """Return the owner's passkeys, the oldest first."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM passkey ORDER BY created, id").fetchall()  # noqa: S608
    return tuple(
        Passkey(id, name, from_micros(created), None if used is None else from_micros(used), count, key)
        for id, name, key, count, created, used in rows
    )


def add(conn: Connection, made: Passkey) -> None:
    """Keep a passkey. BadRequest over limits.PASSKEYS, or for one that is kept already."""
    every = kept(conn)
    if len(every) >= limits.PASSKEYS or made.id in {one.id for one in every}:
        raise BadRequest("there are too many passkeys, or this one is there already", hint="remove one first")
    conn.execute(
        f"INSERT INTO passkey ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, NULL)",  # noqa: S608
        (made.id, made.name, made.key, made.count, micros(made.created)),
    )


def used(conn: Connection, signed: Passkey, now: datetime) -> None:
    """Note that a passkey signed. NotAllowed when it was removed meanwhile."""
    if not conn.execute(
        "UPDATE passkey SET count = ?, used = ? WHERE id = ?", (signed.count, micros(now), signed.id)
    ).rowcount:
        raise NotAllowed("this passkey was removed", reason="passkey_removed")


def remove(conn: Connection, id: str) -> Passkey:
    """Forget a passkey and return it; NotFound if there is none."""
    found = next((one for one in kept(conn) if one.id == id), None)
    if found is None:
        raise NotFound("no such passkey")
    conn.execute("DELETE FROM passkey WHERE id = ?", (id,))
    return found
