"""The page on disk that leads the owner's browser in: so the link itself stands in no program's command line, where
every account of this machine could read it. Only its owner can read the file, and the link in it works once."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

NAME = "console.html"


def write(directory: Path, link: str) -> Path:
    """Write the page that goes on to `link` into the vault's directory, and return where it is."""
    path = directory / NAME
    remove(directory)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_page(link))
    return path


def remove(directory: Path) -> None:
    """Remove the page, if there is one."""
    (directory / NAME).unlink(missing_ok=True)


def _page(link: str) -> str:
    to = escape(link)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">\n'
        f'<meta http-equiv="refresh" content="0; url={to}"><title>ownvault</title></head>\n'
        f'<body><p><a href="{to}">To your console</a></p></body></html>\n'
    )
