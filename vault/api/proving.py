"""A holder's own key: made once, kept in a file, proved with every request that presents a token bound to it.

The other side is `vault.api.oauth.dpop`. RFC 9449; keys as JWK (RFC 7517), Ed25519.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from pathlib import Path
from typing import Any

from vault.api.oauth.dpop import HEADER, TYPE
from vault.errors import BadRequest

ALGORITHM = "Ed25519"
LONGEST = 4096
"""Bytes of a key's file."""


class Prover:
    """A key that its holder can prove. `thumbprint` names it (RFC 7638)."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self.thumbprint: str = key.thumbprint()

    @classmethod
    def make(cls, path: Path) -> Prover:
        """Make a key and keep it in a new file that only its owner can read. BadRequest when there is one already."""
        from joserfc.jwk import OKPKey

        made: Any = OKPKey.generate_key("Ed25519")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise BadRequest(f"cannot write {path}: {error.strerror}", hint="name a file that does not exist") from None
        with os.fdopen(descriptor, "w") as file:
            json.dump(made.as_dict(private=True), file)
        return cls(made)

    @classmethod
    def read(cls, path: Path) -> Prover:
        """Read the key in a file that `make` wrote. BadRequest when it is none, or others can read it."""
        from joserfc.errors import JoseError
        from joserfc.jwk import OKPKey

        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077:
                    raise BadRequest(f"others can read {path}", hint=f"chmod 600 {path}")
                said = json.loads(file.read(LONGEST))
            key: Any = OKPKey.import_key(said)
            if not key.is_private or said.get("crv") != ALGORITHM:
                raise ValueError
        except OSError as error:
            raise BadRequest(f"cannot read {path}: {error.strerror}") from None
        except (ValueError, TypeError, AttributeError, RecursionError, JoseError):
            raise BadRequest(f"{path} holds no key", hint="make one: ownvault token key FILE") from None
        return cls(key)

    def headers(self, token: str, method: str, url: str) -> dict[str, str]:
        """Return the headers that present a token with a fresh proof of the key."""
        return {"Authorization": f"DPoP {token}", HEADER: self.proof(method, url, token)}

    def proof(self, method: str, url: str, token: str = "") -> str:
        """Return a proof for one request, with a token if it presents one."""
        from joserfc import jws

        said: dict[str, Any] = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url.partition("?")[0],
                                "iat": int(time.time())}  # fmt: skip
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            said["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        header = {"typ": TYPE, "alg": ALGORITHM, "jwk": self._key.as_dict(private=False)}
        return jws.serialize_compact(header, json.dumps(said).encode(), self._key, algorithms=[ALGORITHM])
