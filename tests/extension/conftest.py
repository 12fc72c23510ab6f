"""The extension, built once and loaded into a browser, and a vault that it pairs with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.extension.browser import SITES, Extension, Sites, build, chromium, sites
from tests.extension.house import House
from tests.support import Server

if TYPE_CHECKING:
    from playwright.sync_api import Playwright


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension with the tests' sites granted: a browser's own question cannot be answered without a screen."""
    return build(tmp_path_factory.mktemp("extension"), "--hosts", f"http://{SITES}/*")


@pytest.fixture(scope="module")
def web() -> Iterator[Sites]:
    """The saved pages, each on a site of its own."""
    with sites() as served:
        yield served


@pytest.fixture(scope="module")
def house(server: Server) -> House:
    """A running vault and its owner."""
    return House(server)


@pytest.fixture(scope="module")
def driver() -> Iterator[Playwright]:
    """What drives browsers: one at a time, so that other files of tests can have their own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


@pytest.fixture
def extension(driver: Playwright, built: Path, tmp_path: Path) -> Iterator[Extension]:
    """A browser that has never met a vault."""
    with chromium(driver, tmp_path / "profile", built / "chromium") as context:
        yield Extension(context)


@pytest.fixture(scope="module")
def paired(
    driver: Playwright, built: Path, house: House, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Extension]:
    """A browser that the vault knows, with all that it asked for: one for all tests of a file."""
    with chromium(driver, tmp_path_factory.mktemp("paired") / "profile", built / "chromium") as context:
        extension = Extension(context)
        house.pair(extension)
        yield extension
