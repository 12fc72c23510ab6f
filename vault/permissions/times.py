"""A moment as scopes and audit entries spell it: `YYYY-MM-DDTHH:MM:SS.ffffffZ`, and no other way."""

from __future__ import annotations

from datetime import UTC, datetime

_REST = "-%m-%dT%H:%M:%S.%fZ"


def spell(moment: datetime) -> str:
    """Return `moment`, which has a zone, in UTC."""
    moment = moment.astimezone(UTC)
    return f"{moment.year:04d}{moment.strftime(_REST)}"  # strftime("%Y") does not pad years before 1000 everywhere


def read(text: str) -> datetime:
    """Return the moment that `text` spells; ValueError or TypeError if it is none. Whoever must, spells it again."""
    return datetime.strptime(text, "%Y" + _REST).replace(tzinfo=UTC)
