"""The whole way as a remote client goes it, by the official SDK's own OAuth client, against the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import httpx2
import pytest
from mcp import Client as McpClient
from mcp.client.auth import OAuthClientProvider, OAuthFlowError, OAuthRegistrationError
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken

from tests.api.oauth.conftest import CLAUDE_CODE, Client, told


class Storage:
    """Where the SDK keeps what it got."""

    tokens: OAuthToken | None = None
    info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.info = client_info


class Person:
    """Follows the SDK's link in a browser, and has the owner decide."""

    def __init__(self, client: Client) -> None:
        self.client, self.consents, self.yes = client, 0, True
        self.result: AuthorizationCodeResult | None = None

    async def go(self, url: str) -> None:
        self.consents += 1
        self.result = await asyncio.to_thread(self._go, url)

    def _go(self, url: str) -> AuthorizationCodeResult | None:
        page = self.client.get(url.removeprefix(self.client.issuer)).body.decode()
        place = page.partition("url=")[2].partition('"')[0]
        id = page.partition("ownvault deny ")[2][:17]
        if self.yes:
            self.client.approve(id)
        else:
            self.client.running.remote.deny(self.client.running.owner, id)
        said = told(self.client.get(place))
        return AuthorizationCodeResult(**said) if "code" in said else None

    async def back(self) -> AuthorizationCodeResult:
        if self.result is None:
            raise OAuthFlowError("access_denied")
        return self.result


def provider(client: Client, storage: Storage, person: Person, url: str | None) -> OAuthClientProvider:
    metadata = OAuthClientMetadata.model_validate({
        "client_name": "SDK test", "redirect_uris": [client.redirect],
        "grant_types": ["authorization_code", "refresh_token"],
    })  # fmt: skip
    return OAuthClientProvider(client.issuer + "/mcp", metadata, storage, person.go, person.back, url)


async def connected(client: Client, auth: OAuthClientProvider, use: Callable[[McpClient], Awaitable[Any]]) -> Any:
    async with (
        httpx2.AsyncClient(auth=auth, timeout=30) as http,
        McpClient(streamable_http_client(client.issuer + "/mcp", http_client=http)) as session,
    ):
        return await use(session)


async def found(session: McpClient) -> list[str]:
    answer = await session.call_tool("search", {"query": "keel bolts"})
    assert answer.structured_content
    return [hit["title"] for hit in answer.structured_content["results"]]


@pytest.mark.parametrize("url", [CLAUDE_CODE, None], ids=["known", "registering"])
def test_the_whole_way(client: Client, url: str | None) -> None:
    storage, person = Storage(), Person(client)
    if url is None:
        client.let_in()
    auth = provider(client, storage, person, url)

    async def way() -> None:
        # 401, discovery, registration or a known description, consent, token, tool call
        assert "Keel bolts" in await connected(client, auth, found)
        assert person.consents == 1 and storage.tokens and storage.tokens.refresh_token and storage.info
        assert storage.tokens.scope == "vault:search vault:fetch vault:count"
        first = storage.tokens
        # the access token is over: the SDK refreshes by itself
        auth.context.token_expiry_time = 1
        assert "Keel bolts" in await connected(client, auth, found)
        assert person.consents == 1 and storage.tokens.refresh_token != first.refresh_token
        # given up: 401 on the next request, and everything begins anew
        given = {"token": storage.tokens.refresh_token or "", "client_id": storage.info.client_id or ""}
        assert client.post("/oauth/revoke", given).status == 200
        assert client.search(f"Bearer {storage.tokens.access_token}").status == 401
        person.yes = False
        await connected(client, auth, found)

    with pytest.raises(OAuthFlowError, match="access_denied"):
        flat(way())
    assert person.consents == 2


def test_the_sdk_is_told_why_it_may_not_register(client: Client) -> None:
    client.running.remote.close_pairing(client.running.owner)
    auth = provider(client, Storage(), Person(client), None)
    with pytest.raises(OAuthRegistrationError, match="ownvault pairing open"):
        flat(connected(client, auth, found))


def flat(way: Coroutine[Any, Any, Any]) -> None:
    """Run `way`; raise what is in a group of exceptions alone as itself."""
    try:
        asyncio.run(way)
    except BaseExceptionGroup as group:
        inner: BaseException = group
        while isinstance(inner, BaseExceptionGroup):
            (inner,) = inner.exceptions
        raise inner from None
