"""The sealed head: two slots, written in turn; a write torn anywhere leaves one of them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from vault.errors import Damaged
from vault.store import head
from vault.store.head import PAGE, Head, State

KEY, VAULT_ID = bytearray(range(32)), "00112233445566778899aabbccddeeff"


def state(n: int) -> State:
    return State(n, sha256(b"%d" % n).digest())


@pytest.fixture
def written(tmp_path: Path) -> Head:
    made = Head(tmp_path, KEY, VAULT_ID)
    made.found(state(0))
    return made


def read(directory: Path) -> State | None:
    return Head(directory, KEY, VAULT_ID).read()


def test_the_newest_counts_and_slots_alternate(tmp_path: Path, written: Head) -> None:
    before = (tmp_path / head.NAME).read_bytes()
    for n in range(1, 6):
        written.write(state(n))
        after = (tmp_path / head.NAME).read_bytes()
        slot = n % 2
        assert after[slot * PAGE : (slot + 1) * PAGE] != before[slot * PAGE : (slot + 1) * PAGE]
        assert after[(1 - slot) * PAGE : (2 - slot) * PAGE] == before[(1 - slot) * PAGE : (2 - slot) * PAGE]
        assert read(tmp_path) == state(n)
        before = after
    written.close()
    again = Head(tmp_path, KEY, VAULT_ID)
    again.read()
    again.write(state(6))  # over the older slot, also by the next process
    again.close()
    content = (tmp_path / head.NAME).read_bytes()
    assert head.unseal(content, KEY, VAULT_ID) == (state(6), 0)
    assert head.unseal(bytes(PAGE) + content[PAGE:], KEY, VAULT_ID)[0] == state(5)


def test_a_write_torn_at_any_byte_leaves_the_old_or_the_new_state(tmp_path: Path, written: Head) -> None:
    written.write(state(1))
    before = (tmp_path / head.NAME).read_bytes()
    written.write(state(2))
    after = (tmp_path / head.NAME).read_bytes()
    written.close()
    found = set()
    for cut in range(head.SLOT + 2):
        for torn in (after[:cut] + before[cut:], before[:cut] + after[cut : head.SLOT + 2] + before[head.SLOT + 2 :]):
            newest, _ = head.unseal(torn, KEY, VAULT_ID)
            found.add(newest)
            assert newest == (state(2) if torn == after else state(1))
    assert found == {state(1), state(2)}


def test_any_flipped_bit_in_the_newer_slot_falls_back_to_the_older(tmp_path: Path, written: Head) -> None:
    written.write(state(1))
    written.close()
    content = (tmp_path / head.NAME).read_bytes()
    for i in [*range(PAGE, PAGE + head.SLOT + 4), 2 * PAGE - 1]:
        for bit in range(8):
            bad = content[:i] + bytes([content[i] ^ 1 << bit]) + content[i + 1 :]
            assert head.unseal(bad, KEY, VAULT_ID)[0] == state(0)
            with pytest.raises(Damaged):
                head.unseal(bytes(PAGE) + bad[PAGE:], KEY, VAULT_ID)


def test_neither_counter_nor_audit_head_can_be_read_without_the_key(tmp_path: Path, written: Head) -> None:
    written.write(state(7))
    written.close()
    content = (tmp_path / head.NAME).read_bytes()
    assert state(7).audit_head not in content
    assert (7).to_bytes(8, "big") not in content[: head.SLOT] + content[PAGE : PAGE + head.SLOT]


def test_the_same_state_is_sealed_differently_each_time(tmp_path: Path, written: Head) -> None:
    seen = set()
    for _ in range(50):
        written.write(state(1))
        content = (tmp_path / head.NAME).read_bytes()
        seen |= {content[: head.SLOT], content[PAGE : PAGE + head.SLOT]}
    written.close()
    assert len(seen) == 51  # fifty writes, and the founding slot that the first of them left
    assert len({slot[8:20] for slot in seen}) == 51


def test_absent_and_replaced_files(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    (tmp_path / "elsewhere").write_bytes(bytes(2 * PAGE))
    (tmp_path / head.NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Damaged):
        read(tmp_path)
