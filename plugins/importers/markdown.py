"""Markdown notes: one file, or a folder such as an Obsidian or Logseq vault, with front matter, #tags and [[links]]."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from _source import (
    Found,
    clean,
    date,
    date_in_name,
    decode,
    each,
    modified,
    names,
    provenance,
    slurp,
    title,
)

from vault import limits
from vault.plugins import Failure, Item, serve
from vault.types import Draft, Provenance, Sensitivity

OPTIONS = {"provenance": "who wrote them: owner (default) or third_party; clippings from the web are always the latter"}
SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd")

FRONT_BYTES, FRONT_DEPTH, FRONT_ALIASES, FRONT_EVENTS = 64 << 10, 32, 16, 10_000
"""Characters, nesting, aliases and nodes of a front matter; more is not one."""


def read(path: Path, options: dict[str, Any]) -> Iterator[Item]:
    """Yield a draft for each note below `path`; the origin is the path relative to it."""
    written_by = provenance(options, Provenance.OWNER)
    yield from each(path, SUFFIXES, lambda found: _note(found, written_by))


def _note(found: Found, written_by: Provenance) -> Iterator[Item]:
    data, state = slurp(found.path)
    raw, damaged = decode(data)
    if damaged:
        yield Failure(found.origin, f"imported, with {damaged} unreadable characters marked")
    text = clean(raw)
    front, body = _split(text)
    fields: dict[str, list[str]] = {}
    if front is not None:
        try:
            fields = _fields(front)
        except (yaml.YAMLError, ValueError, RecursionError):
            yield Failure(found.origin, "imported as plain text: its front matter is not valid YAML")
            body = text
    note = _Fields(found.origin, fields)
    yield _draft(found, note, body, date_in_name(found.path.stem) or modified(state), written_by)
    yield from note.failures


def _draft(found: Found, note: _Fields, body: str, fallback: Any, written_by: Provenance) -> Draft:
    prose = _without_code(body)
    heading = _first_heading(prose)
    tags = [tag for tag in _TAG.findall(prose) if not tag.replace("/", "").isdigit()]
    labels = [*_split_tags(note.take("tags", "tag", "labels", "label", "keywords", "categories")), *tags]
    url = next(
        (u for u in note.take("url", "source", "link") if re.match(r"https?://\S+$", u) and len(u) <= limits.URL), ""
    )
    by_name, named = note.one("provenance"), note.one("title")
    return Draft(
        origin=found.origin,
        title=title(named or heading or found.path.stem),
        kind=title(note.one("kind"), limits.KIND) or "note",
        created=note.date("created", "date", "date created", "created_at", "created at", "date_created") or fallback,
        updated=note.date("updated", "modified", "lastmod", "date modified", "updated_at", "last_modified"),
        people=names(map(_readable, note.take("people", "person", "attendees", "participants", "author", "authors"))),
        labels=names(part for label in labels for part in _with_parents(label)),
        sensitivity=note.sensitivity(),
        language=_language(note.one("lang", "language")),
        provenance=_written_by(by_name, Provenance.THIRD_PARTY if url else written_by),
        url=url,
        text="\n\n".join(filter(None, (_readable(body).strip(), note.rest()))) or named,
    )


def _written_by(said: str, default: Provenance) -> Provenance:
    """A note may call itself a third party's; only the owner's folder, not the note, can call it the owner's."""
    return Provenance.THIRD_PARTY if said.replace("-", "_").lower() == "third_party" else default


def _language(said: str) -> str:
    return said if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", said) else ""


# ---------------------------------------------------------------- front matter

