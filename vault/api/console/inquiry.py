"""What the log's form asks for: one address says it all, so that it can be kept, and works without scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from vault import limits
from vault.errors import BadRequest
from vault.types import AuditRequest, Ending, Period, Sensitivity, Timeline, TimelineRequest, utc

UNKNOWN = "?"
"""The client of whoever had no good token; no client can be called so."""
USUAL = tuple(one for one in Ending if one is not Ending.OWNER)
"""What is shown where nothing is chosen: everything but what the owner did, looking at this page among it."""
TEXTS = ("client", "action", "collection", "sensitivity", "record", "text")


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A period, conditions as they were typed, and whether the chart tells clients or outcomes apart."""

    period: Period
    outcome: tuple[Ending, ...]
    said: Mapping[str, str]
    since: datetime | None
    until: datetime | None
    stack: str

    @classmethod
    def read(cls, form: MultiDict[str, str]) -> Inquiry:
        """Return what a form, or an address, asks for. BadRequest for what is none of our form's."""
        try:
            said = {name: form.get(name, "").strip()[: limits.QUERY] for name in TEXTS}
            chosen = tuple(dict.fromkeys(map(Ending, form.getlist("outcome"))))
            if said["sensitivity"]:
                Sensitivity.parse(said["sensitivity"])
            return cls(
                Period(form.get("period", "") or Period.WEEK), chosen or USUAL, said, _moment(form.get("since", "")),
                _moment(form.get("until", "")), "client" if form.get("stack") == "client" else "outcome",
            )  # fmt: skip
        except ValueError:
            raise BadRequest("the form is not the one that was shown", hint="begin anew from the log") from None

    @property
    def client(self) -> str | None:
        return "" if self.said["client"] == UNKNOWN else self.said["client"] or None

    @property
    def outcomes(self) -> tuple[Ending, ...]:
        """The outcomes to look for, none for all: then also entries that were erased."""
        return () if set(self.outcome) == set(Ending) else self.outcome

    @property
    def finer(self) -> bool:
        """Whether entries are left out by what the chart cannot tell apart."""
        return any(self.said[name] for name in ("collection", "sensitivity", "record", "text"))

    @property
    def narrowed(self) -> bool:
        """Whether anything but the period is chosen."""
        return any(self.said.values()) or bool(self.since or self.until) or self.outcome != USUAL

    def chart(self) -> TimelineRequest:
        """Return what the chart tells."""
        return TimelineRequest(self.period, self.client, self.outcomes, self.said["action"] or None)

    def entries(self, within: Timeline | None, limit: int = limits.PAGE, before: int | None = None) -> AuditRequest:
        """Return what the list holds: within the period, unless a time of its own is asked for."""
        since, until, said = self.since, self.until, self.said
        if within and not (since or until) and self.period is not Period.ALL:
            since = within.slots[0].start
        level = Sensitivity.parse(said["sensitivity"]) if said["sensitivity"] else None
        return AuditRequest(
            limit, before, self.client, self.outcomes, said["action"] or None, since, until, said["collection"] or None,
            level, said["record"] or None, said["text"] or None,
        )  # fmt: skip

    def query(self, **changes: Any) -> str:
        """Return the address of the same inquiry with some of it changed, as a query."""
        return "?" + urlencode(replace(self, **changes).fields())

    def fields(self) -> list[tuple[str, str]]:
        """Return names and values of the form that asks this; what goes without saying is left out."""
        told = [("period", self.period.value)] if self.period is not Period.WEEK else []
        told += [("stack", self.stack)] if self.stack != "outcome" else []
        told += [("outcome", one.value) for one in self.outcome] if set(self.outcome) != set(USUAL) else []
        told += [(name, self.said[name]) for name in TEXTS if self.said[name]]
        return told + [(name, clock(at)) for name, at in (("since", self.since), ("until", self.until)) if at]


def clock(moment: datetime | None) -> str:
    """Return a time as the form's own field has it: on this machine's clock, to the minute."""
    return f"{moment.astimezone():%Y-%m-%dT%H:%M}" if moment else ""


def _moment(text: str) -> datetime | None:
    """Return the time that a field says, on this machine's clock where it names no zone."""
    if not text:
        return None
    try:
        return utc(datetime.fromisoformat(text).astimezone())
    except (OverflowError, OSError):  # before the first or after the last year there is
        raise ValueError("no such time") from None
