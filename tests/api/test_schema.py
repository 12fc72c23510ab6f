"""The OpenAPI document holds: schemathesis makes requests of it, good and bad; no answer is one it does not tell of.

As the owner, as a client with a narrow grant, and as nobody. A few hundred cases here, five thousand in `make torture`.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.api.conftest import DRAFTS, new, started, stopped
from tests.support import PASSPHRASE, Server
from vault.api import openapi, stream
from vault.api.client import RemoteVault
from vault.store.lock import find_server
from vault.types import Action, AddRequest, Filter, GrantRequest, Holder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries, at their import
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        negative_data_rejection,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
        unsupported_method,
    )

CHECKS: list[Any] = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    response_headers_conformance, unsupported_method,
]  # fmt: skip
STRICT: list[Any] = [*CHECKS, negative_data_rejection]
"""What is demanded of requests that the document calls wrong; as nobody they are not even read."""
WHO = ("owner", "narrow", "nobody")
LOCKS = "POST /v1/lock"
"""What ends the server, so that the owner does not say it here."""
CASES, TORTURE = 3, 50
"""For each operation and each of those who ask: some 400 cases, and more than 5,000."""


def _operations() -> dict[str, Any]:
    document = openapi.document()
    del document["paths"][stream.PATH]  # an answer without an end; tests/api/test_events.py
    del document["security"]  # who asks is ours to say
    schema = schemathesis.openapi.from_dict(document)
    return {found.label: found for found in (result.ok() for result in schema.get_all_operations())}


OPERATIONS = _operations()


@dataclass
class Asked:
    """A server and those who ask it; whoever is locked out by what it did comes in again."""

    server: Server
    remote: RemoteVault
    holders: dict[str, Holder] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)

    def renew(self) -> None:
        owner = Holder(self.remote.unlock(bytearray(PASSPHRASE)).token)
        wanted = GrantRequest("narrow", (Action.SEARCH, Action.COUNT), Filter(collections=("notes",), last=30))
        self.holders = {"owner": owner, "narrow": Holder(self.remote.grant(owner, wanted).token)}

    def ask(self, case: Any, who: str) -> Any:
        """Send a request as somebody; who was locked out by it, or by one before, comes in again for the next."""
        token = {"Authorization": f"Bearer {self.holders[who].token}"} if who in self.holders else {}
        answer = case.call(base_url=self.server.address, headers=token, timeout=30)
        self.answers[f"{who} {case.operation.label} {answer.status_code}"] += 1
        if answer.status_code == 401 and token:
            self.renew()
        return answer


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    server = started(new(tmp_path_factory.mktemp("schema")))
    try:
        found = find_server(Path(server.directory))
        assert found
        made = Asked(server, RemoteVault(server.address, knock=str(found["knock"])))
        owner = Holder(made.remote.unlock(bytearray(PASSPHRASE)).token)
        made.remote.add(owner, AddRequest("notes", DRAFTS, "test"))
        made.renew()
        yield made
        print("\n".join(f"{times:6} {what}" for what, times in sorted(made.answers.items())))
        assert server.process.poll() is None
    finally:
        stopped(server)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("label", OPERATIONS)
def test_the_document_holds(asked: Asked, label: str, who: str) -> None:
    play(asked, label, who, CASES)


@pytest.mark.torture
@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("label", OPERATIONS)
def test_the_document_holds_for_long(asked: Asked, label: str, who: str) -> None:
    play(asked, label, who, TORTURE)


def play(asked: Asked, label: str, who: str, cases: int) -> None:
    """Make so many requests, half of them wrong, and hold each answer against the document."""
    if (label, who) == (LOCKS, "owner"):
        pytest.skip("it would end the server")
    wrong = _negative(label)
    _try(asked, label, who, GenerationMode.POSITIVE, cases - cases // 2 if wrong else cases)
    if wrong:
        _try(asked, label, who, GenerationMode.NEGATIVE, cases // 2)


def _negative(label: str) -> bool:
    """Tell whether a request of this operation can be wrong: any text may be an id, and no query is no wrong one."""
    method, path = label.split()
    said = openapi.document()["paths"][path][method.lower()]
    bounded = (one["in"] != "path" or one["schema"]["type"] != "string" for one in said.get("parameters", []))
    return "requestBody" in said or any(bounded)


def _try(asked: Asked, label: str, who: str, mode: GenerationMode, cases: int) -> None:
    checks = STRICT if mode is GenerationMode.NEGATIVE and who != "nobody" else CHECKS

    @settings(
        max_examples=cases, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = asked.ask(case, who)
        case.validate_response(answer, checks=checks)
        if answer.status_code >= 400:
            _documented(label, answer.status_code, answer.json()["code"])

    ask()


def _documented(label: str, status: int, code: str) -> None:
    """Demand that this code is among those that the document names for this status of this operation."""
    method, path = label.split()
    said = openapi.document()["paths"][path][method.lower()]["responses"][str(status)]
    (schema,) = [one["schema"] for one in said["content"].values()]
    assert code in schema["allOf"][1]["properties"]["code"]["enum"], json.dumps([label, status, code])
