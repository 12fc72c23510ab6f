"""The owner's decision as a form says it. What is left as it stands narrows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from werkzeug.datastructures import MultiDict

from vault.errors import BadRequest
from vault.types import Action, ApproveRequest, Asked, Detail, Filter, Lasting, RequestView, Sensitivity

HOURS = {"1h": 3600, "1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}
"""Times that a form offers, in seconds."""


def approval(view: RequestView, form: MultiDict[str, str]) -> ApproveRequest:
    """Return how the form approves this request. BadRequest for a form that is not ours."""
    try:
        return _access(view, form) if view.asked is Asked.ACCESS else _answer(view, form)
    except (ValueError, KeyError):
        raise BadRequest("the form is not the one that was shown") from None


def _answer(view: RequestView, form: MultiDict[str, str]) -> ApproveRequest:
    said = form.get("lasting", "once")
    narrower = _filter(form, {one.collection for one in view.records}, _levels(view))
    if said != "once":
        if not view.records:
            raise BadRequest(
                "no record is named in it, so here it is approved once", hint="longer: ownvault approve ID --for 1h"
            )
        if narrower.sensitivity is None:  # what comes later was not seen: no more sensitive than what is shown now
            highest = max(Sensitivity.PERSONAL, *_levels(view))
            narrower = replace(narrower, sensitivity=highest.name.lower())
    if said in HOURS:
        return ApproveRequest(Lasting.WHILE, HOURS[said], narrower)
    return ApproveRequest(Lasting(said), None, narrower)


def _access(view: RequestView, form: MultiDict[str, str]) -> ApproveRequest:
    asked = tuple(map(Action, view.terms["actions"]))
    actions = tuple(one for one in map(Action, form.getlist("action")) if one in asked)
    if not actions:
        raise BadRequest("that leaves no action", hint="choose at least one, or deny it")
    level = form.get("detail", "")
    time = form.get("expires", "")
    return ApproveRequest(
        filter=_filter(form, set(collections(view)), (), named=view.asker is not None),
        actions=None if set(actions) == set(asked) else actions,
        detail=Detail.parse(level) if level else None,
        expires_in=HOURS[time] if time else None,
    )


def collections(view: RequestView) -> Sequence[str]:
    """Return the collections that the owner can choose among: those that are asked for, or all that would be seen."""
    named = view.terms["scope"]["collections"] if view.asked is Asked.ACCESS else None
    if isinstance(named, list):
        return named
    return sorted(view.sees.collections if view.sees else {one.collection for one in view.records})


def sensitive(view: RequestView) -> bool:
    """Say whether anything sensitive could leave: then the passphrase is asked for once more."""
    if view.asked is Asked.ACCESS:
        return Sensitivity.parse(str(view.terms["scope"]["sensitivity"])) > Sensitivity.PERSONAL
    return any(one.sensitivity > Sensitivity.PERSONAL for one in view.records)


def _levels(view: RequestView) -> Sequence[Sensitivity]:
    return sorted({one.sensitivity for one in view.records})


def _filter(
    form: MultiDict[str, str], offered: set[str], levels: Sequence[Sensitivity], named: bool = False
) -> Filter:  # fmt: skip
    """Return what the form narrows to; with `named` all collections by name, even when that is every one there is."""
    chosen = [one for one in form.getlist("collection") if one in offered]
    shown = set(form.getlist("offered"))  # one that is gone by now was not chosen, if it was not
    said: dict[str, Any] = {}
    if form.get("narrowed") and (set(chosen) != offered | shown or named):
        if not chosen:
            raise BadRequest("that leaves no collection", hint="choose at least one, or deny it")
        said["collections"] = tuple(chosen)
    level = form.get("sensitivity", "")
    if level and (not levels or Sensitivity.parse(level) < max(levels)):
        said["sensitivity"] = level
    return Filter(**said)
