"""What can be asked of a vault, in the words of each interface: method, command, route, tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.deny.table import FILTER, Ask
from vault import types

Body = dict[str, Any]
FLAGS = {
    "collections": "--collection", "sources": "--source", "kinds": "--kind", "labels": "--label",
    "without_labels": "--without-label", "people": "--person", "actions": "--action",
}  # fmt: skip
SINGLE = {
    "since": "--since", "until": "--until", "last": "--last", "sensitivity": "--sensitivity", "limit": "--limit",
    "detail": "--detail", "by": "--by", "client": "--client",
}  # fmt: skip
SWITCHES = {"owner_written": "--owner-written", "all": "--all", "dates": "--dates"}


class Unsayable(Exception):
    """This interface has no words for that."""


@dataclass(frozen=True)
class Verb:
    """A verb. `subject` names the member of the body that it is about; without one it stands in the path.

    `command` is the command line, with `{}` where the subject stands; flags follow. Without `{}` the subject is its
    flags, or stands on stdin. `tool` is an MCP tool's name.
    """

    route: str
    subject: str = ""
    takes: type | None = None
    command: str = ""
    tool: str = ""

    def path(self, ask: Ask) -> tuple[Any, ...]:
        """Return what stands in the path, as a method takes it before the request."""
        return (ask.subject,) if not self.subject else ()

    def body(self, ask: Ask) -> Body:
        """Return the request's body, which is also what a method's request says."""
        if self.subject == "drafts":
            draft = {name: value for name, value in ask.more.items() if name not in ("collection", "source")}
            about = {name: value for name, value in ask.more.items() if name in ("collection", "source")}
            return {"drafts": [{"origin": _origin(ask.subject), "text": ask.subject} | draft]} | about
        body = dict(ask.subject) if self.subject == "*" else {self.subject: ask.subject} if self.subject else {}
        body |= {name: value for name, value in ask.more.items() if name not in FILTER}
        where = {name: value for name, value in ask.more.items() if name in FILTER}
        return body | ({"filter": where} if where else {})

    def words(self, ask: Ask) -> tuple[list[str], str]:
        """Return the command line and what stands on stdin."""
        if not self.command:
            raise Unsayable
        said = {**(ask.subject if isinstance(ask.subject, Mapping) else {}), **ask.more}
        words = []
        for word in self.command.split():
            name = word[1:-1] if word.startswith("{") else None
            words.append(word if name is None else str(said.pop(name) if name else ask.subject))
        return words + [flag for name, value in said.items() for flag in _flag(name, value)], str(ask.subject)

    def arguments(self, ask: Ask) -> Body:
        """Return the arguments of the tool."""
        if self.subject == "drafts":
            if {"source", "provenance"} & ask.more.keys():
                raise Unsayable
            return {"origin": _origin(ask.subject), "text": ask.subject} | dict(ask.more)
        body = self.body(ask)
        if self.tool == "request_access" and not self.subject:
            return {"request": ask.subject}
        if self.tool == "request_access":
            more = dict(ask.more)
            actions = [_tool(one) for one in more.pop("actions", ())]
            renamed = {"datatypes": more.pop("collections")} if "collections" in more else {}
            return {"purpose": ask.subject} | more | renamed | ({"actions": actions} if actions else {})
        if not self.subject:
            body = {"id": ask.subject} | body
        return {name: value for name, value in body.items() if name != "filter"} | dict(body.get("filter", {}))


def _tool(action: str) -> str:
    return {"read": "fetch"}.get(action, action)


def _origin(text: str) -> str:
    return f"added {text}"[:80]


def _flag(name: str, value: Any) -> list[str]:
    if name in FLAGS:
        return [word for one in value for word in (FLAGS[name], one)]
    if name in SINGLE:
        return [SINGLE[name], str(value)]
    if name in SWITCHES:
        return [SWITCHES[name]] if value else []
    raise Unsayable


VERBS: Mapping[str, Verb] = {
    "search": Verb("POST /v1/search", "query", types.SearchRequest, "search {}", "search"),
    "read": Verb("POST /v1/records/read", "id", types.ReadRequest, "show {}", "fetch"),
    "count": Verb("POST /v1/count", "filter", types.CountRequest, "count", "count"),
    "add": Verb("POST /v1/records", "drafts", types.AddRequest, "add --collection {collection}", "add"),
    "label": Verb("POST /v1/records/label", "*", types.LabelRequest),
    "forget_many": Verb("POST /v1/records/forget", "*", types.ForgetRequest),
    "describe": Verb("GET /v1/records/{}"),
    "holdings": Verb("GET /v1/holdings", "*"),
    "forget": Verb("DELETE /v1/records/{}", command="forget {} --yes"),
    "request_access": Verb("POST /v1/requests", "purpose", types.AccessRequest, tool="request_access"),
    "request_state": Verb("GET /v1/requests/{}", tool="request_access"),
    "collect": Verb("POST /v1/requests/{}/collect"),
    "requests": Verb("GET /v1/requests", "*", command="requests"),
    "approve": Verb("POST /v1/requests/{}/approve", takes=types.ApproveRequest, command="approve {}"),
    "deny": Verb("POST /v1/requests/{}/deny", command="deny {}"),
    "grant": Verb("POST /v1/grants", "client", types.GrantRequest, "grant {}"),
    "preview": Verb("POST /v1/grants/preview", "client", types.GrantRequest, "grant {} --dry-run"),
    "grants": Verb("GET /v1/grants", "*", command="grants --all"),
    "expose": Verb("GET /v1/grants/{}/preview", command="grants preview {}"),
    "simulate": Verb("POST /v1/grants/{}/search", takes=types.SearchRequest, command="search {query} --as {}"),
    "propose": Verb("POST /v1/grants/propose", "client", types.GrantRequest),
    "contrast": Verb("POST /v1/grants/{}/contrast", takes=types.SearchRequest),
    "choices": Verb("GET /v1/grants/{}/choices"),
    "foresee": Verb("POST /v1/grants/{}/narrow", takes=types.NarrowRequest),
    "clients": Verb("GET /v1/clients", "*"),
    "narrow": Verb("PATCH /v1/grants/{}", takes=types.NarrowRequest, command="grants narrow {}"),
    "pause": Verb("POST /v1/grants/{}/pause", command="grants pause {}"),
    "resume": Verb("POST /v1/grants/{}/resume", command="grants resume {}"),
    "revoke": Verb("DELETE /v1/grants/{}", command="revoke {}"),
    "revoke_many": Verb("POST /v1/grants/revoke", "*", types.RevokeRequest, "revoke --yes"),
    "revoke_token": Verb("POST /v1/tokens/revoke", "token"),
    "audit": Verb("GET /v1/audit", "*", types.AuditRequest, "audit"),
    "replay": Verb("GET /v1/audit/replay", "*", types.ReplayRequest, "audit replay {client}"),
    "timeline": Verb("GET /v1/audit/timeline", "*", types.TimelineRequest, "audit timeline"),
    "entry": Verb("GET /v1/audit/{}", command="audit show {}"),
    "matrix": Verb("GET /v1/exposure", "*", types.MatrixRequest, "exposure"),
    "exposed": Verb("GET /v1/exposure/records", "*", types.ExposedRequest, "exposure records {client}"),
    "verify": Verb("GET /v1/audit/verify", "*", command="audit verify"),
    "prove": Verb("GET /v1/audit/{}/proof", command="audit proof {}"),
    "notices": Verb("GET /v1/notices", "*", command="notices"),
    "dismiss": Verb("DELETE /v1/notices/{}", command="notices dismiss {}"),
    "checkup": Verb("GET /v1/checkup", "*", command="doctor"),
    "status": Verb("GET /v1/status", "*", command="collections"),
    "origins": Verb("GET /v1/sources/{}/origins"),
    "rotate": Verb("POST /v1/keys/rotate", "*", command="keys rotate"),
    "retire": Verb("DELETE /v1/keys/{}", command="keys retire {}"),
    "lock": Verb("POST /v1/lock", "*", command="lock"),
}  # fmt: skip
METHODS: Mapping[str, Callable[[Any, Any, Any], Any]] = {
    "lock": lambda vault, holder, _: vault.permit_lock(holder),
    "revoke_token": lambda vault, holder, subject: vault.revoke_token(holder, subject),
}
"""Verbs whose method is called otherwise than its route."""
