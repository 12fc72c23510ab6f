"""Browsers for the tests of what people see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import Box, chromium
from tests.support import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def console(server: Server, browser: Browser) -> Box:
    """A server over an empty vault, and a browser: `console.page()` is signed in."""
    return Box(server, browser)
