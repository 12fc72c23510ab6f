"""The Merkle tree of RFC 6962, section 2.1 (and RFC 9162, section 2.1): hashes, roots, proofs, verifiers.

Pure. The prover reads the hashes of perfect subtrees through `node(level, i)`: the subtree over the leaves
[i << level, (i + 1) << level). Both verifiers raise AuditFailed when a proof does not hold.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Sequence

from vault.errors import AuditFailed

EMPTY = hashlib.sha256(b"").digest()
"""The root of the tree without leaves."""

Node = Callable[[int, int], bytes]
_LARGEST = 1 << 63


def hash_leaf(data: bytes) -> bytes:
    """Return the hash of a leaf's data."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


# ---------------------------------------------------------------- prover


def complete(size: int, leaf: bytes, node: Node) -> Iterator[tuple[int, int, bytes]]:
    """Yield (level, i, hash) of each inner node that becomes complete when `leaf` joins `size` others."""
    level, i, value = 0, size, leaf
    while i & 1:
        value = hash_node(node(level, i - 1), value)
        level, i = level + 1, i >> 1
        yield level, i, value


def peaks(size: int) -> list[tuple[int, int]]:
    """Return (level, i) of the largest perfect subtrees that `size` leaves are made of, the largest first."""
    return [(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1]


def root(size: int, node: Node) -> bytes:
    """Return the root hash over the first `size` leaves."""
    return EMPTY if size == 0 else _subtree(0, size, node)


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size` leaves, from the leaf's sibling up."""
    if not 0 <= index < size:
        raise AuditFailed(f"there is no leaf {index} in a tree of {size}")
    path, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_subtree(middle, high, node))
            high = middle
        else:
            path.append(_subtree(low, middle, node))
            low = middle
    return path[::-1]


def consistency(first: int, second: int, node: Node) -> list[bytes]:
    """Return the proof that the tree of `second` leaves begins with the tree of `first`."""
    if not 0 < first <= second:
        raise AuditFailed(f"there is no proof from size {first} to {second}")
    path, low, high, whole = [], 0, second, True
    while first != high:
        middle = low + _split(high - low)
        if first <= middle:
            path.append(_subtree(middle, high, node))
            high = middle
        else:
            path.append(_subtree(low, middle, node))
            low, whole = middle, False
    if not whole:
        path.append(_subtree(low, high, node))
    return path[::-1]


def _subtree(low: int, high: int, node: Node) -> bytes:
    size = high - low
    if size & (size - 1) == 0:  # perfect, and `low` is a multiple of its size by construction
        level = size.bit_length() - 1
        return node(level, low >> level)
    middle = low + _split(size)
    return hash_node(_subtree(low, middle, node), _subtree(middle, high, node))


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


# ---------------------------------------------------------------- verifiers


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf hash stands at `index` in the tree of `size` leaves with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size < _LARGEST:
        raise AuditFailed("inclusion: no such index")
    _whole(leaf, root, *proof)
    at, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise AuditFailed("inclusion: the proof is too long")
        if at & 1 or at == last:
            value = hash_node(sibling, value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = hash_node(value, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise AuditFailed("inclusion: the proof is too short")
    if not hmac.compare_digest(value, root):
        raise AuditFailed("inclusion: another root")


def verify_consistency(first: int, second: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> None:
    """Check that the second tree begins with the first (RFC 9162, 2.1.4.2). Size 0 proves nothing and fails."""
    if not 1 <= first <= second < _LARGEST:
        raise AuditFailed("consistency: no such sizes")
    if first == second:
        if proof or root1 != root2:
            raise AuditFailed("consistency: the same size with another root, or with a proof")
        return
    if not proof:
        raise AuditFailed("consistency: the proof is empty")
    _whole(root1, root2, *proof)
    if _recompute(first, second, root1, proof) != (root1, root2):
        raise AuditFailed("consistency: the proof does not hold")


def _recompute(first: int, second: int, root1: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return both roots as the consistency proof makes them."""
    path = [root1, *proof] if first & (first - 1) == 0 else list(proof)
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise AuditFailed("consistency: the proof is too long")
        if at & 1 or at == last:
            before, after = hash_node(sibling, before), hash_node(sibling, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = hash_node(after, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise AuditFailed("consistency: the proof is too short")
    return before, after


def _whole(*hashes: bytes) -> None:
    if any(len(value) != 32 for value in hashes):
        raise AuditFailed("a hash has 32 bytes")
