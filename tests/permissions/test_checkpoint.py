"""Signed notes, checkpoints and proofs: foreign notes verify, ours hold for every index, mutations do not."""

from __future__ import annotations

import random

import pytest
from test_tree import Log

from vault.errors import AuditFailed
from vault.permissions import checkpoint, tree

NAME = checkpoint.origin("0123456789abcdef0123456789abcdef")
SIGNER = checkpoint.Signer.from_seed(b"c" * 32, NAME)
HEAD = checkpoint.Checkpoint(NAME, 9, tree.hash_leaf(b"root"))
NOTE = SIGNER.sign(str(HEAD))

# From the documentation of golang.org/x/mod/sumdb/note, which C2SP's signed-note was written after.
FOREIGN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
FOREIGN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_foreign_note() -> None:
    key = checkpoint.Verifier.parse(FOREIGN_KEY)
    assert str(key) == FOREIGN_KEY
    assert checkpoint.open_note(FOREIGN_NOTE, key).endswith("what your problem is.\n")
    with pytest.raises(AuditFailed):
        checkpoint.open_note(FOREIGN_NOTE.replace("cryptography", "Cryptography"), key)
    with pytest.raises(AuditFailed):
        checkpoint.open_checkpoint(FOREIGN_NOTE, key)  # a note, and no checkpoint


def test_a_checkpoint_and_back() -> None:
    assert checkpoint.open_checkpoint(NOTE, SIGNER.verifier) == HEAD
    assert SIGNER.sign(str(HEAD)) == NOTE  # Ed25519 draws nothing
    assert "private" not in repr(SIGNER).lower()


@pytest.mark.parametrize(
    "key",
    [
        "", "x", "a+b+c", FOREIGN_KEY + " ", FOREIGN_KEY.replace("c74f20a3", "c74f20a4"), FOREIGN_KEY[:-1],
        FOREIGN_KEY.replace("c74f", "C74F"), FOREIGN_KEY.replace("+AR", "+BB"), " " + FOREIGN_KEY,
        FOREIGN_KEY.replace("Peter", "Peter "),
    ],
)  # fmt: skip
def test_no_verifier_key(key: str) -> None:
    with pytest.raises(AuditFailed):
        checkpoint.Verifier.parse(key)


@pytest.mark.parametrize("text", ["", "\n", "no newline", "a\tb\n", "a\x00\n", "a\ud800\n", "a\r\n"])
def test_what_cannot_be_signed(text: str) -> None:
    with pytest.raises(AuditFailed):
        SIGNER.sign(text)


def test_no_mutation_of_a_note_or_proof_holds() -> None:
    chance = random.Random(4)
    leaves = [tree.hash_leaf(bytes([i])) for i in range(6)]
    log = Log(leaves)
    root, path = tree.root(6, log.node), tree.inclusion(3, 6, log.node)
    proof = checkpoint.proof(3, path, SIGNER.sign(str(checkpoint.Checkpoint(NAME, 6, root))))
    assert checkpoint.verify_proof(proof, leaves[3], SIGNER.verifier)[0] == 3
    for _ in range(2000):
        at, letter = chance.randrange(len(proof)), chance.choice("Aa0=+/\n \u2014\x00\u00e9")
        for changed in (
            proof[:at] + letter + proof[at + 1 :],
            proof[:at] + proof[at + 1 :],
            proof[:at] + letter + proof[at:],
        ):
            if changed != proof:
                with pytest.raises(AuditFailed):
                    checkpoint.verify_proof(changed, leaves[3], SIGNER.verifier)


def test_too_many_signatures() -> None:
    line = NOTE.rpartition("\n\n")[2]
    assert checkpoint.open_checkpoint(NOTE + line * 63, SIGNER.verifier) == HEAD
    with pytest.raises(AuditFailed):
        checkpoint.open_checkpoint(NOTE + line * 64, SIGNER.verifier)
