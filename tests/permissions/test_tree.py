"""The Merkle tree: against the official probes, the reference roots, and a naive tree at every small size."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from test_vectors import naive_root

from vault.errors import AuditFailed
from vault.permissions import tree

LEAVES = [
    b"", b"\x00", b"\x10", b"\x20\x21", b"\x30\x31", bytes(range(0x40, 0x44)), bytes(range(0x50, 0x58)),
    bytes(range(0x60, 0x70)),
]  # fmt: skip
# The certificate-transparency test data that every implementation of RFC 6962 uses: roots of 1 to 8 leaves.
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


class Log:
    """A tree in a dict, grown by the code under test."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        for i, leaf in enumerate(leaves):
            self.nodes[0, i] = leaf
            for level, at, value in tree.complete(i, leaf, self.node):
                assert (level, at) not in self.nodes
                self.nodes[level, at] = value

    def node(self, level: int, i: int) -> bytes:
        return self.nodes[level, i]


def test_reference_roots() -> None:
    log = Log([tree.hash_leaf(data) for data in LEAVES])
    assert [tree.root(n, log.node).hex() for n in range(1, 9)] == ROOTS
    assert tree.root(0, log.node).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_every_proof_at_every_size_up_to_70() -> None:
    leaves = [tree.hash_leaf(i.to_bytes(2)) for i in range(70)]
    log = Log(leaves)
    roots = [naive_root(leaves[:n]) if n else tree.EMPTY for n in range(71)]
    for n in range(1, 71):
        assert tree.root(n, log.node) == roots[n]
        for i in range(n):
            proof = tree.inclusion(i, n, log.node)
            tree.verify_inclusion(i, n, leaves[i], proof, roots[n])
            with pytest.raises(AuditFailed):
                tree.verify_inclusion(i ^ 1, n, leaves[i], proof, roots[n])
        for m in range(1, n + 1):
            proof = tree.consistency(m, n, log.node)
            tree.verify_consistency(m, n, roots[m], roots[n], proof)
            if m < n:
                with pytest.raises(AuditFailed):
                    tree.verify_consistency(m, n, roots[m - 1], roots[n], proof)


def test_every_bit_of_a_proof_counts() -> None:
    leaves = [tree.hash_leaf(bytes([i])) for i in range(13)]
    log = Log(leaves)
    root, inclusion, consistency = (
        naive_root(leaves),
        tree.inclusion(5, 13, log.node),
        tree.consistency(6, 13, log.node),
    )
    for proof in (inclusion, consistency):
        for i in range(len(proof)):
            for bit in (0, 100, 255):
                wrong = bytearray(proof[i])
                wrong[bit // 8] ^= 1 << bit % 8
                changed = [*proof[:i], bytes(wrong), *proof[i + 1 :]]
                with pytest.raises(AuditFailed):
                    if proof is inclusion:
                        tree.verify_inclusion(5, 13, leaves[5], changed, root)
                    else:
                        tree.verify_consistency(6, 13, naive_root(leaves[:6]), root, changed)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 3), (4, 3), (3, 9), (-1, 3)])
def test_no_proof_between_impossible_sizes(first: int, second: int) -> None:
    log = Log([tree.hash_leaf(bytes([i])) for i in range(8)])
    with pytest.raises((AuditFailed, KeyError)):
        tree.consistency(first, second, log.node)
    with pytest.raises(AuditFailed):
        tree.inclusion(second, second, log.node)


def test_official_probes(foreign: Callable[[str], Path]) -> None:
    folder = foreign("merkle") / "testdata"
    counted = {"inclusion": 0, "consistency": 0}
    for kind in counted:
        for place in sorted((folder / kind).rglob("*.json")):
            counted[kind] += 1
            probe = json.loads(place.read_text())
            try:
                _check(kind, probe)
                failed = False
            except AuditFailed:
                failed = True
            assert failed == probe["wantErr"], place
    assert counted == {"inclusion": 98, "consistency": 98}


def _check(kind: str, probe: dict[str, object]) -> None:
    def data(value: object) -> bytes:
        return base64.b64decode(str(value)) if value else b""

    proof = [data(item) for item in probe["proof"] or []]  # type: ignore[attr-defined]
    if kind == "inclusion":
        tree.verify_inclusion(probe["leafIdx"], probe["treeSize"], data(probe["leafHash"]), proof, data(probe["root"]))  # type: ignore[arg-type]
    else:
        tree.verify_consistency(probe["size1"], probe["size2"], data(probe["root1"]), data(probe["root2"]), proof)  # type: ignore[arg-type]
