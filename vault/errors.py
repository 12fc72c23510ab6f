"""One tree of errors: a stable code, a technical message, a hint for a person.

`status` is the HTTP status, `exit_code` the command's. Nobody branches on text.
`reason` goes into the audit entry only; a client sees code and message, which tell nothing.
`request` is the id of the owner's pending decision, for the errors that wait for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar


class VaultError(Exception):
    """Anything the vault refuses or cannot do."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    default_hint: ClassVar[str] = ""

    def __init__(self, message: str, *, hint: str = "", reason: str = "", request: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint
        self.reason = reason or self.code
        self.request = request


class BadRequest(VaultError):
    """The request itself is malformed or over a named limit."""

    code, status, exit_code = "bad_request", 400, 2


class TooLarge(BadRequest):
    """More at once than a named limit allows."""

    code, status = "too_large", 413


class NotFound(VaultError):
    """Absent or out of scope: the two cannot be told apart."""

    code, status, exit_code = "not_found", 404, 3


class Refused(VaultError):
    """The token proves no right to anything: missing, malformed, forged, expired, revoked."""

    code, status, exit_code = "token_refused", 401, 4
    default_hint = "ask the owner for a new grant: ownvault grant CLIENT --collection NAME"


class FlowRefused(Refused):
    """An OAuth request that leads to no token; `error` is the word for it in RFC 6749 and its companions."""

    code, status = "flow_refused", 400
    default_hint = "see docs/oauth.md"

    def __init__(self, message: str, error: str = "invalid_request", *, hint: str = "", reason: str = "",
                 request: str = "") -> None:  # fmt: skip
        super().__init__(message, hint=hint, reason=reason or error, request=request)
        self.error = error


class NotAllowed(VaultError):
    """A good token without the right to this action."""

    code, status, exit_code = "not_allowed", 403, 4


class Throttled(VaultError):
    """Too many attempts; the same request may be answered later, in so many seconds."""

    code, status, exit_code = "throttled", 429, 4
    default_hint = "wait a minute and try again"

    def __init__(self, message: str, *, hint: str = "", reason: str = "", request: str = "",
                 seconds: float = 60.0) -> None:  # fmt: skip
        super().__init__(message, hint=hint, reason=reason, request=request)
        self.seconds = seconds


class Changed(VaultError):
    """Something else than what the request was made for: it was changed in between. Nothing was done."""

    code, status, exit_code = "changed", 412, 8
    default_hint = "look at it again, then decide"


class KeyReused(VaultError):
    """An idempotency key that came with another request before."""

    code, status, exit_code = "key_reused", 422, 2
    default_hint = "a key is for one request; take a new one for another"


class UnderWay(VaultError):
    """The request with this idempotency key is being answered at this moment."""

    code, status, exit_code = "under_way", 409, 8
    default_hint = "ask again in a moment: the answer will be the same"


class LimitReached(VaultError):
    """The answer would go over a limit of the grant. The grant is paused until the owner resumes it."""

    code, status, exit_code = "limit_reached", 429, 4
    default_hint = "the owner can resume it: ownvault grants resume ID"


class ApprovalRequired(VaultError):
    """The answer is ready and waits for the owner's approval; ask the same again once it is given."""

    code, status, exit_code = "approval_required", 403, 4
    default_hint = "the owner decides: ownvault requests"


class Denied(VaultError):
    """The owner said no, or said nothing in time."""

    code, status, exit_code = "denied", 403, 4


class PairingPending(VaultError):
    """The owner has not decided on this pairing yet."""

    code, status, exit_code = "pairing_pending", 409, 8
    default_hint = "the owner compares the words: ownvault extension pair"


class PairingOver(VaultError):
    """This pairing leads to nothing any more: denied, used, revoked, or its time is over."""

    code, status, exit_code = "pairing_over", 410, 3
    default_hint = "pair again"


class InConsole(VaultError):
    """This is decided where the owner sees all of it; the hint is the place."""

    code, status, exit_code = "in_console", 403, 4


class Locked(VaultError):
    """The key is not in any process now."""

    code, status, exit_code = "locked", 503, 5
    default_hint = "unlock it with: ownvault unlock"


class WrongPassphrase(VaultError):
    """Neither a passphrase nor the recovery key of this vault."""

    code, status, exit_code = "wrong_passphrase", 403, 6
    default_hint = "try again, or use the recovery key that `ownvault init` printed"


class Damaged(VaultError):
    """A file of the vault is not what the vault wrote. Nothing is changed."""

    code, status, exit_code = "damaged", 500, 7
    default_hint = "nothing was changed; restore the vault directory from a backup"


class RolledBack(Damaged):
    """The database is older than its sealed head says: a restored copy, or a lost WAL."""

    code = "rolled_back"


class Busy(VaultError):
    """Another process owns the vault."""

    code, status, exit_code = "busy", 409, 8


class StorageFailed(VaultError):
    """The disk refused: full, read-only or failing. What was not acknowledged may be lost."""

    code, status, exit_code = "storage_failed", 503, 9
    default_hint = "free some disk space and try again"


class Overloaded(VaultError):
    """A limit of work was hit before a decision; it is no refusal."""

    code, status, exit_code = "overloaded", 503, 9
    default_hint = "try again"


class ImportFailed(VaultError):
    """The importer could not run at all; single bad items are counted, not raised."""

    code, status, exit_code = "import_failed", 400, 10


class Missing(VaultError):
    """A component that must be installed or present is not."""

    code, status, exit_code = "missing", 500, 11


class NoVault(VaultError):
    """There is no vault in this directory."""

    code, status, exit_code = "no_vault", 404, 12
    default_hint = "create one with: ownvault init"


class VaultExists(VaultError):
    """There is something in this directory, and it is left alone."""

    code, status, exit_code = "vault_exists", 409, 12


class AuditFailed(VaultError):
    """The audit tree does not verify, or an entry could not be written: nothing is released."""

    code, status, exit_code = "audit_failed", 503, 13


class Unreachable(VaultError):
    """A server that should answer does not."""

    code, status, exit_code = "unreachable", 503, 14
    default_hint = "start it with: ownvault serve"


class ProviderFailed(VaultError):
    """A language model did not answer as it should: `reason` says how, and the next one may be asked."""

    code, status, exit_code = "provider_failed", 502, 15
    default_hint = "see: ownvault providers"


class ConfigRefused(VaultError):
    """A client's own configuration file cannot be read or changed safely; it is left as it is."""

    code, status, exit_code = "config_refused", 409, 16
    default_hint = "nothing was changed"


def kinds() -> dict[str, type[VaultError]]:
    """Return every class of this tree but its root, by its code."""
    return {kind.code: kind for kind in _below(VaultError)}


def _below(base: type[VaultError]) -> Iterator[type[VaultError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == __name__:
            yield kind
            yield from _below(kind)
