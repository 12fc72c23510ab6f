"""Every transcript in tests/scripts/rest-*.txt, against one real server; and that the runner sees what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.stage import ALONE, staged
from tests.api.transcript import Message, Play, Step, expanded, filled, parse, pretty, restored, same, text
from vault.api.routes import ROUTES

SCRIPTS = sorted((Path(__file__).parents[1] / "scripts").glob("rest-*.txt"))
PUBLIC = {"GET /healthz", "POST /v1/unlock", "POST /v1/lock", "GET /openapi.json", "GET /.well-known/vault-keys.json"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, dict[str, str]]]:
    with staged(tmp_path_factory.mktemp("stage")) as staging:
        yield staging


@pytest.mark.parametrize("script", [one for one in SCRIPTS if one.stem not in ALONE], ids=lambda path: path.stem)
def test_transcript(script: Path, stage: tuple[int, dict[str, str]]) -> None:
    run(script, *stage)


@pytest.mark.parametrize("script", [one for one in SCRIPTS if one.stem in ALONE], ids=lambda path: path.stem)
def test_transcript_alone(script: Path, tmp_path: Path) -> None:
    with staged(tmp_path) as stage:
        run(script, *stage)


def run(script: Path, port: int, kept: dict[str, str]) -> None:
    play = Play(port, kept)
    for step in parse(script.read_text("utf-8")):
        if isinstance(step, Step):
            play.run(step)


ELSEWHERE = {
    "POST /v1/records/label", "POST /v1/records/forget", "GET /v1/records/{id}", "GET /v1/holdings",
    "POST /v1/browsers/waiting/{id}", "DELETE /v1/browsers/waiting/{id}", "DELETE /v1/browsers/{id}",
    "POST /v1/browsers/{id}/allow", "GET /v1/audit/timeline", "GET /v1/exposure", "GET /v1/checkup",
}  # fmt: skip
"""Refused here, answered in tests of their own: they tell of the whole vault, which each transcript changes, or need a
browser at the door. test_labelling, test_logbook, test_matrix, console/test_settings, extension/test_pairing."""


def test_every_route_is_played_and_refused() -> None:
    steps = [one for path in SCRIPTS for one in parse(path.read_text("utf-8")) if isinstance(one, Step)]
    answered: dict[str, set[int]] = {}
    for step in steps:
        method, target = step.request.first.removeprefix("await ").split()
        for name in PUBLIC | {f"{route.method} {route.path}" for route in ROUTES}:
            rule = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(name))
            if re.fullmatch(rule, f"{method} {target.split('?')[0]}"):
                answered.setdefault(name, set()).add(int(step.answer.first))
    for route in ROUTES:
        name = f"{route.method} {route.path}"
        said = answered.get(name, set())
        assert (200 in said or name in ELSEWHERE) and said & {401, 403}, f"{name}: {said}"
    assert answered.keys() >= PUBLIC


@pytest.mark.parametrize(
    ("expected", "real", "agrees"),
    [
        ({"a": 1}, {"a": 1}, True), ({"a": 1}, {"a": 1, "b": 2}, False), ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"a": 1}, {"a": True}, False), ({"a": 1}, {"a": 1.0}, False), ({"a": "1"}, {"a": 1}, False),
        ("<n>", 12, True), ("<n>", "12", False), ("<n>", 1.5, False), ("<n>", True, False), ("<score>", 0.25, True),
        ("<score>", 7.5, False), ("<hash>", "0" * 64, True), ("<hash>", "0" * 63, False), ("x/<n>", 12, False),
        ([1], [1, 2], False), ([1, "…"], [1, 2], True), ([1, "…"], [1], True), ([1, "…"], [2, 1], False),
        ([1, 2], [1], False), ("$kept", "what was kept", True), ("$kept", "another", False), ("$other", "$kept", False),
        (None, 0, False), ({}, [], False),
    ],
)  # fmt: skip
def test_the_runner_sees_differences(expected: Any, real: Any, agrees: bool) -> None:
    assert same(filled(expected, real, {"kept": "what was kept"}), real) is agrees


def test_a_problem_in_short_is_the_whole_document() -> None:
    said = expanded("not_found: no such record\nhint: look again", "404")
    assert said == {
        "type": "urn:ownvault:problem:not_found", "title": "not found", "status": 404, "code": "not_found",
        "detail": "no such record", "hint": "look again",
    }  # fmt: skip
    assert "hint" not in expanded("not_found: no such record", "404")


def test_rewriting_puts_placeholders_back() -> None:
    old = {"id": "<id=roof>", "gone": 1, "list": ["<n>", "…"]}
    real = {"id": "r" + "a" * 26, "score": 0.5, "new": "x", "leaf": "0" * 64, "list": [1, 2, 3], "by": "claude-7"}
    assert restored(old, real, {"name": "claude-7"}) == {
        "id": "<id=roof>", "score": "<score>", "new": "x", "leaf": "<hash>", "list": ["<n>", "…"], "by": "$name",
    }  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_transcripts_are_written_as_the_runner_writes_them(script: Path) -> None:
    for step in parse(script.read_text("utf-8")):
        if isinstance(step, Step) and step.answer.body.startswith("{"):
            assert step.answer.body == pretty(expanded(step.answer.body, step.answer.first)), f"line {step.line}"


def test_a_wrong_answer_is_told_as_a_difference(stage: tuple[int, dict[str, str]]) -> None:
    play = Play(*stage)
    request = Message("POST /v1/count", {"Authorization": "Bearer $claude"}, "{}")
    with pytest.raises(AssertionError, match=r'(?s)POST /v1/count.*-  "count": 4.*\+  "count": 3'):
        play.run(Step(1, request, Message("200", {}, '{"count": 4, "receipt": {"entry": "<n>", "leaf": "<hash>"}}')))
    with pytest.raises(AssertionError, match=r"(?s)-401\n\+200"):
        play.run(Step(1, request, Message("401")))
    nobody = Message("POST /v1/count", {}, "{}")
    with pytest.raises(AssertionError, match=r"(?s)\+WWW-Authenticate: Bearer"):
        play.run(Step(1, nobody, Message("401", {}, "token_refused: the token is not accepted")))
    assert text(request).startswith("POST /v1/count\nAuthorization: Bearer $claude\n{}")
