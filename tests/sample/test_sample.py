"""The sample life parses with the standard library alone, hangs together and names nobody real."""

from __future__ import annotations

import email
import json
import mailbox
import re
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import default
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

import vault

SAMPLE = Path(vault.__file__).parent / "sample"
FOLDERS, LINES = ("notes", "journal"), ("chats", "pages")
FILES = tuple(sorted(path for path in SAMPLE.rglob("*") if path.is_file()))
LEVELS = {"public", "personal", "sensitive", "secret"}
KEYS = {
    *("id", "text", "title", "date", "people", "kind", "labels"),
    *("sensitivity", "url", "thread", "provenance"),
}


@cache
def notes(folder: str) -> dict[str, tuple[dict[str, Any], str]]:
    """Origin to front matter and body."""
    found = {}
    for path in sorted((SAMPLE / folder).rglob("*.md")):
        _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
        found[path.relative_to(SAMPLE / folder).as_posix()] = (yaml.safe_load(front), body)
    return found


@cache
def lines(name: str) -> tuple[dict[str, Any], ...]:
    text = (SAMPLE / f"{name}.jsonl").read_text(encoding="utf-8")
    return tuple(json.loads(line) for line in text.splitlines())


@cache
def mail() -> tuple[EmailMessage, ...]:
    box = mailbox.mbox(SAMPLE / "mail.mbox", create=False)
    try:
        parsed = [email.message_from_bytes(box.get_bytes(key), policy=default) for key in box.iterkeys()]
    finally:
        box.close()
    return tuple(message for message in parsed if isinstance(message, EmailMessage))


@cache
def questions() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((SAMPLE / "questions.json").read_text(encoding="utf-8"))
    return found


@cache
def origins(collection: str) -> tuple[str, ...]:
    if collection in FOLDERS:
        return tuple(notes(collection))
    if collection == "mail":
        return tuple(str(message["Message-ID"]).strip("<>") for message in mail())
    return tuple(record["id"] for record in lines(collection))


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain", "html"))
    assert body is not None
    return str(body.get_content())


def seen(text: str) -> str:
    """`text` with its quoted-printable soft breaks and escapes undone, so that nothing hides in them."""
    return re.sub(r"=([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), text.replace("=\n", ""))


@cache
def all_text() -> dict[str, str]:
    """Every file's text, and every mail decoded: headers, bodies and attachments."""
    texts = {path.relative_to(SAMPLE).as_posix(): seen(path.read_bytes().decode("latin-1")) for path in FILES}
    for message in mail():
        parts = [str(part.get_content()) for part in message.walk() if not part.is_multipart()]
        texts[str(message["Message-ID"])] = "\n".join([*(str(value) for value in message.values()), *parts])
    return texts


# ---------------------------------------------------------------- shape


@pytest.mark.parametrize(
    ("collection", "least"), [("notes", 60), ("mail", 45), ("chats", 60), ("pages", 20), ("journal", 15)]
)
def test_collections_are_large_enough_and_ids_unique(collection: str, least: int) -> None:
    ids = origins(collection)
    assert len(ids) >= least
    assert len(set(ids)) == len(ids)


def test_readme_counts_are_true() -> None:
    table = re.findall(r"^\| `(\w+)` \| `[^`]+` \| (\d+) \|", (SAMPLE / "README.md").read_text(encoding="utf-8"), re.M)
    assert {name: int(count) for name, count in table} == {
        name: len(origins(name)) for name in ("notes", "mail", "chats", "pages", "journal")
    }


def test_everything_is_small() -> None:
    assert sum(path.stat().st_size for path in FILES) < 400_000


def test_file_names_are_plain_ascii() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9._/-]+", path.relative_to(SAMPLE).as_posix()) for path in FILES)


