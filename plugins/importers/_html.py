"""HTML mail and pages to text: what a reader would see, links kept as text. No importer itself."""

from __future__ import annotations

import re
import warnings

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, XMLParsedAsHTMLWarning
from bs4.element import CData, NavigableString, Tag

MOST = 2 << 20
"""Characters of HTML that are read; what follows is cut and said so."""
LINK = 200
"""Characters of a link's address that are kept: what follows is mostly tracking."""

_DROPPED = frozenset({
    "script", "style", "head", "title", "template", "noscript", "object", "embed", "iframe", "svg", "math",
    "select", "textarea",
})  # fmt: skip
_BLOCKS = frozenset({
    "address", "article", "aside", "body", "br", "center", "dd", "div", "dl", "dt", "fieldset", "figure", "footer",
    "form", "header", "hr", "main", "nav", "pre", "section", "tbody", "tfoot", "thead", "tr",
})  # fmt: skip
_PARAGRAPHS = frozenset({"p", "table", "ul", "ol", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"})
_UNSEEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|opacity\s*:\s*0(?:\.0+)?\s*(?:[;!]|$)"
    r"|font-size\s*:\s*0(?:\.0+)?(?:px|pt|em|rem|%)?\s*(?:[;!]|$)|mso-hide\s*:\s*all",
    re.IGNORECASE,
)


def text(html: str) -> str:
    """Return the readable text of `html`, without scripts, styles, comments and hidden elements."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        warnings.simplefilter("ignore", XMLParsedAsHTMLWarning)
        soup = BeautifulSoup(html[:MOST], "html.parser")
    parts = _walk(soup)
    if len(html) > MOST:
        parts.append("\n[cut here: the rest is longer than can be read]")
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return re.sub("\n{3,}", "\n\n", "\n".join(lines)).strip()


def _walk(soup: BeautifulSoup) -> list[str]:
    """Collect text in reading order, with a stack of our own: mail nests deeper than Python's."""
    parts: list[str] = []
    waiting: list[tuple[object, bool]] = [(soup, False)]
    while waiting:
        node, verbatim = waiting.pop()
        if isinstance(node, Tag):
            if node.name in _DROPPED or _hidden(node):
                continue
            before, after = _around(node)
            parts.append(before)
            waiting.append((after, verbatim))
            verbatim = verbatim or node.name == "pre"
            waiting += [(inner, verbatim) for inner in reversed(node.contents)]
        elif type(node) in (NavigableString, CData):
            parts.append(str(node) if verbatim else re.sub(r"\s+", " ", str(node)))
        elif type(node) is str:
            parts.append(node)
    return parts


def _hidden(tag: Tag) -> bool:
    attributes = tag.attrs
    if not attributes:
        return False
    return "hidden" in attributes or bool(_UNSEEN.search(_attribute(tag, "style")))


def _around(tag: Tag) -> tuple[str, str]:
    """Return what stands before and after the content of `tag`."""
    name = tag.name
    if name == "a":
        return "", _address(tag)
    if name == "img":
        alt = _attribute(tag, "alt").strip()
        return f" {alt} " if alt else "", ""
    if name == "li":
        return "\n- ", "\n"
    if name in ("td", "th"):
        return " ", "\t"
    if name in _PARAGRAPHS:
        return "\n\n", "\n\n"
    return ("\n", "" if name in ("br", "hr") else "\n") if name in _BLOCKS else ("", "")


def _address(tag: Tag) -> str:
    href = _attribute(tag, "href").strip()
    if not re.match(r"(https?://|mailto:)", href, re.IGNORECASE):
        return ""
    bare = re.sub(r"^(mailto:|https?://)", "", href, flags=re.IGNORECASE).rstrip("/")
    shown = href if len(href) <= LINK else href.partition("?")[0][:LINK] + "…"
    label, node = "", tag.next_element
    for _ in range(20):  # tag.get_text() walks everything below: quadratic in links that are never closed
        if isinstance(node, NavigableString):
            label += str(node)
        node = node.next_element if node is not None else None
    return "" if bare and bare in label else f" ({shown})"


def _attribute(tag: Tag, name: str) -> str:
    value = tag.attrs.get(name) or ""
    return value if isinstance(value, str) else " ".join(value)
