"""What a wheel carries beside the sources: the browser extension, built beforehand with `make extension`."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BROWSER = "plugins/browser"


class Extension(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Put it in, except where the package only points to the sources."""
        if version == "editable":
            return
        here = Path(self.root, BROWSER)
        if not (here / "built" / "chromium" / "manifest.json").exists():
            raise RuntimeError("the browser extension is not built: make extension")
        for part in ("built/chromium", "built/firefox", "adapters"):
            build_data["force_include"][str(here / part)] = f"vault/_plugins/browser/{part}"
