"""One frozen Config, read once: flags over environment over `config.toml` over defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from vault.errors import BadRequest, Damaged

CONFIG_FILE = "config.toml"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything an owner can set. `directory` holds the vault; the rest may stand in its `config.toml`."""

    directory: Path
    port: int = 7117
    model: str = "all-MiniLM-L6-v2"
    """Bundled default, or the name or path of any sentence-transformers model."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda` or `mps`."""
    rerank: str = ""
    """A cross-encoder that looks at the best answers once more, by name or path; none unless the owner wants it."""
    idle_lock: int = 0
    """Minutes without a request after which the server locks; 0 = never."""
    threads: int = 8
    """Requests answered at the same time."""
    argon2_memory: int = 256 * 1024
    """KiB for new keyslots; never under the floor in store/SPEC.md."""

    @classmethod
    def load(cls, directory: str | Path | None = None, env: Mapping[str, str] = os.environ, **flags: Any) -> Config:
        """Read the configuration of the vault in `directory`, `$OWNVAULT_DIR`, or the default place.

        Raises Damaged when `config.toml` does not parse and BadRequest for a key or value that is not one.
        """
        chosen = directory or env.get("OWNVAULT_DIR")
        place = Path(chosen).expanduser() if chosen else default_directory()
        config = cls(directory=place.absolute())
        return replace(config._with(_read(place / CONFIG_FILE)), **{k: v for k, v in flags.items() if v is not None})

    def _with(self, values: Mapping[str, Any]) -> Config:
        known = {f.name: f for f in fields(self) if f.name != "directory"}
        for key, value in values.items():
            if key not in known or type(value) is not type(getattr(self, key)):
                raise BadRequest(f"{CONFIG_FILE}: {key} = {value!r} is not a setting", hint="see docs/config.md")
        return replace(self, **values)


def default_directory() -> Path:
    """Return the platform's data directory for ownvault."""
    from platformdirs import user_data_path  # deferred: start-up time

    return user_data_path("ownvault", appauthor=False)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Damaged(f"{path.name} does not parse: {error}", hint=f"correct or remove {path}") from None
