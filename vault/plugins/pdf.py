"""A PDF's text. `text_of` runs this very file in a confined child: no network, no file, bounded memory and time.

A PDF is a program by a stranger, more or less. The child gets its bytes over a pipe and gives back one line of JSON.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections import OrderedDict
from concurrent.futures import Future
from pathlib import Path
from threading import BoundedSemaphore, Lock

from vault import limits
from vault.errors import BadRequest, ImportFailed
from vault.plugins.child import Child
from vault.plugins.items import ImporterInfo, Limits

_BOUNDS = Limits(memory=limits.PDF_MEMORY, cpu=limits.PDF_SECONDS, idle=float(2 * limits.PDF_SECONDS))
_READING = BoundedSemaphore(2)
"""So many children at once: each may take much memory."""
_READ: OrderedDict[bytes, Future[tuple[str, str]]] = OrderedDict()
_READ_LOCK, _MOST_READ = Lock(), 4
"""What is being read, and what was lately, by digest. A browser waits less long than a child may work, and asks
again: without this each of its attempts would begin anew, and none would ever be answered."""
_PAGE_BREAK = "\n\n"


def text_of(content: bytes) -> tuple[str, str]:
    """Return title and text of a PDF. BadRequest for what is none, is locked, holds no text or takes too much."""
    if not content.startswith(b"%PDF-"):
        raise BadRequest("file: this is no PDF")
    digest = hashlib.sha256(content).digest()
    with _READ_LOCK:
        begun = _READ.get(digest)
        reading = _READ.setdefault(digest, Future())
        while len(_READ) > _MOST_READ:
            _READ.popitem(last=False)
    if begun is None:
        _fulfil(reading, content)
    return reading.result()


def _fulfil(reading: Future[tuple[str, str]], content: bytes) -> None:
    try:
        with _READING:
            reading.set_result(_text_of(content))
    except BaseException as error:  # whoever waits for it has to hear of it, whatever it is
        reading.set_exception(error)


def _text_of(content: bytes) -> tuple[str, str]:
    try:
        child = Child(ImporterInfo("pdf", "", {}, Path(__file__)), _BOUNDS)
    except ImportFailed as error:
        raise BadRequest(error.message) from None
    try:
        child.ask(base64.b64encode(content).decode())
        line = next(child.lines(), None)
        said = json.loads(line) if line else None
        if not isinstance(said, dict):
            raise BadRequest(f"file: this PDF cannot be read ({child.reason()})", hint="save the page or its text")
    except ValueError:
        raise BadRequest("file: this PDF cannot be read") from None
    finally:
        child.end()
    if why := said.get("why"):
        raise BadRequest(f"file: {why}", hint="save its text instead")
    return str(said["title"]), str(said["text"])


def read(content: bytes) -> dict[str, str]:
    """Return what the child says of a PDF: title and text, or why not."""
    from io import BytesIO

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(BytesIO(content))
        if reader.is_encrypted:
            return {"why": "this PDF is locked"}
        if len(reader.pages) > limits.PDF_PAGES:
            return {"why": f"this PDF has more than {limits.PDF_PAGES} pages"}
        pages, size = [], 0
        for page in reader.pages:
            pages.append(page.extract_text().strip())
            size += len(pages[-1])
            if size > limits.TEXT:
                return {"why": "this PDF holds more text than a record can"}
        title = str((reader.metadata.title if reader.metadata else "") or "")
    except (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError):
        return {"why": "this PDF is damaged"}
    text = _PAGE_BREAK.join(filter(None, pages)).encode("utf-8", "replace").decode()
    return {"title": title[: limits.TITLE], "text": text} if text else {"why": "this PDF holds no text, only pictures"}


def main() -> None:
    """Be the child."""
    import logging

    logging.disable(logging.CRITICAL)  # a library's warnings quote the input
    said = read(base64.b64decode(sys.stdin.buffer.read()))
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
