"""Who plays a case: the client with what it was granted, the other one, their tokens, and every name the table uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from tests.deny.said import Bearer, Said
from tests.deny.stage import Stage
from tests.deny.table import ANSWER, Ask, Case
from tests.deny.tokens import CROOKED, Given
from tests.deny.verbs import VERBS
from tests.support import PASSPHRASE
from vault.api import wire
from vault.permissions import tokens
from vault.types import Action, Detail, Holder, Sensitivity

WORDS = frozenset(VERBS)
READ: Mapping[str, Callable[[Any], Any]] = {
    "since": wire.moment, "until": wire.moment, "detail": Detail.parse, "sensitivity": Sensitivity.parse,
    "actions": lambda names: [Action(name) for name in names],
}  # fmt: skip
"""How what a token is narrowed by is read."""
OF_RECORDS, OF_REQUESTS = ("read", "forget"), ("request_state", "collect", "approve", "deny")
OWNERS = "owner_narrowed"
SPAN = {"m": "minutes", "h": "hours", "d": "days"}


class Cast:
    """The clients of one case. `names` is what stands for `$name`; it grows with what happens."""

    def __init__(self, stage: Stage, case: Case, number: int) -> None:
        self._stage, self._house = stage, stage.house
        self.client = f"claude {number}"
        self.granted = self._house.grant(self.client, case.grant)
        self.tokens, self.collected = [self.granted.token], ""
        self.names: dict[str, Any] = self._house.ids | {
            "grant": self.granted.grant.id,
            "client": self.client,
            "other": "",
        }
        if case.other is not None:
            wish = dict(case.other)
            client = self.client if wish.pop("same_client", False) else f"cursor {number}"
            other = self._house.grant(client, wish)
            self.names |= {"other": other.grant.id, "other_token": other.token}

    # ------------------------------------------------------------ tokens

    def bearer(self, said: Any) -> Bearer:
        """Return the token that the table means, as it is presented."""
        if isinstance(said, Mapping):
            ((whose, narrower),) = said.items()
            return Bearer(
                self.narrowed(narrower, {"narrowed": self.granted.token, OWNERS: self._house.owner.token}[whose])
            )
        if said in ("granted", "collected"):
            return Bearer(self.granted.token)
        if said == "other":
            return Bearer(self.names["other_token"])
        found = CROOKED[said](self._given()) if said in CROOKED else said
        return found if isinstance(found, Bearer) else Bearer(found)

    def narrowed(self, said: Any, token: str = "") -> str:
        """Return a token, that of the grant unless said, narrowed offline once or several times.

        `tokens` has it and those before it.
        """
        chain = [token or self.granted.token]
        for one in said if isinstance(said, list) else [said]:
            narrower = {name: READ.get(name, _as_it_stands)(value) for name, value in one.items()}
            if "expires_in" in narrower:
                narrower["expires"] = self._stage.clock.now + span(narrower.pop("expires_in"))
            chain.append(tokens.attenuate(chain[-1], self._root.public, **narrower))
        self.tokens = chain
        return chain[-1]

    def collect(self) -> Bearer:
        """Return the token of the access that was asked for and approved, collected now unless it was before."""
        if not self.collected:
            asker = Holder(self.granted.token)
            self.collected = self._house.vault.collect(asker, self.names["request"]).token
        return Bearer(self.collected)

    @property
    def _root(self) -> tokens.Root:
        return self._house.vault._parts.ring.root

    def _given(self) -> Given:
        return Given(
            token=self.granted.token, grant=self.granted.grant.id, client=self.client, root=self._root,
            audience=self._house.vault.audience, now=self._stage.clock.now, passphrase=PASSPHRASE.decode(),
            second=self._house.grant("second", {"actions": ["search"]}).token, foreign=self._stage.foreign,
        )  # fmt: skip

    # ------------------------------------------------------------ names

    def ask(self, said: Mapping[str, Any]) -> Ask:
        """Return what the table asks, with every name put in."""
        ask = Ask.read(said, WORDS)
        letter = "q" if ask.verb in OF_REQUESTS else "g"
        absent = "r" + "a" * 26 if ask.verb in OF_RECORDS else letter + "0" * 16
        filled = self.filled({"subject": ask.subject, "more": dict(ask.more)}, absent)
        return Ask(ask.verb, filled["subject"], filled["more"])

    def filled(self, said: Any, absent: str = "") -> Any:
        """Return `said` with every `$name` put in."""
        if isinstance(said, str) and said.startswith("$"):
            return absent if said == "$absent" else self.names[said[1:]]
        if isinstance(said, Mapping):
            return {name: self.filled(value, absent) for name, value in said.items()}
        return [self.filled(one, absent) for one in said] if isinstance(said, list) else said

    def note(self, ask: Ask, said: Said) -> None:
        """Keep the names of the request and the record that came of asking."""
        if ask.verb == "add" and said.answer:
            outcome = said.answer.get("outcome") or said.answer["outcomes"][0]
            self.names["added"] = outcome["id"]
        elif ask.verb == "request_access" and said.answer:
            self.names["request"] = said.answer.get("id") or said.answer["request"]
        elif "approval_required" in said.codes and ANSWER not in said.codes:
            mine = (self.names["grant"], self.names["other"])
            waiting = [one.id for one in self._house.vault.requests(self._house.owner) if one.grant in mine]
            self.names["request"] = said.request or next(iter(waiting), "")


def _as_it_stands(value: Any) -> Any:
    return value


def span(said: str) -> timedelta:
    """Return the length of time that is written `90m`, `2h` or `-3d`."""
    found = re.fullmatch(r"(-?\d+)([mhd])", said)
    assert found, said
    return timedelta(**{SPAN[found[2]]: int(found[1])})
