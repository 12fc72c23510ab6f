"""What the browser extension calls: `POST /extension/NAME`. plugins/browser/SPEC.md. Decode, one method, encode."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from vault.service import Vault


def mount(flask: Flask, vault: Vault) -> None:
    """Add every call."""
    from vault.api.extension.calls import add

    add(flask, vault)
