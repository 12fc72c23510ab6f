"""The golden configurations: what connecting makes of each. `python -m tests.clients.goldens` writes them anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vault import connect
from vault.connect import Client, Plan
from vault.errors import ConfigRefused

HERE = Path(__file__).parent / "golden"
CASES = ("absent", "empty", "existing", "commented", "broken")
TOKEN = "/home/ada/.local/share/ownvault/connections/one.token"
BRIDGE = connect.bridge(("/home/ada/.local/bin/ownvault",), TOKEN, "/home/ada/.local/share/ownvault")


@dataclass(frozen=True)
class Golden:
    """One case of one client. `before` is None where there is no file."""

    client: str
    case: str
    kind: Client

    @property
    def suffix(self) -> str:
        return "toml" if self.kind.form is connect.TOML else "json"

    def file(self, what: str) -> Path:
        return HERE / self.client / f"{self.case}.{what}"

    @property
    def before(self) -> bytes | None:
        file = self.file(f"before.{self.suffix}")
        return file.read_bytes() if file.exists() else None

    def planned(self, place: Path) -> Plan:
        """Put the case at a place and work out the edit."""
        place.parent.mkdir(parents=True, exist_ok=True)
        if self.before is not None:
            place.write_bytes(self.before)
        return connect.plan(self.kind, place, "", connect.ENTRY, BRIDGE)


def goldens() -> list[Golden]:
    kinds = {name: kind for name, kind in connect.clients().items() if kind.files}
    return [Golden(name, case, kind) for name, kind in kinds.items() for case in CASES]


def outcomes() -> Iterator[tuple[Path, bytes]]:
    """Yield each file that connecting decides, and what is to be in it."""
    with tempfile.TemporaryDirectory() as directory:
        for one in goldens():
            place = Path(directory).resolve() / one.client / one.case / f"config.{one.suffix}"
            try:
                yield one.file(f"after.{one.suffix}"), one.planned(place).after
            except ConfigRefused as error:
                said = f"{error.message}\n{error.hint}".replace(str(place), "FILE").rstrip() + "\n"
                yield one.file("refused.txt"), said.encode()


if __name__ == "__main__":
    for file in HERE.glob("*/*"):
        if ".before." not in file.name:
            file.unlink()
    for file, content in outcomes():
        file.write_bytes(content)
