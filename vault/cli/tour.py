"""What `ownvault demo` shows, step by step. Every step is a call that any owner or assistant could make."""

from __future__ import annotations

import http.client
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vault import plugins, sentences
from vault.cli import audit, imports, plain, screen, search
from vault.cli.intake import Report
from vault.cli.open import Open, opened
from vault.importing import default_source
from vault.types import Answer, AuditRequest, Filter, Granted, GrantRequest

if TYPE_CHECKING:
    from vault.cli.demo import Place

CLIENT, COLLECTION, SECRET = "claude", "notes", "journal"
QUESTION = "What did we decide about the heat pump, and why?"
PRIVATE = "How did I sleep, and what did the doctor say?"
SOURCES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("markdown", "notes", "notes", {}),
    ("mbox", "mail.mbox", "mail", {"owner": ["mara@lindqvist-tra.example.com"]}),
    ("jsonl", "chats.jsonl", "chats", {}),
    ("jsonl", "pages.jsonl", "pages", {}),
    ("markdown", "journal", SECRET, {}),
)
"""Importer, file under vault/sample, collection, options."""


def walk(place: Place, address: str) -> None:
    """Import, grant, ask, be refused, look at the log, revoke, be refused again."""
    screen.say(
        screen.bold("ownvault: the whole loop, on sample data") + f"\nserver at {address}, vault in {place.vault}"
    )
    with opened(place.settings) as owner:
        _step(1, "Data goes in, encrypted")
        _import(place, owner)
        _step(2, f"{CLIENT} gets one collection, for seven days")
        granted = _grant(owner)
        _step(3, f"{CLIENT} asks, over plain HTTP")
        _ask(address, granted.token, QUESTION, {})
        _step(4, f"{CLIENT} asks for what it was not given")
        _ask(address, granted.token, PRIVATE, {"collections": [SECRET]})
        _step(5, "You see what was asked and what was decided")
        _look_back(owner)
        _step(6, "You revoke the grant; the next question is refused")
        owner.vault.revoke(owner.holder, granted.grant.id)
        screen.say(f"$ ownvault revoke {granted.grant.id}")
        _ask(address, granted.token, QUESTION, {})


def afterwards(place: Place, address: str) -> None:
    """Say what to try next with the server that goes on running."""
    screen.say(screen.bold("\nThe server goes on running: ") + address)
    screen.say("Try in another terminal:\n")
    screen.say(f"  export OWNVAULT_DIR={place.vault} OWNVAULT_PASSPHRASE_FILE={place.passphrase}")
    screen.say('  ownvault search "which van did we buy?"')
    screen.say("  ownvault grant cursor --collection notes --label work --since 2026-01 --detail snippet --dry-run")
    screen.say("  ownvault audit")
    screen.say("\nCtrl-C ends it.")


def _step(number: int, title: str) -> None:
    screen.say("\n" + screen.bold(f"{number}  {title}"))


def _import(place: Place, owner: Open) -> None:
    with resources.as_file(resources.files("vault") / "sample") as sample:
        for importer, file, collection, options in SOURCES:
            report = Report(importer, collection, default_source(importer, collection, Path(file)))
            imports.bring(place.settings, owner, plugins.run(importer, sample / file, options), report, file)
            known = f", {report.unchanged} unchanged" if report.unchanged else ""
            failed = f", {len(report.failed)} failed" if report.failed else ""
            screen.say(f"   {collection:<10} {report.added:>4} records from {file} ({importer}){known}{failed}")
            if report.interrupted:
                raise KeyboardInterrupt


def _grant(owner: Open) -> Granted:
    request = GrantRequest(CLIENT, filter=Filter(collections=(COLLECTION,)), purpose="demo", expires_in=7 * 86400)
    made = owner.vault.grant(owner.holder, request)
    screen.say(f"$ ownvault grant {CLIENT} --collection {COLLECTION} --expires 7d")
    screen.paragraph(f"{sentences.allowed(made.grant)}.", indent=3)
    screen.say(f"   sees {sentences.plural(made.sees.records, 'record')}; token {_short(made.token)}, shown once")
    return made


def _ask(address: str, token: str, query: str, narrowing: dict[str, Any]) -> None:
    """Send one search as any program could, and print request and answer."""
    body = json.dumps({"query": query, "limit": 2, **({"filter": narrowing} if narrowing else {})})
    screen.say(f"POST {address}/v1/search\nAuthorization: Bearer {_short(token)}\n{body}")
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=60)
    connection.request(
        "POST", "/v1/search", body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    )
    response = connection.getresponse()
    content = response.read()
    connection.close()
    screen.say(screen.bold(f"→ {response.status} {response.reason}"))
    if response.status == http.client.OK:
        from vault.api import wire

        search.cards(wire.answer(Answer, content).hits, query, snippet=160)
    else:
        problem = json.loads(content)
        screen.say("   " + plain.one_line(f"{problem.get('code')}: {problem.get('detail') or problem.get('title')}"))


def _look_back(owner: Open) -> None:
    page = owner.vault.audit(owner.holder, AuditRequest(limit=3, client=CLIENT))
    screen.say(f"$ ownvault audit --client {CLIENT}")
    audit.entries(page.entries)
    report = owner.vault.verify(owner.holder)
    screen.say("$ ownvault audit verify")
    screen.say(f"{'the log holds' if report.ok else 'THE LOG DOES NOT HOLD'}: {sentences.plural(report.size, 'entry')}")


def _short(token: str) -> str:
    return f"{token[:12]}…{token[-4:]}"
