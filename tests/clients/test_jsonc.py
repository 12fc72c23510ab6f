"""JSON with comments, edited in place: a property test over random texts, and the cases that bit."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.connect import jsonc
from vault.connect.form import Broken, at

KEYS = ("servers", "ownvault")
ENTRY = {"command": "/bin/ownvault", "args": ["mcp", 'a "quoted" // path'], "env": {}}
BLANKS = st.sampled_from(
    ["", " ", "\n", "\n  ", "\t", "\r\n", ' // remark, {with} "things":\n', "/* a, b */", " /* \n */ "]
)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=8).filter(lambda s: s not in KEYS)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), NAMES)


@st.composite
def texts(draw: st.DrawFn, deep: int = 3) -> str:
    """A value as text, with blanks and comments wherever they may stand."""
    kind = draw(st.sampled_from(["scalar", "object", "array"])) if deep else "scalar"
    if kind == "scalar":
        return json.dumps(draw(SCALARS), ensure_ascii=draw(st.booleans()))
    if kind == "array":
        parts = [draw(BLANKS) + draw(texts(deep=deep - 1)) + draw(BLANKS) for _ in range(draw(st.integers(0, 3)))]
        return "[" + ",".join(parts) + draw(st.sampled_from(["", ","]) if parts else st.just("")) + draw(BLANKS) + "]"
    return draw(objects(deep=deep - 1))


@st.composite
def objects(draw: st.DrawFn, deep: int = 2, inner: str | None = None) -> str:
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    members = [(name, draw(texts(deep=deep))) for name in names]
    if inner is not None:
        members.insert(draw(st.integers(0, len(members))), (KEYS[0], inner))
    parts = [
        f"{draw(BLANKS)}{json.dumps(name)}{draw(BLANKS)}:{draw(BLANKS)}{value}{draw(BLANKS)}" for name, value in members
    ]
    comma = draw(st.sampled_from(["", ","])) if parts else ""
    return "{" + ",".join(parts) + comma + draw(BLANKS) + "}"


@st.composite
def files(draw: st.DrawFn) -> str:
    inner = draw(st.one_of(st.none(), objects()))
    return draw(BLANKS) + draw(objects(inner=inner)) + draw(BLANKS)


def without_blanks(text: str) -> str:
    return "".join(text.split())


@given(files())
def test_putting_adds_one_member_and_moves_nothing(text: str) -> None:
    after = jsonc.put(text, KEYS, ENTRY)
    assert at(jsonc.read(after), KEYS) == ENTRY
    left = iter(without_blanks(after))
    assert all(character in left for character in without_blanks(text))  # what was there is there, in its order


@given(files())
def test_taking_gives_back_what_was_said_and_every_comment(text: str) -> None:
    before = jsonc.read(text)
    made = len(KEYS) - 1 if KEYS[0] not in before else 0
    back = jsonc.take(jsonc.put(text, KEYS, ENTRY), KEYS, made)
    assert jsonc.read(back) == before
    assert without_blanks(back) == without_blanks(text)


@given(files(), objects())
def test_an_entry_that_was_edited_since_goes_whole(text: str, edited: str) -> None:
    mark = '"@@@"'
    changed = jsonc.put(text, KEYS, "@@@").replace(mark, edited)
    assert jsonc.read(jsonc.take(changed, KEYS)) == jsonc.read(jsonc.take(jsonc.put(text, KEYS, ENTRY), KEYS))


@pytest.mark.parametrize("text", [
    "{,}", '{"a":1,,}', "[1]", "1", '"x"', "{", "}", '{"a"}', '{"a":}', "{'a':1}", "{a:1}", '{"a":NaN}',
    '{"a":Infinity}',
    '{"a":1}{"b":2}', '{"a":1} x', "/*", '{"a":1}/*', "{}/*/", "{}/", '{"a":1/*}',
    '{"a":"\n"}', '{"a":01}', '{"a":+1}', '{"a":1}//\n}', "\ufeff{}",
    '{"a":tru}', '{"servers":1}', '{"servers":null}', '{"servers":[]}', '{"servers":{"ownvault":{}}}',
    '{"servers":{},"servers":{}}',
    '{"\\u0073ervers":{},"servers":{}}', "[" * 100_000, '{"a":' * 500 + "1" + "}" * 500,
])  # fmt: skip
def test_what_is_broken_or_unclear_is_refused(text: str) -> None:
    with pytest.raises(Broken):
        jsonc.put(text, KEYS, ENTRY)


@pytest.mark.parametrize("text", ["", " \n", "// only\n", "/* only */", "// a\r\n// b\r\n"])
def test_a_file_that_says_nothing_gets_the_whole_object_after_its_comments(text: str) -> None:
    after = jsonc.put(text, KEYS, ENTRY)
    assert after.startswith(text.rstrip()) and after.endswith("}\r\n" if "\r" in text else "}\n")
    assert jsonc.read(after) == {"servers": {"ownvault": ENTRY}}


def test_a_table_with_a_remark_in_it_stays() -> None:
    text = '{\n  "servers": {\n    "ownvault": {}\n    // mine\n  }\n}\n'
    assert jsonc.take(text, KEYS, 1) == '{\n  "servers": {\n    // mine\n  }\n}\n'


def test_a_remark_beside_the_entry_stays() -> None:
    text = '{\n  "servers": {\n    "a": 1, // one\n    "ownvault": {} // two\n  } // three\n}\n'
    back = jsonc.take(text, KEYS)
    assert jsonc.read(back) == {"servers": {"a": "1"}}
    assert all(remark in back for remark in ("// one", "// two", "// three"))


def test_a_path_spelt_with_escapes_is_found() -> None:
    text = '{"\\u0073ervers": {"own\\u0076ault": 1, "b": 2}}'
    assert jsonc.read(jsonc.take(text, KEYS)) == {"servers": {"b": "2"}}


def test_numbers_are_compared_as_written() -> None:
    text = '{"a": 1e400, "b": 0.1000000000000000055511151231257827, "c": 123456789012345678901234567890}'
    assert jsonc.put(text, KEYS, ENTRY).startswith(text[:-1])


def test_a_large_file_takes_no_square_of_time() -> None:
    text = json.dumps({f"k{n}": {"a": ["x" * 20] * 10} for n in range(5000)}, indent=2)
    after = jsonc.put(text, KEYS, ENTRY)
    assert jsonc.take(after, KEYS, 1) == text


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 200_000, "/*/" * 200_001, '{"a":' + "/*" * 200_000, "[" + '"x",' * 200_000]
)
def test_a_strangers_file_costs_one_look_at_each_character(text: str) -> None:
    with pytest.raises(Broken):
        jsonc.put(text, KEYS, ENTRY)


def test_any_reader_reads_it() -> None:
    after = jsonc.put('{\n\t"a": 1\n}', KEYS, ENTRY)
    assert json.loads(after) == {"a": 1, "servers": {"ownvault": ENTRY}}
