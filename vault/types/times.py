"""Times: timezone-aware UTC in the program, whole microseconds since 1970 in the store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from vault.errors import BadRequest

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; a time without a zone is taken as UTC. BadRequest outside the years 1 to 9999."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise BadRequest("a time is outside the years 1 to 9999") from None


def micros(moment: datetime) -> int:
    """Return `moment` as it is stored and indexed: whole microseconds since 1970 in UTC."""
    return (utc(moment) - EPOCH) // _MICROSECOND


def from_micros(stored: int) -> datetime:
    """Return the time that `micros` made a number of. OverflowError for one that it cannot have made."""
    return EPOCH + stored * _MICROSECOND
