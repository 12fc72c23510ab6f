"""TOML edited in place: a table at the end, taken out from wherever its owner or client moved it."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.connect import toml
from vault.connect.form import Broken

KEYS = ("mcp_servers", "ownvault")
ENTRY = {"command": "/bin/ownvault", "args": ["mcp", 'a "b" \\ c\tü😀\x7f\x00']}
LINES = st.lists(st.sampled_from([
    "# remark", "", "a = 1 # one", 'b = """\n[mcp_servers.ownvault]\ncommand = "x"\n"""', "d.e = 0.10",
    "c = 1979-05-27T07:32:00Z",
    "f = { g = [1, 2,\n 3] }", "h = '''\n# x'''",
]), unique=True)  # fmt: skip
TABLES = st.lists(st.sampled_from([
    "[t]\nx = 1 # c", "[[u]]\ny = 2\n[[u]]\ny = 3", '[mcp_servers.docs]\ncommand = "d" # docs', '["q.r".s]\nz = 1',
    '[mcp_servers.docs.env]\nK = "v"', "[mcp_servers]\n",
]), unique=True, max_size=4)  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> str:
    text = "\n".join([*draw(LINES), "", *draw(TABLES)]) + draw(st.sampled_from(["", "\n", "\n\n"]))
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ""
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


@given(files())
def test_putting_appends_and_taking_gives_back(text: str) -> None:
    after = toml.put(text, KEYS, ENTRY)
    assert after.startswith(text)
    assert tomllib.loads(after)["mcp_servers"]["ownvault"] == ENTRY
    back = toml.take(after, KEYS)
    assert toml.read(back) == toml.read(text)
    assert back.rstrip() == text.rstrip()


@given(files())
def test_what_the_client_added_to_the_entry_goes_with_it(text: str) -> None:
    after = toml.put(text, KEYS, ENTRY)
    tool = '[mcp_servers.ownvault.tools.search]\napproval_mode = "approve"\n'
    more = f"{after}\n{tool}\n# the end\n[zz]\nlast = true # kept\n"
    back = toml.take(more, KEYS)
    assert toml.read(back) == {**toml.read(text), "zz": {"last": True}}
    assert all(line in back for line in text.splitlines()) and "# kept" in back and "# the end" in back


def test_the_remarks_around_it_stay_where_they_are() -> None:
    text = (
        '# top\n\n[mcp_servers.ownvault] # ours\ncommand = "x"\n# within\nargs = [\n  "mcp",\n["a"],\n]\n\n'
        "# --- mine ---\n\n[tui]\na = 1\n"
    ).replace('["a"],\n', "")
    assert toml.take(text, KEYS) == "# top\n\n# --- mine ---\n\n[tui]\na = 1\n"


def test_the_first_table_of_a_file_leaves_no_blank_line_at_its_top() -> None:
    text = '[mcp_servers.ownvault]\ncommand = "x"\n\n[mcp_servers.other]\ncommand = "y"\n'
    assert toml.take(text, KEYS) == '[mcp_servers.other]\ncommand = "y"\n'


def test_a_string_or_an_array_that_looks_like_its_header_is_no_header() -> None:
    inner = "\n[mcp_servers.ownvault]\n"
    text = f'a = """{inner}"""\nb = [\n["c"]\n]\n[mcp_servers.ownvault]\ncommand = "x"\n'
    assert toml.take(text, KEYS) == f'a = """{inner}"""\nb = [\n["c"]\n]\n'


@pytest.mark.parametrize("text", [
    'mcp_servers = { docs = { command = "d" }, ownvault = { command = "x" } }\n',
    'mcp_servers.ownvault.command = "x"\n', '[mcp_servers]\nownvault = { command = "x" }\n',
])  # fmt: skip
def test_an_entry_that_is_no_table_of_its_own_is_left_to_its_owner(text: str) -> None:
    with pytest.raises(Broken):
        toml.take(text, KEYS)


@pytest.mark.parametrize("text", [
    'mcp_servers = {a = {command = "x"}}\n', "mcp_servers = 1\n", "[[mcp_servers]]\n", "[mcp_servers.ownvault]\n",
    "a = \n",
    "a = 1\na = 2\n", "\x00", "[a", 'a = "', "mcp_servers.ownvault.command = 'x'\n",
])  # fmt: skip
def test_what_is_broken_or_leaves_no_room_is_refused(text: str) -> None:
    with pytest.raises(Broken):
        toml.put(text, KEYS, ENTRY)


def test_a_broken_line_is_told() -> None:
    with pytest.raises(Broken, match=r"line 3"):
        toml.put("a = 1\nb = 2\nc = = 3\n", KEYS, ENTRY)
