"""The vectors: every file says what must become of it, and the generator still writes exactly these files."""

from __future__ import annotations

from pathlib import Path

import permission_vectors
import pytest
from biscuits import AUDIENCE, NOW, ROOT

from vault.errors import AuditFailed, BadRequest, Refused
from vault.permissions import checkpoint, entries, scope, tokens, tree
from vault.permissions.vetting import Reason
from vault.types import Action

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
KINDS = ("token", "scope", "audit", "checkpoint")


def files(kind: str) -> list[Path]:
    return sorted((VECTORS / kind).glob("*.txt"))


def named(place: Path) -> str:
    return place.stem


def test_generator_writes_what_is_checked_in(tmp_path: Path) -> None:
    permission_vectors.write(tmp_path)
    for kind in KINDS:
        written = {place.name: place.read_bytes() for place in (tmp_path / kind).iterdir()}
        assert written == {place.name: place.read_bytes() for place in (VECTORS / kind).iterdir()}, kind
        assert len(written) > 10


@pytest.mark.parametrize("place", files("token"), ids=named)
def test_token(place: Path) -> None:
    header, token = permission_vectors.read(place)
    if header["expect"] != "ok":
        with pytest.raises(Refused) as caught:
            tokens.verify(tokens.vet(token), ROOT.keys, AUDIENCE, NOW)
        assert f"refused {caught.value.reason}" == header["expect"]
        assert caught.value.message == "the token is not accepted"  # tells nothing
        return
    verified = tokens.verify(tokens.vet(token), ROOT.keys, AUDIENCE, NOW)
    asked = {"mail", "notes", "other", "*", "टिप्पणियाँ/日記"}
    allowed = tokens.authorize(verified, Action.SEARCH, asked, NOW, AUDIENCE)
    expected = set() if header["search"] == "-" else set(header["search"].split(" "))
    assert allowed == (asked if "*" in expected else expected)
    left = (verified.detail.name.lower(), str(verified.results), scope.to_json(verified.where))
    assert left == (header["detail"], header["results"], header["where"])


def test_every_reason_has_a_vector_and_a_line_in_the_spec() -> None:
    expected = {permission_vectors.read(place)[0]["expect"].removeprefix("refused ") for place in files("token")}
    assert expected == {"ok", *Reason}
    spec = (Path(scope.__file__).parent / "SPEC.md").read_text("utf-8")
    listed = {line.split("`")[1] for line in spec.splitlines() if line.startswith("| `token_")}
    assert listed == set(Reason)


@pytest.mark.parametrize("place", files("scope"), ids=named)
def test_scope(place: Path) -> None:
    header, text = permission_vectors.read(place)
    if header["expect"] == "ok":
        assert scope.to_json(scope.from_json(text)) == text
    else:
        with pytest.raises(BadRequest):
            scope.from_json(text)


@pytest.mark.parametrize("place", files("audit"), ids=named)
def test_audit_entry(place: Path) -> None:
    header, text = permission_vectors.read(place)
    if header["expect"] != "ok":
        with pytest.raises(AuditFailed):
            entries.read(text)
        return
    assert entries.body(entries.read(text)) == text
    assert entries.leaf(text, bytes.fromhex(header["salt"])).hex() == header["leaf"]


def test_audit_roots() -> None:
    leaves: list[bytes] = []
    for place in files("audit"):
        header, _ = permission_vectors.read(place)
        if header["expect"] == "ok":
            leaves.append(bytes.fromhex(header["leaf"]))
            assert naive_root(leaves).hex() == header["root"]
    assert len(leaves) == 5


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return tree.hash_node(naive_root(leaves[:k]), naive_root(leaves[k:]))


@pytest.mark.parametrize("place", files("checkpoint"), ids=named)
def test_checkpoint(place: Path) -> None:
    header, text = permission_vectors.read(place)

    def opened() -> object:
        key = checkpoint.Verifier.parse(header["key"])
        if "leaf" in header:
            return checkpoint.verify_proof(text + "\n", bytes.fromhex(header["leaf"]), key)
        return checkpoint.open_checkpoint(text + "\n", key)

    if header["expect"] == "ok":
        assert opened()
    else:
        with pytest.raises(AuditFailed):
            opened()
