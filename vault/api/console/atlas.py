"""The map: every record as a point near those that are about the same, and what a grant sees of it.

The points go to our own script as one array of bytes (types/holdings.py, `Atlas`), not as JSON: 100,000 of them are
half a megabyte. What the picture tells is also a list, of its regions.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from flask import Response, render_template, request

from vault import sentences
from vault.errors import BadRequest
from vault.types import Atlas, Status

if TYPE_CHECKING:
    from vault.api.console.ground import Answer, Console
    from vault.api.console.sessions import Session

MOST = 400
"""Points that are named at once."""


def add(console: Console) -> None:
    """Add the map's page and its parts."""
    pages = Pages(console)
    console.page("/map", pages.page)
    console.part("/map/atlas", pages.atlas)
    console.part("/map/points/<tag>", pages.points)
    console.part("/map/spots/<tag>", pages.spots)
    console.part("/map/shade/<id>", pages.shade)


class Pages:
    """The map's page and its parts."""

    def __init__(self, console: Console) -> None:
        self._vault = console.vault

    def page(self, session: Session) -> Answer:
        """The page at once; the list of regions with it where the map is drawn, or is asked for without a script."""
        ready = self._vault.mapped or request.args.get("list") == "1"
        atlas = self._vault.atlas(session.holder) if ready else None
        live = (Status.ACTIVE, Status.PAUSED)
        grants = [view for view in self._vault.grants(session.holder) if view.status in live]
        return render_template("console/map/map.html", atlas=atlas, grants=grants)

    def atlas(self, session: Session) -> Answer:
        """What the map holds; 202 while it is being drawn for another page: no thread of ours waits for that."""
        if self._vault.mapping and not self._vault.mapped:
            return Response(status=202)
        return Response(json.dumps(_told(self._vault.atlas(session.holder))), mimetype="application/json")

    def points(self, session: Session, tag: str) -> Answer:
        """The points themselves; with another `tag` the map that was told of is no more, and there are none."""
        atlas = self._vault.atlas(session.holder)
        return Response(atlas.points if atlas.tag == tag else b"", mimetype="application/octet-stream")

    def spots(self, session: Session, tag: str) -> Answer:
        said = request.args.get("at", "").split(",")[: MOST + 1]
        if not all(one.isascii() and one.isdecimal() and len(one) < 10 for one in said):
            raise BadRequest("points are numbers")
        found = self._vault.spots(session.holder, tag, [int(one) for one in said]).spots
        told = [
            {
                "point": one.point, "id": one.record.id, "title": sentences.one_line(one.record.title),
                "kind": sentences.one_line(one.record.kind), "date": f"{one.record.date:%Y-%m-%d}" if one.record.date
                else "",
            }
            for one in found
        ]  # fmt: skip
        return Response(json.dumps(told), mimetype="application/json")

    def shade(self, session: Session, id: str) -> Answer:
        found = self._vault.shade(session.holder, id)
        return Response(found.bits, mimetype="application/octet-stream", headers={"X-Vault-Map": found.tag})


def _told(atlas: Atlas) -> dict[str, object]:
    return {
        "tag": atlas.tag, "size": atlas.size, "records": atlas.records,
        "collections": [sentences.one_line(name) for name in atlas.collections],
        "regions": [
            {"x": one.x, "y": one.y, "records": one.records, "words": [sentences.one_line(word) for word in one.words],
             "collections": {sentences.one_line(name): held for name, held in one.collections.items()}}
            for one in atlas.regions
        ],
    }  # fmt: skip
