"""A system's keyring for tests: the file that OWNVAULT_TEST_KEYRING names.

PYTHON_KEYRING_BACKEND=tests.filekeyring.Keyring has the library use it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class Keyring(KeyringBackend):
    """Takes the place of the operating system's, which no test may touch."""

    priority = 5  # type: ignore[assignment]

    def _place(self) -> Path:
        return Path(os.environ["OWNVAULT_TEST_KEYRING"])

    def _kept(self) -> dict[str, str]:
        return json.loads(self._place().read_text()) if self._place().exists() else {}  # type: ignore[no-any-return]

    def get_password(self, service: str, username: str) -> str | None:
        return self._kept().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._place().write_text(json.dumps(self._kept() | {f"{service} {username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        kept = self._kept()
        if kept.pop(f"{service} {username}", None) is None:
            raise PasswordDeleteError
        self._place().write_text(json.dumps(kept))


class Unsafe(Keyring):
    """One that the library itself would not recommend."""

    priority = 0.5  # type: ignore[assignment]
