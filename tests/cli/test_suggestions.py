"""“Did you mean”: over what the vault holds, for its owner and nobody else; and short ids."""

from __future__ import annotations

import pytest

from tests.support import fill, grant
from vault.cli import ids, suggestions
from vault.cli.open import Open
from vault.errors import BadRequest, NotFound
from vault.service import Vault
from vault.types import AddRequest, Draft, Filter, Holder

NAMES = ["work", "workshop", "garden", "Elin Lindqvist", "Yusuf Demir", "Göteborg"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("Work", ["work", "workshop"]), ("wrok", ["work"]), ("gardens", ["garden"]), ("elin", ["Elin Lindqvist"]),
        ("goteborg", ["Göteborg"]), ("zebra", []), ("w", []),
    ],
)  # fmt: skip
def test_the_nearest(word: str, found: list[str]) -> None:
    assert suggestions.nearest(word, NAMES) == found


@pytest.fixture
def opened(vault: Vault, owner: Holder, monkeypatch: pytest.MonkeyPatch) -> Open:
    monkeypatch.delenv("OWNVAULT_TOKEN", raising=False)
    drafts = (
        Draft("a", "the boat leaks", labels=("work", "boat"), people=("Elin Lindqvist",), kind="note"),
        Draft("b", "the dog barks", labels=("home",), people=("Yusuf",), kind="note"),
    )
    vault.add(owner, AddRequest("notes", drafts, "test"))
    fill(vault, "mail", c="a letter")
    return Open(vault, owner)


@pytest.mark.parametrize(
    ("filter", "message", "hint"),
    [
        (Filter(collections=("nots",)), "no collection 'nots'", "did you mean notes?"),
        (Filter(labels=("wrok",)), "no record is labelled 'wrok'", "did you mean work?"),
        (Filter(without_labels=("hom",)), "no record is labelled 'hom'", "did you mean home?"),
        (Filter(people=("elin",)), "no record is with 'elin'", "did you mean Elin Lindqvist?"),
        (Filter(sources=("tset",)), "no source 'tset'", "did you mean test"),
        (Filter(kinds=("letter",)), "no record is of the kind 'letter'", "there are: note"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(opened: Open, filter: Filter, message: str, hint: str) -> None:
    with pytest.raises(NotFound) as caught:
        suggestions.known(opened, filter)
    assert caught.value.message == message
    assert caught.value.hint.startswith(hint)
    assert suggestions.remark(opened, filter).startswith(f"{message}: {hint}")


def test_known_names_are_nothing_to_remark_on(opened: Open) -> None:
    fine = Filter(collections=("notes",), labels=("work", "home"), people=("Elin Lindqvist",), kinds=("note",))
    suggestions.known(opened, fine)
    assert suggestions.remark(opened, fine) == ""


def test_nobody_else_is_told_a_name(opened: Open, vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = grant(vault, "claude", "mail")
    monkeypatch.setenv("OWNVAULT_TOKEN", holder.token)
    theirs = Open(vault, holder)
    assert not theirs.owner
    assert suggestions.remark(theirs, Filter(collections=("nots",))) == ""
    with pytest.raises(NotFound) as caught, suggestions.offered(theirs, Filter(collections=("nots",))):
        raise NotFound("no collection 'nots'")
    assert caught.value.hint == ""


def test_a_garbled_token_is_not_the_owners(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNVAULT_TOKEN", "rubbish")
    assert not Open(vault, Holder("rubbish")).owner


def test_the_owners_own_token_in_the_environment_is_the_owners(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNVAULT_TOKEN", opened.holder.token)
    assert opened.owner


# ---------------------------------------------------------------- ids


def test_a_grant_is_found_by_its_beginning_or_its_only_client(opened: Open, vault: Vault) -> None:
    grant(vault, "claude", "mail")
    made = vault.grants(opened.holder)[0]
    for said in (made.id, made.id[:4], made.id[:9], "claude"):
        assert ids.grant(opened, said) == made.id


def test_what_is_too_short_unknown_or_several_is_explained(opened: Open, vault: Vault) -> None:
    grant(vault, "claude", "mail")
    with pytest.raises(BadRequest) as caught:
        ids.grant(opened, "g")
    assert "at least 4 characters" in caught.value.hint
    with pytest.raises(NotFound) as missing:
        ids.grant(opened, "gzzzz")
    assert (missing.value.message, missing.value.hint) == ("there is no grant gzzzz", "list them with: ownvault grants")
    grant(vault, "claude", "notes")
    with pytest.raises(BadRequest) as several:
        ids.grant(opened, "claude")
    assert several.value.message == "claude has 2 live grants"
    assert all(view.id in several.value.hint for view in vault.grants(opened.holder))


def test_an_ended_grant_is_not_its_clients_any_more(opened: Open, vault: Vault) -> None:
    grant(vault, "claude", "mail")
    vault.revoke(opened.holder, ids.grant(opened, "claude"))
    with pytest.raises(NotFound) as caught:
        ids.grant(opened, "claude")
    assert caught.value.message == "claude has no live grant"
    grant(vault, "claude", "notes")
    assert ids.grant(opened, "claude") == next(v.id for v in vault.grants(opened.holder) if v.status == "active")


def test_an_ambiguous_beginning_lists_the_candidates() -> None:
    with pytest.raises(BadRequest) as caught:
        ids._begun("request", "q123", {"q1234": "claude", "q1235": "cursor", "q2": "x"}, "ownvault requests")
    assert caught.value.message == "2 requests begin with q123"
    assert caught.value.hint == "q1234 of claude, q1235 of cursor"