@pytest.mark.parametrize("folder", FOLDERS)
def test_front_matter(folder: str) -> None:
    for origin, (front, body) in notes(folder).items():
        assert front["title"], origin
        assert type(front["date"]) is date, origin
        assert date(2019, 1, 1) <= front["date"] <= date(2026, 6, 30), origin
        assert front["tags"], origin
        assert all(isinstance(name, str) for name in [*front["tags"], *front.get("people", [])]), origin
        assert front.get("sensitivity", "personal") in LEVELS, origin
        assert body.strip(), origin


def test_journal_is_private_and_some_notes_are() -> None:
    assert {front["sensitivity"] for front, _ in notes("journal").values()} == {"sensitive", "secret"}
    assert {"sensitive", "secret"} <= {front.get("sensitivity") for front, _ in notes("notes").values()}


def test_some_notes_are_long() -> None:
    assert sum(len(body.split()) >= 600 for _, body in notes("notes").values()) >= 3


def test_daily_notes_and_diary_are_dated_as_they_are_named() -> None:
    for folder in FOLDERS:
        for origin, (front, _) in notes(folder).items():
            if dated := re.match(r"\d{4}-\d\d-\d\d", Path(origin).name):
                assert dated[0] == front["date"].isoformat()


def test_wiki_links_resolve() -> None:
    stems = [Path(origin).stem for folder in FOLDERS for origin in notes(folder)]
    assert len(set(stems)) == len(stems), "a link by name would be ambiguous"
    links = [
        (origin, link) for origin, (_, body) in notes("notes").items() for link in re.findall(r"\[\[([^]|#]+)", body)
    ]
    assert len(links) >= 20
    assert not [(origin, link) for origin, link in links if link not in stems]


@pytest.mark.parametrize("name", LINES)
def test_json_lines(name: str) -> None:
    last: dict[str, datetime] = {}
    for record in lines(name):
        assert record["text"].strip()
        assert record.keys() <= KEYS
        assert record["provenance"] in {"owner", "third_party"}
        assert record.get("sensitivity", "personal") in LEVELS
        moment = datetime.fromisoformat(record["date"])
        assert moment.tzinfo is not None
        assert 2019 <= moment.year <= 2026
        if thread := record.get("thread"):
            assert last.get(thread, moment) <= moment, record["id"]
            last[thread] = moment


def test_chats_are_conversations_and_pages_are_pages() -> None:
    assert {record["kind"] for record in lines("chats")} == {"chat"}
    assert len({record["thread"] for record in lines("chats")}) >= 8
    assert all(record["people"] for record in lines("chats"))
    assert {record["kind"] for record in lines("pages")} == {"page"}
    assert {record["provenance"] for record in lines("pages")} == {"third_party"}
    assert len({record["url"] for record in lines("pages")}) == len(lines("pages"))


# ---------------------------------------------------------------- mail


def test_mail_is_sound() -> None:
    for message in mail():
        assert not message.defects
        assert message["From"].addresses
        assert message["To"].addresses
        assert 2019 <= message["Date"].datetime.astimezone(UTC).year <= 2026
        assert text_of(message).strip()
        assert "\ufffd" not in text_of(message) + str(message["Subject"]) + str(message["From"])


def test_mail_threads_point_at_mail_that_is_there() -> None:
    referred = [ref for message in mail() for ref in str(message["References"] or "").split()]
    assert len(referred) >= 15
    assert {ref.strip("<>") for ref in referred} <= set(origins("mail"))


def test_mail_has_what_mail_has() -> None:
    raw = (SAMPLE / "mail.mbox").read_bytes().lower()
    for must in (b"iso-8859-1", b"utf-8", b"us-ascii", b"quoted-printable", b"base64", b"8bit", b"=?iso-8859-1?"):
        assert must in raw, must
    assert b"\n>from " in raw
    assert any(message.get_content_type() == "multipart/alternative" for message in mail())
    assert any(message.get_content_type() == "text/html" for message in mail())
    assert any(list(message.iter_attachments()) for message in mail() if message.is_multipart())
    assert any(message["List-Unsubscribe"] for message in mail())
    assert any("\n> " in text_of(message) for message in mail())
    assert any("ignore all previous instructions" in text_of(message) for message in mail())


