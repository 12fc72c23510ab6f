"""What clients discover: the authorization server (RFC 8414) and what it protects (RFC 9728)."""

from __future__ import annotations

from typing import Any

from vault.api.oauth.dpop import ALGORITHMS
from vault.api.rar import SCOPES, Type

PROTECTED = "/.well-known/oauth-protected-resource"
SERVER = "/.well-known/oauth-authorization-server"
CODE, REFRESH = "authorization_code", "refresh_token"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
AUTHORIZE, TOKEN, REGISTER = "/oauth/authorize", "/oauth/token", "/oauth/register"
REVOKE, INTROSPECT = "/oauth/revoke", "/oauth/introspect"
DEVICE_AUTHORIZATION, DEVICE_PAGE = "/oauth/device_authorization", "/oauth/device"


def authorization_server(origin: str) -> dict[str, Any]:
    """Return the metadata of the authorization server at `origin`, which is its issuer."""
    return {
        "issuer": origin,
        "authorization_endpoint": origin + AUTHORIZE,
        "token_endpoint": origin + TOKEN,
        "registration_endpoint": origin + REGISTER,
        "revocation_endpoint": origin + REVOKE,
        "introspection_endpoint": origin + INTROSPECT,
        "device_authorization_endpoint": origin + DEVICE_AUTHORIZATION,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [CODE, REFRESH, DEVICE, EXCHANGE],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "scopes_supported": list(SCOPES),
        "authorization_details_types_supported": [str(Type.VAULT_QUERY)],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "protected_resources": [origin + "/mcp", origin + "/v1"],
    }


def protected_resource(origin: str, place: str) -> dict[str, Any]:
    """Return the metadata of what stands at `place` of `origin`: `/mcp`, `/v1`, or '' for the whole."""
    return {
        "resource": origin + place,
        "resource_name": "ownvault",
        "authorization_servers": [origin],
        "scopes_supported": list(SCOPES),
        "bearer_methods_supported": ["header"],
        "authorization_details_types_supported": [str(Type.VAULT_QUERY)],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "dpop_bound_access_tokens_required": False,
    }
