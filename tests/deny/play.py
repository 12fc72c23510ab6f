"""One case over one interface: what was granted, what happened before, the asking, and what must come of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from tests.deny import verdict
from tests.deny.cast import OWNERS, Cast, span
from tests.deny.owner import Owner
from tests.deny.said import Bearer, Said
from tests.deny.stage import Stage, full_disk
from tests.deny.table import ANSWER, NOTHING, ONLY, Ask, Case
from tests.deny.verbs import VERBS, Unsayable
from vault.errors import VaultError
from vault.types import ReadRequest

GIVEN = frozenset({ONLY, NOTHING, ANSWER})
VIA = {
    "service": ("local",), "cli": ("rest", "cli"), "rest": ("rest",), "mcp": ("mcp",), "stdio": ("mcp",),
}  # fmt: skip
"""The interfaces that the audit log may name: a command and the bridge ask the server, which believes only the owner
that it is a command."""


class Play:
    """A case being played over one interface."""

    def __init__(self, stage: Stage, case: Case, face: str, *, real: bool = False) -> None:
        """Grant what the case grants. With `real`, commands and bridges are processes of their own."""
        number = stage.begin()
        self._stage, self._case, self._face, self._house = stage, case, face, stage.house
        self._faces = stage.faces | (stage.real if real else {})
        self._cast = Cast(stage, case, number)
        self._owner = Owner(stage.house, self._cast)
        self._bearer = self._cast.bearer(case.token)
        if case.vault == "locked":
            self._faces, token = stage.locked
            self._bearer = Bearer(token if case.token == "granted" else None)

    # ------------------------------------------------------------ before

    def prepare(self) -> None:
        """Let happen what happens before the asking."""
        for step in self._case.before:
            if "wait" in step:
                self._stage.clock.now += span(step["wait"])
            elif "owner" in step:
                beside = {name: value for name, value in step.items() if name not in ("owner", "or")}
                with _allowing(step.get("or", "")):
                    self._owner.do(step["owner"], self._cast.filled(beside))
            else:
                self._hold(step)
        if self._case.token == "collected":
            self._bearer = self._cast.collect()

    def _hold(self, step: Mapping[str, Any]) -> None:
        """Let a holder ask, once or several times."""
        bearer = self._cast.bearer(step["token"]) if "token" in step else self._bearer
        ask, times = self._cast.ask(step["holder"]), step.get("times", 1)
        for turn in range(times):
            one = ask if times == 1 else Ask(ask.verb, f"{ask.subject} {turn}", ask.more)
            try:
                said = self._faces[step.get("by", self._face)].ask(bearer, one)
            except Unsayable:
                said = self._faces["service"].ask(bearer, one)
            gives = step.get("gives")
            assert gives is None or gives in said.codes, f"{one}: {sorted(said.codes)}\n{said.seen!r}"
            self._cast.note(one, said)

    # ------------------------------------------------------------ asking

    def ask(self) -> None:
        """Ask, and hold what came against what must come. AssertionError when it is anything else."""
        case, ask = self._case, self._cast.ask(self._case.ask)
        staying = self._cast.names[case.unchanged.removeprefix("$")] if case.unchanged else ""
        kept, mark = self._kept(staying), self._house.mark()
        with full_disk() if case.vault == "on a full disk" else nullcontext():
            said = self._faces[self._face].ask(self._bearer, ask)
        self._cast.note(ask, said)
        wanted = {ANSWER if one in GIVEN else one for one in case.must}
        assert said.codes & wanted, f"{sorted(said.codes)} instead of {sorted(wanted)}\n{said.seen!r}"
        given = ANSWER in said.codes
        self._silent(ask, said, given)
        if given:
            self._measured(ask, said)
        if not case.unrecorded.keys() & {"all", self._face}:
            self._recorded(ask, mark, given)
        if case.same_as is not None:
            self._same(ask, said, given)
        assert self._kept(staying) == kept, f"{case.unchanged} is changed"

    def _silent(self, ask: Ask, said: Said, given: bool) -> None:
        """No byte tells of a record that is not the holder's to see, nor why it was refused."""
        case, records = self._case, self._stage.records
        granted = case.sees if case.sees is not None else verdict.visible_in_notes(records.values())
        seen = set(granted) if given else set()
        for name in records.keys() - seen:
            verdict.lacks(said, records[name].marker)
            if self._house.ids[name] != ask.subject:
                verdict.lacks(said, self._house.ids[name])
        for reason in case.because:
            if not given and reason not in (*case.must, "throttled"):
                verdict.lacks(said, reason)
        for word in case.hides:
            verdict.lacks(said, word)
        for word in case.shows:
            assert word.encode() in said.seen, f"{word!r} is missing\n{said.seen!r}"

    def _measured(self, ask: Ask, said: Said) -> None:
        """The answer is that of a vault with nothing else in it, and no larger than it may be."""
        case, got = self._case, verdict.plain(said.answer, self._house.names)
        if {ONLY, NOTHING} & set(case.must):
            house, alone = self._stage.alone(case.sees or (), ask)
            verdict.equal(got, verdict.plain(alone.answer, house.names))
        if NOTHING in case.must:
            assert got.keys() & {"hits", "count"} and not got.get("hits") and not got.get("count"), got
        if case.most is not None:
            assert 1 <= len(got["hits"]) <= case.most
        if case.most_text is not None:
            assert got["hits"] and all(len(hit["text"]) <= case.most_text for hit in got["hits"])

    def _recorded(self, ask: Ask, mark: int, given: bool) -> None:
        """The owner finds it in the audit log, with the reason."""
        if self._face in ("mcp", "stdio") and not VERBS[ask.verb].tool:
            return  # a tool that is not there: nothing was asked of the vault
        owners = isinstance(self._case.token, Mapping) and OWNERS in self._case.token
        entries = [one.entry for one in self._house.entries_since(mark) if owners or one.entry.client != "owner"]
        told = [(entry.decision, entry.reason, entry.via) for entry in entries]
        decision, reasons = ("allow", ("granted",)) if given else ("deny", self._case.because)
        assert any((decision, reason, via) in told for reason in reasons for via in VIA[self._face]), told
        mine = {self._cast.names["grant"], self._cast.names["other"]}
        assert given or not [one for one in entries if one.decision == "allow" and one.grant in mine], told

    def _same(self, ask: Ask, said: Said, given: bool) -> None:
        """Asked the other thing, the answer is the same byte by byte."""
        other = dict(self._case.same_as or {})
        bearer = self._cast.bearer(other.pop("token")) if "token" in other else self._bearer
        instead = self._cast.ask(other or self._case.ask)
        again = self._faces[self._face].ask(bearer, instead)
        one, two = verdict.neutral(ask, said, given), verdict.neutral(instead, again, given)
        assert one == two, f"{one!r}\ndiffers from\n{two!r}"

    def _kept(self, id: str) -> Any:
        """Return the record that must stay as it is."""
        return self._house.vault.read(self._house.owner, ReadRequest(id)).record if id else None

    def end(self) -> None:
        """Leave the vault as the table has it, whatever the case did."""
        self._house.tidy(self._stage.records, self._case.unchanged)


@contextmanager
def _allowing(code: str) -> Iterator[None]:
    """Let what the owner does be refused with this code: the vault may as well not let them."""
    try:
        yield
    except VaultError as error:
        if error.code != code:
            raise
