"""What the bridge answers while no unlocked server does: enough that an assistant starts, and can say what is missing.

Beginning, listing and pinging are answered as the server would, so that the program keeps the line; what would need the
vault is an error with a sentence that helps. The tools listed are those that the token names: a ceiling, no more.
"""

from __future__ import annotations

import json
from typing import Any

from vault import __version__
from vault.api.carrying import member
from vault.errors import Refused, VaultError

FAILED = -32603
NOT_YET = " It does not answer yet: "


def answer(message: dict[str, Any], token: str, error: VaultError) -> bytes | None:
    """Return the answer to a message that could not be carried because of `error`; None when it needs none."""
    if "id" not in message:
        return None
    result = None if isinstance(error, Refused) else _result(message, token, error)
    said = {"error": failure(error)} if result is None else {"result": result}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], **said}, ensure_ascii=False).encode()


def failure(error: VaultError) -> dict[str, Any]:
    """Return an error as JSON-RPC tells it. The hint is in the message, too: programs show that, and nothing else."""
    data = {"code": error.code} | ({"hint": error.hint} if error.hint else {})
    return {"code": FAILED, "message": sentence(error), "data": data}


def sentence(error: VaultError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _result(message: dict[str, Any], token: str, error: VaultError) -> dict[str, Any] | None:
    match message.get("method"):
        case "ping":
            return {}
        case "initialize":
            return _beginning(member(member(message, "params"), "protocolVersion"), error)
        case "server/discover":
            return _discovery(error)
        case "tools/list":
            return _tools(token)
        case "resources/list":
            return _listing("resources")
        case "resources/templates/list":
            return _listing("resourceTemplates")
        case "tools/call":
            said = {"code": error.code, "message": sentence(error) + ". Tell the person you work for; ask again then."}
            text = {"type": "text", "text": json.dumps(said, ensure_ascii=False)}
            return {"content": [text], "isError": True, "resultType": "complete"}
    return None


def _beginning(version: Any, error: VaultError) -> dict[str, Any]:
    from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION

    settled = version if version in HANDSHAKE_PROTOCOL_VERSIONS else LATEST_HANDSHAKE_VERSION
    return {"protocolVersion": settled, "serverInfo": _server()} | _abilities(error)


def _discovery(error: VaultError) -> dict[str, Any]:
    from mcp_types.version import SUPPORTED_PROTOCOL_VERSIONS

    said = {
        "supportedVersions": list(SUPPORTED_PROTOCOL_VERSIONS),
        "_meta": {"io.modelcontextprotocol/serverInfo": _server()},
    }
    return _fresh(said | _abilities(error))


def _abilities(error: VaultError) -> dict[str, Any]:
    from vault.api.mcp import INSTRUCTIONS

    told = INSTRUCTIONS + NOT_YET + sentence(error) + "."
    return {"capabilities": {"tools": {"listChanged": True}, "resources": {}}, "instructions": told}


def _tools(token: str) -> dict[str, Any]:
    from vault.api.mcp import described
    from vault.api.tools import TOOLS
    from vault.decision import named

    offered = [described(tool) for tool in TOOLS.values() if tool.offered(named(token))]
    return _fresh({"tools": [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in offered]})


def _listing(name: str) -> dict[str, Any]:
    return _fresh({name: []})


def _fresh(said: dict[str, Any]) -> dict[str, Any]:
    """Mark a result as true now and for this client only."""
    return said | {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


def _server() -> dict[str, str]:
    return {"name": "ownvault", "title": "ownvault", "version": __version__}