# ---------------------------------------------------------------- questions


def test_questions_name_records_that_exist() -> None:
    asked = [*questions()["questions"], *questions()["out_of_scope"]]
    assert len({one["id"] for one in asked}) == len(asked)
    assert len({one["question"] for one in asked}) == len(asked)
    for one in asked:
        assert one["expected"], one["id"]
        assert set(one["expected"]) <= set(origins(one["collection"])), one["id"]


def test_questions_cover_every_open_collection_and_a_third_paraphrase() -> None:
    inside = questions()["questions"]
    assert len(inside) >= 40
    assert {one["collection"] for one in inside} == {"notes", "mail", "chats", "pages"}
    assert sum(one["style"] == "paraphrase" for one in inside) * 3 >= len(inside)
    assert {one["style"] for one in inside} == {"plain", "paraphrase", "changed"}


def test_out_of_scope_questions_are_about_the_journal() -> None:
    outside = questions()["out_of_scope"]
    assert len(outside) >= 6
    assert {one["collection"] for one in outside} == {"journal"}


@pytest.mark.parametrize(
    "word", ["sertraline", "biopsy", "spirometry", "wessel", "cork", "counsellor", "fibroadenoma", "memory clinic"]
)
def test_what_the_journal_knows_stays_in_the_journal(word: str) -> None:
    holders = {
        name
        for name, text in all_text().items()
        if re.search(rf"\b{word}", text, re.IGNORECASE) and name != "questions.json"
    }
    assert holders
    assert all(name.startswith("journal/") for name in holders)


# ---------------------------------------------------------------- nobody real

_TOP_LEVELS = "com|org|net|eu|se|de|fr|ie|io|info|dev|app|uk|nu|co|ai|me"
_DOMAIN = re.compile(rf"\b(?:[a-z0-9-]+\.)+(?:{_TOP_LEVELS})\b(?![@.\w])", re.IGNORECASE)
_ALLOWED = re.compile(r"(?:[a-z0-9-]+\.)*example\.(?:com|org|net)", re.IGNORECASE)
_HOST = re.compile(r"(?:https?://|@)([a-z0-9.-]+[a-z0-9])", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w-])(?:\+|00|0)\d(?:[\d -]{6,})\d|\b\d{3}-\d{4}\b")
_GROUPED = re.compile(r"\b[A-Z]{2}\d\d(?: ?\d{4}){3,}(?: ?\d{1,4})?\b|\b\d{4}(?: \d{4}){3}\b")
TEST_NUMBERS = {"SE45 5000 0000 0583 9825 7466", "DE89 3704 0044 0532 0130 00", "4242 4242 4242 4242"}


def test_domains_are_reserved_ones() -> None:
    found = {(name, one) for name, text in all_text().items() for one in [*_HOST.findall(text), *_DOMAIN.findall(text)]}
    assert len(found) > 50
    assert not {(name, one) for name, one in found if not _ALLOWED.fullmatch(one)}


def test_telephone_numbers_are_reserved_ones() -> None:
    found = {(name, match[0]) for name, text in all_text().items() for match in _PHONE.finditer(_GROUPED.sub("", text))}
    assert len(found) >= 5
    assert not {(name, one) for name, one in found if not re.fullmatch(r"555-01\d\d", one)}


def test_account_and_card_numbers_are_documented_test_numbers() -> None:
    found = {one for text in all_text().values() for one in _GROUPED.findall(text)}
    assert found == TEST_NUMBERS


def test_no_swedish_identity_numbers() -> None:
    for name, text in all_text().items():
        assert not re.search(r"\b(?:19|20)?\d{6}[-+]\d{4}\b", text), name
