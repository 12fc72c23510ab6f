"""Misspelled words: the nearest terms, and that only those in scope are meant."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.embed.rows import conditions, entries, index_of, vector
from tests.embed.test_search import admitted
from vault.embed.lexical import encode_terms
from vault.embed.search import Entry, Index, Piece
from vault.embed.spelling import LONG, LONGEST, SHORTEST, Lexicon
from vault.types import EVERYTHING, Conditions, Names, Provenance, Sensitivity

words = st.text("abcé", min_size=1, max_size=LONG + 3)


def distance(a: str, b: str) -> int:
    """The restricted Damerau distance, cell by cell."""
    rows = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            rows[i][j] = min(
                rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
                rows[i - 2][j - 2] + 1 if i > 1 and j > 1 and (a[i - 1], a[i - 2]) == (b[j - 2], b[j - 1]) else 99,
            )  # fmt: skip
    return rows[-1][-1]


def lexicon_of(*terms: str) -> Lexicon:
    made = Lexicon()
    made.learn({term: n for n, term in enumerate(terms)})
    return made


@given(st.lists(words, unique=True, max_size=40), words, st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_all_near_terms_and_no_others(terms: list[str], word: str, cut: int) -> None:
    """Whatever was learned before the first question and after it."""
    lexicon = lexicon_of(*terms[:cut])
    lexicon.near("xxxxxx")
    lexicon.learn({term: n for n, term in enumerate(terms)})
    edits = 0 if len(word) < SHORTEST else 1 if len(word) < LONG else 2
    expected = sorted((distance(word, term), term) for term in terms if 0 < distance(word, term) <= edits)
    assert lexicon.near(word) == [(terms.index(term), away) for away, term in expected]


def test_a_letter_too_many_too_few_another_or_two_exchanged() -> None:
    lexicon = lexicon_of("novotna", "zahradnik")
    for word in ("novottna", "novota", "novatna", "novtona"):
        assert lexicon.near(word) == [(0, 1)]
    assert lexicon.near("zharadnyk") == [(1, 2)]
    assert lexicon.near("nvootan") == []  # two edits in a short word


def test_numbers_short_words_and_monsters_have_no_neighbours() -> None:
    lexicon = lexicon_of("12345", "x1yz2", "know", "a" * (LONGEST + 1))
    for word in ("12346", "x1yz3", "snow", "a" * LONGEST, "a" * (LONGEST + 2), ""):
        assert lexicon.near(word) == []


TERMS = {term: n for n, term in enumerate(("novotna", "novotny", "boiler", "novatna", "bellandini", "bellanduni"))}


def row(n: int, term: str, collection: str = "a") -> Entry:
    piece = Piece(n, vector(3).tobytes(), encode_terms({term: 1}, TERMS))
    return Entry(
        n, collection, "a", "a", (), (), None, Sensitivity.PERSONAL, Provenance.OWNER, "", 0, (piece,)
    )  # fmt: skip


def search(rows: list[Entry], text: str, where: Conditions = EVERYTHING, exact: int = 8192) -> dict[int, float]:
    index = Index(len(vector(3)), 1, exact=exact)
    index.learn(TERMS)
    index.add(rows)
    found = {one.record: one.relevance for one in index.rank(where, vector(3), text, 10)}
    index.close()
    return found


def test_a_misspelled_name_finds_the_one_that_is_there() -> None:
    found = search([row(1, "boiler"), row(2, "novotna")], "novotma")
    assert found[2] > found[1]


def test_a_word_that_is_there_means_itself() -> None:
    found = search([row(1, "novatna"), row(2, "novotna"), row(3, "boiler")], "novotna")
    assert found[2] > found[1] == found[3]


def test_a_guess_counts_less_than_a_word_that_is_there() -> None:
    found = search([row(1, "novotna"), row(2, "boiler")], "boiler novotma")
    assert found[2] > found[1]


def test_only_what_is_in_scope_can_be_meant() -> None:
    """`novotna` is known outside only: inside it is an unknown word, and the name that is there is meant."""
    rows = [row(1, "novotny"), row(2, "boiler"), row(3, "novotna", "b"), row(4, "novatna", "b")]
    inside = EVERYTHING.narrow(collections=Names.of("a"))
    for exact in (8192, 0):
        for text in ("novotna", "novotma boiler", "novotmy"):
            assert search(rows, text, inside, exact) == search(rows[:2], text, exact=exact)
    found = search(rows, "novotna", inside)
    assert found[1] > found[2]


def test_a_nearer_name_outside_does_not_hide_the_one_inside() -> None:
    rows = [row(1, "bellandini"), row(2, "boiler"), row(3, "bellanduni", "b")]
    inside = EVERYTHING.narrow(collections=Names.of("a"))
    found = search(rows, "bellonduni", inside)
    assert found == search(rows[:2], "bellonduni")
    assert found[1] > found[2]
    assert search(rows, "bellonduni")[3] > found[2] == search(rows, "bellonduni")[1]


@given(rows=entries(), where=conditions(), limit=st.integers(1, 8), exact=st.sampled_from([8192, 0]))
@settings(max_examples=80, deadline=None)
def test_what_lies_outside_a_scope_cannot_be_felt_by_misspelling(
    rows: list[Entry], where: Conditions, limit: int, exact: int
) -> None:
    """Terms with digits have no neighbours, so the words are given letters here."""
    lettered = {f"wordy{'abcdefghijklmnop'[n]}": n + 100 for n in range(12)}
    asked = "wordyx wordya wordly"
    results = []
    for some, scope in ((rows, where), ([one for one in rows if admitted(where, one)], EVERYTHING)):
        index = index_of(exact=exact)
        index.learn(lettered)
        index.add(some)
        results.append(index.rank(scope, vector(3), asked, limit))
        index.close()
    assert results[0] == results[1]
