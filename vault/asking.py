"""Language models that answer for the owner: kept as clients with a grant each, and briefed under it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from vault import prompt
from vault.errors import BadRequest, NotAllowed, NotFound
from vault.granting import Granting, revoked
from vault.permissions import grants, providers, scope
from vault.types import (
    Action,
    Answer,
    Brief,
    BriefRequest,
    Connection,
    Grant,
    GrantView,
    Holder,
    OrderRequest,
    Provided,
    Provider,
    ProviderRequest,
    ProviderView,
    SearchRequest,
    Status,
)

VIA = "ask"
"""The interface that the log names for what goes to a provider."""
Search = Callable[[Holder, SearchRequest], Answer]
ERRAND = timedelta(minutes=1)
"""How long the token lives with which one question is asked on a provider's behalf."""


class Asking(Granting):
    """The methods of a vault around providers. All are the owner's; what leaves does so under the provider's grant."""

    def providers(self, holder: Holder) -> tuple[ProviderView, ...]:
        """Return the providers in the order in which they are asked."""
        with self._decide(holder, Action.AUDIT) as decision:
            decision.whole()
            with self._parts.db.read() as conn:
                known = [(one, grants.get(conn, one.grant)) for one in providers.listed(conn)]
            decision.record(detail={"providers": len(known)})
            return tuple(_shown(one, self._view(grant, decision.now)) for one, grant in known)

    def provide(self, holder: Holder, request: ProviderRequest) -> Provided:
        """Keep a provider and grant it what it may be shown. One of the same name is replaced, its grant revoked."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()
            asked = replace(request.grant, client=scope.name(request.grant.client))
            if set(asked.actions) != {Action.SEARCH}:
                raise BadRequest("a provider is shown what a search finds and nothing else", hint="action: search")
            made, sees = self._wanted(decision, asked)
            kept = Provider(
                made.client, request.url.rstrip("/"), request.model, request.key, request.window, made.id, 0
            )
            providers.check(kept)
            ended: set[str] = set()

            def also(conn: Connection) -> None:
                with suppress(NotFound):
                    ended.add(revoked(conn, providers.get(conn, made.client).grant).id)
                providers.put(conn, kept)

            granted = self._make(decision, made, sees, also)
            self._settle(ended)
            return Provided(_shown(kept, granted.grant), sees)

    def withdraw(self, holder: Holder, name: str) -> ProviderView:
        """Forget a provider and its key, and revoke its grant."""
        with self._decide(holder, Action.REVOKE) as decision:
            decision.whole()

            def work(conn: Connection) -> tuple[Provider, Grant]:
                kept = providers.get(conn, name)
                providers.remove(conn, kept.name)
                decision.append(conn, [], {"grant": kept.grant, "client": kept.name, "change": "withdraw"})
                return kept, revoked(conn, kept.grant)

            kept, grant = self._parts.db.write(work, urgent=True)
            self._settle({grant.id})
            return _shown(kept, self._view(grant, decision.now))

    def prefer(self, holder: Holder, request: OrderRequest) -> tuple[ProviderView, ...]:
        """Say which providers are asked first."""
        with self._decide(holder, Action.GRANT) as decision:
            decision.whole()

            def work(conn: Connection) -> None:
                providers.order(conn, request.names)
                decision.append(conn, [], {"change": "prefer", "providers": list(request.names)})

            self._parts.db.write(work)
        return self.providers(holder)

    def _brief(self, holder: Holder, name: str, request: BriefRequest, search: Search) -> Brief:
        with self._decide(holder, VIA) as decision:
            decision.whole(Action.GRANT)
            with self._parts.db.read() as conn:
                kept = providers.get(conn, name)
                grant = grants.get(conn, kept.grant)
            live = grants.live(grant, decision.now)
            if live is not Status.ACTIVE and not request.rehearse:
                again = f"ownvault grants resume {grant.id}" if live is Status.PAUSED else "add it again"
                raise NotAllowed(f"the grant of {name} is {live}", hint=again, reason=f"grant_{live}")
            decision.record(detail={"provider": name, "rehearsed": request.rehearse})
            now = decision.now
        asked = SearchRequest(request.question, request.limit, request.filter)
        hindrances: tuple[str, ...] = ()
        if request.rehearse:
            seen = self.simulate(holder, grant.id, asked)
            hits, receipt, hindrances = seen.hits, seen.receipt, seen.hindrances
            kept = replace(kept, key="")  # nothing is sent
        else:  # as the provider itself would ask: its scope, detail, limits and approval hold it back
            token = self._mint(grant, min(grant.expires, now + ERRAND), now)
            answer = search(Holder(token, VIA, grant.holder), asked)
            hits, receipt = answer.hits, answer.receipt
        messages, sources = prompt.compose(request.question, hits, kept.window, now.date())
        return Brief(kept.name, kept.url, kept.model, kept.key, messages, sources, receipt, hindrances)


def _shown(kept: Provider, grant: GrantView) -> ProviderView:
    return ProviderView(kept.name, kept.url, kept.model, bool(kept.key), kept.window, grant)
