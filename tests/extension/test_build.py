"""What is built: the same bytes each time, no more permissions than said, nothing from elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.extension.browser import PLUGIN, build, missing

PERMISSIONS = ["storage", "activeTab", "scripting", "sidePanel", "alarms", "contextMenus"]
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src http://127.0.0.1:*; base-uri 'none'; form-action 'none'"
)
BROWSERS = ("chromium", "firefox")
BAD = (
    r"\.innerHTML\s*=", r"\.outerHTML\s*=", r"insertAdjacentHTML", r"document\.write", r"\beval\(", r"new Function\(",
    r"storage\.sync", r"\bimportScripts\(", r"\bimport\(",
)  # fmt: skip
"""What makes markup or code of a text, loads code, or lets something leave this computer."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension as it ships: with no site that it may read without being asked."""
    return build(tmp_path_factory.mktemp("plain"))


def manifest(built: Path, browser: str) -> dict[str, Any]:
    return json.loads((built / browser / "manifest.json").read_text())  # type: ignore[no-any-return]


def digests(folder: Path) -> dict[str, str]:
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    return {str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest() for one in files}


def test_the_same_source_gives_the_same_bytes(plain: Path, tmp_path: Path) -> None:
    assert digests(plain) == digests(build(tmp_path))
    assert len(digests(plain / "chromium")) > 12


def test_it_asks_for_what_is_said_and_no_more(plain: Path) -> None:
    chromium, firefox = (manifest(plain, browser) for browser in BROWSERS)
    assert chromium["permissions"] == PERMISSIONS
    assert firefox["permissions"] == [one for one in PERMISSIONS if one != "sidePanel"], "Firefox has its own sidebar"
    for said in (chromium, firefox):
        assert said["host_permissions"] == ["http://127.0.0.1/*"]
        assert said["content_security_policy"] == {"extension_pages": CSP}
        assert said["incognito"] == "not_allowed"
        refused = (
            "content_scripts",
            "web_accessible_resources",
            "externally_connectable",
            "update_url",
            "optional_permissions",
        )
        assert [name for name in refused if name in said] == []


@pytest.mark.parametrize("browser", BROWSERS)
def test_nothing_in_it_is_from_elsewhere_or_becomes_markup(plain: Path, browser: str) -> None:
    for file in sorted((plain / browser).glob("*.js")):
        text = file.read_text()
        for bad in BAD:
            assert not re.search(bad, text), f"{file.name}: {bad}"
        if file.name not in ("background.js",):
            assert "/extension/" not in text, f"{file.name} would call the vault by itself"
    for page in (plain / browser).glob("*.html"):
        assert re.findall(r'(?:src|href)="([^"]+)"', page.read_text())
        assert not re.search(r'(?:src|href)="(?:https?:)?//|<script(?![^>]*src=)|\son\w+=|style="', page.read_text()), (
            page.name
        )


def test_what_is_bundled_comes_with_its_licence(plain: Path) -> None:
    names = json.loads((PLUGIN / "package.json").read_text())["dependencies"]
    said = (plain / "chromium" / "licences.txt").read_text()
    assert all(f"{name} {version}" in said for name, version in names.items())


def test_every_version_is_exact_and_locked() -> None:
    said = json.loads((PLUGIN / "package.json").read_text())
    locked = json.loads((PLUGIN / "package-lock.json").read_text())["packages"]
    wanted = said["dependencies"] | said["devDependencies"]
    assert all(re.fullmatch(r"[\d.]+", version) for version in wanted.values())
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert not any("resolved" in one for one in locked.values()), "whose registry it came from is nobody's business"


def test_mozillas_linter_finds_nothing(plain: Path, tmp_path: Path) -> None:
    tool = Path(__file__).parent / "node_modules" / "web-ext" / "bin" / "web-ext.js"
    if not tool.is_file():
        missing("web-ext is not installed: in tests/extension run npm ci --ignore-scripts")
    options = ["--no-config-discovery", "--self-hosted", "--output", "json", "--source-dir", str(plain / "firefox")]
    done = subprocess.run(
        ["node", str(tool), "lint", *options],
        env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(done.stdout)["summary"]
    assert found == {"errors": 0, "notices": 0, "warnings": 0}, done.stdout


@pytest.mark.parametrize("script", ["check", "test"])
def test_its_own_checks_pass(script: str) -> None:
    if not (PLUGIN / "node_modules" / "typescript").is_dir():
        missing("in plugins/browser run npm ci --ignore-scripts")
    done = subprocess.run(["npm", "run", "--silent", script], cwd=PLUGIN, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