_FRONT = re.compile(r"---[ \t]*\n(.*?\n)??(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)


def _split(text: str) -> tuple[str | None, str]:
    """Return the front matter, None if there is none, and the rest. A rule on the first line is no front matter."""
    if not text.startswith("---") or not (match := _FRONT.match(text, 0, FRONT_BYTES)):
        return None, text
    front = match[1] or ""
    lines = (line.strip() for line in front.split("\n"))
    first = next((line for line in lines if line and not line.startswith("#")), "a:")
    if not re.match(r"\{|[\w\"'][^\n]*?:(\s|$)", first):
        return None, text
    return front, text[match.end() :]


def _fields(front: str) -> dict[str, list[str]]:
    """Return the front matter as lower-case keys with flat lists of strings.

    Every scalar stays the string that was written (YAML's guesses turn `no` into False and 12:30 into 750).
    Raises YAMLError or ValueError when it is no YAML mapping or is built to blow up.
    """
    _measure(front)
    loaded = yaml.load(front, Loader=_LOADER)  # noqa: S506  makes strings, lists and dicts only
    if loaded in (None, ""):
        return {}
    if not isinstance(loaded, dict):
        raise ValueError
    return {str(key).strip().lower(): list(_flat(value)) for key, value in loaded.items()}


_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def _measure(front: str) -> None:
    depth = aliases = 0
    for count, event in enumerate(yaml.parse(front, Loader=_LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > FRONT_DEPTH or aliases > FRONT_ALIASES or count > FRONT_EVENTS:
            raise ValueError


def _flat(value: Any, budget: list[int] | None = None) -> Iterator[str]:
    """Yield the strings in `value`, a bounded number: aliases may name the same list many times."""
    budget = budget or [FRONT_EVENTS]
    budget[0] -= 1
    if budget[0] < 0:
        raise ValueError
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (f"{key}: {text}" for text in _flat(inner, budget))
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner, budget)
    elif value.strip() not in ("", "null", "~"):
        yield value.strip()


class _Fields:
    """A note's front matter; what nobody takes out ends up in the text, so that nothing is lost."""

    def __init__(self, origin: str, fields: dict[str, list[str]]) -> None:
        self.origin, self.fields, self.failures = origin, dict(fields), list[Failure]()

    def take(self, *keys: str) -> list[str]:
        return [value for key in keys for value in self.fields.pop(key, ())]

    def one(self, *keys: str) -> str:
        return next(iter(self.take(*keys)), "")

    def date(self, *keys: str) -> Any:
        values = self.take(*keys)
        dates = [found for value in values if (found := date(_readable(value)))]
        if values and not dates:
            self.failures.append(Failure(self.origin, f"imported, but its {keys[0]} date is not a date"))
        return dates[0] if dates else None

    def sensitivity(self) -> Sensitivity:
        """An unknown level counts as the highest: somebody wanted protection and misspelled it."""
        said = self.one("sensitivity")
        try:
            return Sensitivity.parse(said) if said else Sensitivity.PERSONAL
        except ValueError:
            self.failures.append(Failure(self.origin, "imported as secret: its sensitivity is not a known one"))
            return Sensitivity.SECRET

    def rest(self) -> str:
        also = [", ".join(map(_readable, values)) for values in (self.take("aliases", "alias"),) if values]
        lines = [f"Also called: {names_}" for names_ in also]
        lines += [f"{key}: {_readable(', '.join(values))}" for key, values in self.fields.items() if values]
        return "\n".join(lines)


# ---------------------------------------------------------------- the note's own marks

_CODE = re.compile(
    r"^(?P<fence>`{3,}+|~{3,}+)[^\n]*\n.*?(?:^(?P=fence)[`~]*[ \t]*$|\Z)|(?<!`)(?P<tick>`++)[^`\n]+(?P=tick)",
    re.M | re.S,
)
_TAG = re.compile(r"(?:(?<=\s)|(?<=[(\[,;])|^)#([^\W_][\w/-]*[\w]|[^\W\d_])", re.MULTILINE)
_LINK = re.compile(r"!?\[\[([^\[\]|\n]{1,500})(?:\|([^\[\]\n]{1,500}))?\]\]")
_ATX = re.compile(r"^ {0,3}#[ \t]+(\S[^\n]*)$", re.MULTILINE)
_SETEXT = re.compile(r"^ {0,3}(\S[^\n]*)\n {0,3}=+[ \t]*$", re.MULTILINE)


def _without_code(text: str) -> str:
    return _CODE.sub(" ", text) if "`" in text or "~~~" in text else text


def _first_heading(prose: str) -> str:
    found = [match for pattern in (_ATX, _SETEXT) if (match := pattern.search(prose))]
    return _readable(min(found, key=lambda match: match.start())[1]).rstrip("# \t") if found else ""


def _readable(text: str) -> str:
    """Turn [[Page|label]] into `label (Page)` and [[Page]] into `Page`, except in code."""
    if "[[" not in text:
        return text
    parts, last = [], 0
    for code in _CODE.finditer(text):
        parts += [_LINK.sub(_shown, text[last : code.start()]), code[0]]
        last = code.end()
    return "".join([*parts, _LINK.sub(_shown, text[last:])])


def _shown(link: re.Match[str]) -> str:
    target, _, section = link[1].strip().partition("#")
    page = target.rpartition("/")[2] or section
    label = (link[2] or "").strip()
    if not label or re.fullmatch(r"\d+(x\d+)?", label):  # ![[image.png|300]]: a width
        return f"{page} > {section}" if target and section and not section.startswith("^") else page
    return label if label.casefold() == page.casefold() else f"{label} ({target or section})"


def _split_tags(values: list[str]) -> Iterator[str]:
    for value in values:
        for tag in re.split(r"[,;]|\s+(?=#)", value):
            yield _readable(tag).strip().lstrip("#")


def _with_parents(label: str) -> Iterator[str]:
    """A note about #health/sleep is about #health too: whoever shuts out the one means both."""
    parts = [part for part in label.strip("/ ").split("/") if part]
    for end in range(len(parts), 0, -1):
        yield "/".join(parts[:end])


if __name__ == "__main__":
    serve(read)
