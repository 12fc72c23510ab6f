"""How grants came to be. No row says it; what they were made of does, and at last the log."""

from __future__ import annotations

from vault.types import Connection

OAUTH, ASKED, PROVIDER = "oauth", "asked", "provider"


def ways(conn: Connection) -> dict[str, str]:
    """Return how each grant came to be, by id (see `types.Access`); one is missing when its entry was erased."""
    made = conn.execute(  # a cross join looks entries up by the time of each grant, never the other way round
        "SELECT grant_.id, json_extract(body, '$.via') FROM grant_ CROSS JOIN entry ON entry.time = grant_.created"
        " WHERE json_extract(body, '$.detail.grant') = grant_.id ORDER BY number DESC"
    )  # the first entry that names it is told last, and stands
    known: dict[str, str] = dict(made.fetchall())
    asked = conn.execute(
        "SELECT granted, EXISTS (SELECT 1 FROM authorization WHERE authorization.id = request.id)"
        " FROM request WHERE granted != ''"
    )
    known |= {id: OAUTH if authorized else ASKED for id, authorized in asked.fetchall()}
    known |= {id: OAUTH for (id,) in conn.execute("SELECT grant_ FROM family").fetchall()}
    return known | {id: PROVIDER for (id,) in conn.execute("SELECT grant_ FROM provider").fetchall()}
