"""Keeps the vault's server running: as a unit of the system's own service manager, started locked, without a secret.

One facade (`Supervisor`), one file per service manager. What is written is marked as ours, and only that is removed.
"""

from __future__ import annotations

import sys

from vault.errors import Missing
from vault.supervision.service import Service, State, Supervisor

__all__ = ["Service", "State", "Supervisor", "supervisor"]


def supervisor(system: str = sys.platform) -> Supervisor:
    """Return this system's service manager. Raises Missing where there is none that we know."""
    if system == "linux":
        from vault.supervision.systemd import Systemd

        return Systemd()
    if system == "darwin":
        from vault.supervision.launchd import Launchd

        return Launchd()
    raise Missing("there is no service manager here that ownvault knows", hint="run it yourself: ownvault serve")
