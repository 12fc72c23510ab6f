"""What axe-core finds wrong with a page for those who use it without a mouse, without eyes, or with other colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

from tests.e2e.browser import LOOKS

if TYPE_CHECKING:
    from playwright.sync_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page, looks: tuple[str, ...] = ("light", "dark", "forced")) -> list[str]:
    """Return what is wrong with the page as it stands, in each of these looks: `dark: color-contrast: .dim, …`."""
    found: list[str] = []
    for look in looks:
        page.emulate_media(**({"color_scheme": "light", "forced_colors": "none"} | LOOKS[look]))  # type: ignore[arg-type]
        settled(page)
        said = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
        found += [f"{look}: {one['id']}: {_where(one)}" for one in said]
    return found


def settled(page: Page) -> None:
    """Wait until nothing of the page moves: a colour on its way to another is neither."""
    page.evaluate("Promise.allSettled(document.getAnimations().map((one) => one.finished))")


def _where(violation: dict[str, Any]) -> str:
    return ", ".join(f"{node['target'][0]} {node['html'][:80]}" for node in violation["nodes"][:5])
