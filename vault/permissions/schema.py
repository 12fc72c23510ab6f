"""The part of Biscuit's protobuf schema that tokens of version 1 may use; any other field is refused.

From eclipse-biscuit/biscuit, schema.proto (Datalog 3.3). Left out: context, rules, scopes, keys and external
signatures (named here only to be told apart), bytes, null, array and map terms, FFI names, closure parameters.
"""

from __future__ import annotations

from vault.permissions.protobuf import Field, Schema

_PUBLIC_KEY = Schema(
    {
        1: Field("algorithm", "varint", required=True),
        2: Field("key", "bytes", required=True),
    }
)
_SIGNED = Schema(
    {
        1: Field("block", "bytes", required=True),
        2: Field("key", _PUBLIC_KEY, required=True),
        3: Field("signature", "bytes", required=True),
        4: Field("external", "bytes"),
        5: Field("version", "varint"),
    }
)
_PROOF = Schema({1: Field("secret", "bytes"), 2: Field("seal", "bytes")})
BISCUIT = Schema(
    {
        1: Field("kid", "varint"),
        2: Field("authority", _SIGNED, required=True),
        3: Field("blocks", _SIGNED, many=True),
        4: Field("proof", _PROOF, required=True),
    }
)
_SCALARS = {
    1: Field("var", "varint"),
    2: Field("int", "varint"),
    3: Field("str", "varint"),
    4: Field("date", "varint"),
    6: Field("bool", "varint"),
}
_TERM = Schema({**_SCALARS, 7: Field("set", Schema({1: Field("members", Schema(_SCALARS), many=True)}))})
_PREDICATE = Schema({1: Field("name", "varint", required=True), 2: Field("terms", _TERM, many=True)})
_KIND = Schema({1: Field("kind", "varint", required=True)})


def _op(depth: int) -> Schema:
    """Return the schema of an operation; closures nest (`a && b && c`), but not without end."""
    fields = {1: Field("value", _TERM), 2: Field("unary", _KIND), 3: Field("binary", _KIND)}
    if depth:
        fields[4] = Field("closure", Schema({2: Field("ops", _op(depth - 1), many=True)}))
    return Schema(fields)


_QUERY = Schema(
    {
        1: Field("head", _PREDICATE, required=True),
        2: Field("body", _PREDICATE, many=True),
        3: Field("expressions", Schema({1: Field("ops", _op(8), many=True)}), many=True),
        4: Field("scope", "bytes", many=True),
    }
)
_CHECK = Schema({1: Field("queries", _QUERY, many=True), 2: Field("kind", "varint")})
BLOCK = Schema(
    {
        1: Field("symbols", "bytes", many=True),
        3: Field("version", "varint", required=True),
        4: Field("facts", Schema({1: Field("predicate", _PREDICATE, required=True)}), many=True),
        5: Field("rules", "bytes", many=True),
        6: Field("checks", _CHECK, many=True),
        7: Field("scope", "bytes", many=True),
        8: Field("keys", "bytes", many=True),
    }
)
VERSIONS = range(3, 7)  # Datalog 3.0 to 3.3
KINDS = {0: "if", 1: "all", 2: "reject"}
UNARY_OPS = {0: "!", 1: "()"}
BINARY_OPS = {
    0: "<", 1: ">", 2: "<=", 3: ">=", 4: "===", 5: "contains", 6: "starts_with", 7: "ends_with", 13: "and", 14: "or",
    20: "!==", 21: "==", 22: "!=", 23: "&&", 24: "||",
}  # fmt: skip
SYMBOLS = (
    "read", "write", "resource", "operation", "right", "time", "role", "owner", "tenant", "namespace", "user", "team",
    "service", "admin", "email", "group", "member", "ip_address", "client", "client_ip", "domain", "path", "version",
    "cluster", "node", "hostname", "nonce", "query",
)  # fmt: skip
FIRST_SYMBOL = 1024
