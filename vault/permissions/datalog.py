"""Calling the Biscuit library safely: data only as parameters, and nothing it raises gets past."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from biscuit_auth import AuthorizationError, AuthorizerBuilder, Fact

from vault.errors import BadRequest, Overloaded
from vault.permissions.vetting import Reason, refused

TIME_LIMIT = timedelta(milliseconds=250)
"""For one evaluation. Vetting bounds the work; this only stops what a stalled machine would drag out."""
MAX_FACTS = 1_000_000
"""No limit in practice: a record has as many labels and people as it has. The library's own is 1000."""
LIMITS_MESSAGE = "Reached Datalog execution limits"

_T = TypeVar("_T")


def fact(name: str, *values: Any) -> Fact:
    """Return `name(value, …)`. `name` is ours, values are data and only ever parameters."""
    parameters = {f"v{i}": value for i, value in enumerate(values)}
    return Fact(f"{name}({', '.join(f'{{{parameter}}}' for parameter in parameters)})", parameters)


def builder(kind: type[_T], source: str, parameters: Mapping[str, Any]) -> _T:
    """Build from `source`; BadRequest unless the parameters are exactly those that it names.

    The library accepts parameters that are never used, and a misspelt one would drop a restriction.
    """
    if set(re.findall(r"\{(\w+)\}", source)) != set(parameters):
        raise BadRequest("the parameters do not fit the Datalog source")
    return kind(source, dict(parameters))  # type: ignore[call-arg]


def authorizer() -> AuthorizerBuilder:
    """Return an empty authorizer with our limits. The library's own, 1 ms, denies good tokens on a busy machine."""
    empty = AuthorizerBuilder()
    limits = empty.limits()  # type: ignore[attr-defined]  # the library's stub lags behind it
    limits.max_time, limits.max_facts = TIME_LIMIT, MAX_FACTS
    empty.set_limits(limits)  # type: ignore[attr-defined]
    return empty


def within_limits(call: Callable[[], _T]) -> _T:
    """Run an evaluation; reaching a limit is tried once more, then Overloaded, because it is no decision."""
    for _ in range(2):
        try:
            return call()
        except AuthorizationError as error:
            # A denial quotes the failed check, which the holder wrote: only the whole message is the library's own.
            if str(error) != LIMITS_MESSAGE:
                raise
    raise Overloaded("the token took too long to evaluate")


def guarded(call: Callable[[], _T], reason: Reason) -> _T:
    """Run library code; what it raises is a refusal, but Overloaded. A Rust panic is a BaseException, no Exception."""
    try:
        return call()
    except (KeyboardInterrupt, SystemExit, Overloaded):
        raise
    except BaseException:
        raise refused(reason) from None
