"""A record's text on a page: as it is, or read as Markdown with nothing in it that acts, loads or pretends.

No raw HTML, no images: a picture is the text that stands for it. Links are shown with the address they lead to, and
only addresses of the web are links.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from vault.legible import legible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

LONGEST = 100_000
"""Characters that are read as Markdown; what is longer stays text."""


def readable(text: str) -> str:
    """Return a text without characters that hide words."""
    return legible(text)


def markdown(text: str) -> str | Markup:
    """Return a text read as Markdown, safe to show; a very long one as it is."""
    plain = legible(text)
    if len(plain) > LONGEST:
        return plain
    return Markup(_reader().render(plain))  # noqa: S704  the reader escapes all that is not its own


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt  # deferred: start-up time

    reader = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 12}).enable(["table"])
    reader.add_render_rule("image", _image)
    reader.add_render_rule("link_open", _link_open)
    reader.add_render_rule("link_close", _link_close)
    reader.add_render_rule("heading_open", _heading)
    reader.add_render_rule("heading_close", _heading)
    return reader


def _image(self: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    return str(Markup('<span class="picture">{}</span>').format(f"[picture: {tokens[at].content or 'no description'}]"))


def _link_open(self: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    address = str(tokens[at].attrs.get("href", ""))
    env.setdefault("links", []).append(address)
    if _web(address):
        return f'<a href="{escape(address)}" rel="noreferrer noopener nofollow" target="_blank">'
    return "<span>"


def _link_close(self: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    address = env["links"].pop()
    said = str(Markup(' <span class="address">({})</span>').format(address)) if address else ""
    return ("</a>" if _web(address) else "</span>") + said


def _heading(self: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    """Headings of a record stand below those of the page."""
    level = min(6, int(tokens[at].tag[1]) + 2)
    return f"<{'/' if tokens[at].nesting < 0 else ''}h{level}>"


def _web(address: str) -> bool:
    return address.startswith(("https://", "http://")) and address.isascii() and address.isprintable()
