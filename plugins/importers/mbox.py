"""Mail: an mbox file (Gmail Takeout, Thunderbird, Apple Mail), a Maildir, .eml files, or a folder of these."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import _mail
from _boxes import Box, Raw, boxes, messages
from _source import TITLE, Unreadable, bounded, explain, names, title
from _threads import Threads

from vault.errors import ImportFailed
from vault.plugins import Failure, Item, Progress, serve
from vault.types import Draft, Provenance, Sensitivity

OPTIONS = {"owner": "your own mail addresses: what comes from them is marked as written by you"}
_PASSING = frozenset({"opened", "unread", "archived"})  # Gmail labels that change with every look at the mail
_PRIVATE = frozenset({"personal", "private", "company-confidential", "confidential"})


def read(path: Path, options: dict[str, Any]) -> Iterator[Item]:
    """Yield a draft for each message below `path`; the origin is its Message-ID.

    Reads everything twice: first the headers, to know who answers whom and in which order, then the rest.
    """
    owners = _owners(options.get("owner", []))
    found: list[Box] = []
    for box in boxes(path):
        if isinstance(box, Failure):
            yield box
        else:
            found.append(box)
    threads = Threads()
    yield from _survey(found, threads)
    if not threads.count and path.is_file():
        raise ImportFailed("it holds no mail", hint="an mbox file begins with a line `From ...`")
    yield from _drafts(found, _Mail(owners, threads))


def _survey(found: list[Box], threads: Threads) -> Iterator[Item]:
    """The first reading: headers only."""
    for raw in _all(found):
        if isinstance(raw, Raw):
            threads.note(*_links(raw))
        if threads.count % 5000 == 1:
            yield Progress(0, None, "messages")
    threads.settle()


def _drafts(found: list[Box], mail: _Mail) -> Iterator[Item]:
    """The second reading: whole messages."""
    total = mail.threads.count
    for done, item in enumerate(_all(found)):
        if done % max(1, total // 200) == 0:
            yield Progress(done, max(done, total), "messages")
        if outcome := item if isinstance(item, Failure) else mail.take(item):
            yield outcome
    if mail.copies:
        yield Failure("copies", f"{mail.copies} messages that are there more than once were taken once")
    yield Progress(total, total, "messages")


def _all(found: list[Box]) -> Iterator[Raw | Failure]:
    return (message for box in found for message in messages(box))


def _owners(said: Any) -> frozenset[str]:
    addresses = said.split(",") if isinstance(said, str) else said
    if not isinstance(addresses, list) or not all(isinstance(one, str) for one in addresses):
        raise ImportFailed("option owner is a mail address or several", hint="owner=me@example.org")
    found = frozenset(one.strip().lower() for one in addresses if one.strip())
    if wrong := [one for one in found if "@" not in one]:
        raise ImportFailed(f"option owner: {wrong[0]} is not a mail address", hint="owner=me@example.org")
    return found


def _links(raw: Raw) -> tuple[str, list[str], datetime | None]:
    """Return (own id, the ids it answers, date) from the headers alone."""
    try:
        with bounded():
            head = _mail.Head(raw.data)
            return head.id, head.answers, head.date or raw.date
    except Exception:
        return "", [], None  # the second reading reports it


class _Mail:
    """Makes drafts of messages and leaves out those that it has had."""

    def __init__(self, owners: frozenset[str], threads: Threads) -> None:
        self.copies = 0
        self._owners, self.threads = owners, threads
        self._had: dict[str, set[bytes]] = {}

    def take(self, raw: Raw) -> Draft | Failure | None:
        """Return the message as a draft; None for a copy of an earlier one."""
        try:
            with bounded():
                draft = self._draft(raw)
        except Exception as error:
            return Failure(raw.place, explain(error))
        return draft

    def _draft(self, raw: Raw) -> Draft | None:
        head = _mail.Head(raw.data)
        if not head.fields:
            raise Unreadable("no mail: it has no headers")
        body = _mail.body(raw.data)
        if raw.cut:
            body += f"\n\n[cut: the message is longer than {raw.cut >> 20} MiB]"
        created = head.date or raw.date
        subject = title(head.subject, TITLE)
        text = body.strip() or subject
        print_ = hashlib.sha256(repr((head.sender, created, subject, text)).encode("utf-8", "replace")).digest()[:16]
        origin = head.id or "sha256:" + head.digest.hex()
        before = self._had.setdefault(origin, set())
        if print_ in before:
            self.copies += 1
            return None
        if before:  # some programs give every mail the same Message-ID
            origin = f"{origin}#{print_.hex()[:8]}"
        before.add(print_)
        thread, position = self.threads.place(head.id)
        return Draft(
            origin=origin,
            text=text,
            title=subject,
            kind="mail",
            created=created,
            people=names(head.people),
            labels=names([*(one for one in head.labels if one.lower() not in _PASSING), *raw.labels]),
            sensitivity=Sensitivity.SENSITIVE if head.one("sensitivity").lower() in _PRIVATE else Sensitivity.PERSONAL,
            provenance=self._written_by(head),
            thread=thread,
            position=position,
        )

    def _written_by(self, head: _mail.Head) -> Provenance:
        """From can be forged: where the receiving server noticed, the mail is not the owner's."""
        forged = any(re.search(r"\b(dmarc|dkim|spf)=(hard)?fail\b", said, re.IGNORECASE) for said in head.verdicts)
        return Provenance.OWNER if head.sender in self._owners and not forged else Provenance.THIRD_PARTY


if __name__ == "__main__":
    serve(read)
