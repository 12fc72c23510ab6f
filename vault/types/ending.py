"""What became of a request, in one word."""

from __future__ import annotations

from enum import StrEnum


class Ending(StrEnum):
    """What became of a request.

    `released`: text of records left. `redacted`: it left with identifiers masked. `answered`: no text left; a number
    did, nothing was found, something came in or was asked for. `denied`: refused, or held back for the owner.
    `error`: the vault could not answer. `owner`: the owner's own doing.
    """

    RELEASED = "released"
    REDACTED = "redacted"
    ANSWERED = "answered"
    DENIED = "denied"
    ERROR = "error"
    OWNER = "owner"
