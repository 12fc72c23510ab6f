"""The token that the bridge bears: from the environment or a file, and what it was given instead."""

from __future__ import annotations

from pathlib import Path

from vault.errors import Refused

LONGEST = 16 * 1024
"""Bytes of a file that is looked at for a token; the token's own limit is far below, that of a header above."""
CONNECTIONS = "connections"
"""The directory in which `ownvault connect` keeps tokens, one file for each connection."""


class Bearing:
    """A capability token that may be replaced while it is borne. Nobody but this process sees the one in use."""

    def __init__(self, token: str, file: Path | None = None) -> None:
        """Bear `token`, or what `file` holds: that is read again when the token is refused."""
        self._token, self._file = token, file

    @property
    def token(self) -> str:
        """Return the token. Raises Refused when its file is not there or holds none."""
        if not self._token:
            self.renew()
        return self._token

    def renew(self) -> bool:
        """Read the file again; tell whether it holds another token now. Raises Refused when it holds none."""
        if self._file is None:
            return False
        try:
            with self._file.open("rb") as source:
                found = source.read(LONGEST).decode("ascii", "replace").strip()
        except OSError:
            found = ""
        if not found:
            raise Refused("this is not connected to the vault", hint=self.hint)
        before, self._token = self._token, found
        return found != before

    def replace(self, token: str) -> None:
        """Bear another token from now on."""
        self._token = token

    @property
    def hint(self) -> str:
        """What renews the token."""
        if self._file is None:
            return ""
        kept = self._file.parent.name == CONNECTIONS
        return f"renew it: ownvault connect {self._file.stem}" if kept else f"put a good token into {self._file}"
