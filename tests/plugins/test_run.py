"""The parent's side: whatever an importer does, the import ends, and what was read before stays."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest

from vault import plugins
from vault.errors import ImportFailed
from vault.plugins import Failure, Limits
from vault.types import Draft, Provenance, Sensitivity

FIRST = "yield Draft('first', 'kept')\n"
HELLO = '{"hello": {"protocol": 1}}'
END = '{"end": {}}'


def speak(*lines: str | bytes) -> str:
    """Return a program that says exactly these lines."""
    said = b"".join((line.encode() if isinstance(line, str) else line) + b"\n" for line in lines)
    return f"import sys\nsys.stdout.buffer.write({said!r})\n"


def draft(**also: object) -> str:
    return json.dumps({"draft": {"origin": "o", "text": "t"} | also})


def test_every_shipped_importer_is_found_with_its_options():
    found = plugins.importers()
    assert list(found) == ["jsonl", "markdown", "mbox", "text"]
    assert all(info.summary.endswith(".") for info in found.values())
    assert set(found["mbox"].options) == {"owner"}


# ---------------------------------------------------------------- what the child may do


def test_environment_holds_nothing_of_ours(program, monkeypatch):
    monkeypatch.setenv("OWNVAULT_PASSPHRASE_FILE", "canary")
    monkeypatch.setenv("PYTHONPATH", "canary")
    monkeypatch.setenv("HOME", "/canary")
    taken = program("import json\nyield Draft('env', json.dumps([dict(os.environ), os.getcwd(), sys.argv]))")
    environment, folder, _ = json.loads(taken.drafts[0].text)
    assert set(environment) <= {"PATH", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LC_CTYPE"}
    assert "canary" not in taken.drafts[0].text
    assert folder == "/"


@pytest.mark.parametrize(
    "deed",
    [
        "open('{place}', 'w').write('x')",
        "open('{place}', 'a').write('x')",
        "os.open('{place}', os.O_CREAT | os.O_WRONLY)",
        "os.mkdir('{place}')",
        "os.remove('{kept}')",
        "os.rename('{kept}', '{place}')",
        "open('{kept}', 'w')",
        "__import__('pathlib').Path('{place}').write_text('x')",
        "__import__('tempfile').TemporaryFile()",
        "__import__('subprocess').run(['true'])",
        "os.system('touch {place}')",
        "os.fork()",
        "__import__('socket').socket().connect(('127.0.0.1', 9))",
        "__import__('urllib.request').request.urlopen('http://127.0.0.1:9/')",
        "__import__('ctypes').CDLL(None)",
    ],
)
def test_it_can_neither_write_nor_run_nor_connect(program, tmp_path, deed):
    kept, place = tmp_path / "kept", tmp_path / "written"
    kept.write_text("as it was")
    deed = deed.format(place=place, kept=kept)
    taken = program(f"try:\n    {deed}\nexcept Exception as e:\n    yield Draft('x', 'refused ' + repr(e))")
    assert [d.text[:7] for d in taken.drafts] == ["refused"], taken
    assert "an importer may not" in taken.drafts[0].text or "usable temporary" in taken.drafts[0].text
    assert kept.read_text() == "as it was"
    assert not place.exists()


def test_the_kernel_enforces_the_limits(program):
    taken = program(
        "import resource as r\n"
        "yield Draft('x', repr([r.getrlimit(k) for k in (r.RLIMIT_CORE, r.RLIMIT_FSIZE, r.RLIMIT_CPU, r.RLIMIT_AS)]))",
        limits=Limits(memory=1 << 30, cpu=99),
    )
    assert taken.drafts[0].text == repr([(0, 0), (0, 0), (99, 104), (1 << 30, 1 << 30)])


# ---------------------------------------------------------------- how it may end


def ends(taken, *, kept: int = 1) -> str:
    assert [d.origin for d in taken.drafts] == ["first"] * kept
    assert len(taken.failures) == 1, taken.failures
    return taken.failures[0].reason


def test_a_crash_keeps_what_was_read_and_quotes_nothing(program):
    reason = ends(program(FIRST + "raise KeyError('canary of the content')"))
    assert "KeyError in odd.py, line 6" in reason
    assert "canary" not in reason


def test_what_it_prints_on_stderr_is_never_shown(program):
    reason = ends(program(FIRST + "sys.stderr.write('canary\\n' * 100_000)\nsys.exit(3)"))
    assert "code 3" in reason
    assert "canary" not in reason


def test_a_broken_program_is_told(program):
    assert "SyntaxError" in ends(program(raw="def ("), kept=0)
    assert "ModuleNotFoundError in odd.py, line 1" in ends(program(raw="import nothing_of_that_name"), kept=0)


def test_a_killed_child(program):
    assert "was killed" in ends(program(FIRST + "signal.raise_signal(signal.SIGKILL)"))
    assert "signal 11" in ends(program(FIRST + "signal.raise_signal(signal.SIGSEGV)"))


def test_a_hanging_child_is_ended(program):
    reason = ends(program(FIRST + "signal.pause()", limits=Limits(idle=0.7)))
    assert "said nothing for 0.7 seconds" in reason


def test_a_child_out_of_memory(program):
    reason = ends(program(FIRST + "hog = bytearray(1 << 30)", limits=Limits(memory=512 << 20)))
    assert "512 MiB of memory" in reason


def test_a_child_out_of_time(program):
    reason = ends(program(FIRST + "while True: pass", limits=Limits(cpu=1)))
    assert "more than 1 seconds of processor time" in reason


def test_ending_quietly_is_not_an_end(program):
    assert "code 0" in ends(program(FIRST + "os._exit(0)"))


def test_closing_the_iterator_ends_the_child(tmp_path):
    folder = tmp_path / "importers"
    folder.mkdir()
    (folder / "endless.py").write_text(
        "import itertools, os\nfrom vault.plugins import serve\nfrom vault.types import Draft\n"
        "def read(path, options):\n"
        "    for n in itertools.count():\n        yield Draft(str(n), str(os.getpid()))\nserve(read)\n"
    )
    items = plugins.run("endless", tmp_path, {}, directory=folder)
    first = next(items)
    assert isinstance(first, Draft)
    os.kill(int(first.text), 0)
    items.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(first.text), 0)


def test_a_stray_print_does_no_harm(program):
    taken = program("print('canary')\nsys.stdout.flush()\n" + FIRST)
    assert len(taken.drafts) == 1
    assert not taken.failures


# ---------------------------------------------------------------- what it may say


def test_garbage_is_counted_and_the_rest_read(program):
    taken = program(
        raw=speak(
            HELLO, "garbage", b"\xff\xfe", "", "[]", "{}", '{"draft": 1}', '{"a": {}, "b": {}}', "[" * 5000, "NaN",
            '{"failure": {"place": 1, "reason": ""}}', HELLO,
            '{"progress": {"done": "x", "total": 1, "unit": "files"}}', draft(), END,
        )
    )  # fmt: skip
    assert [d.origin for d in taken.drafts] == ["o"]
    assert len(taken.failures) == 12
    assert {f.reason.partition(":")[0] for f in taken.failures} == {"not the protocol"}
    assert taken.failures[0].place == "odd, line 2 of its output"


def test_nothing_but_garbage_is_given_up(program):
    raw = "import sys\nwhile True: sys.stdout.write('garbage\\n')\n"
    taken = program(raw=raw, limits=Limits(noise=50))
    assert len(taken.failures) == 51
    assert "more than 50 lines" in taken.failures[-1].reason


def test_another_version_is_declined(program):
    with pytest.raises(ImportFailed, match="another version"):
        program(raw=speak('{"hello": {"protocol": 2}}', draft(), END))


def test_no_greeting_no_record(program):
    taken = program(raw=speak(draft(), END))
    assert not taken.drafts
    assert taken.failures[0].reason.startswith("not the protocol")


def test_a_long_line_is_skipped_in_bounded_memory(program):
    raw = speak(HELLO) + "for _ in range(2000): sys.stdout.write('x' * 50_000)\n" + speak("", draft(), END)
    taken = program(raw=raw, limits=Limits(line=100_000))
    assert [d.origin for d in taken.drafts] == ["o"]
    assert [f.reason for f in taken.failures] == ["longer than 100000 bytes"]


def test_a_line_of_brackets_is_not_taken_apart(program):
    taken = program(raw=speak(HELLO, '{"draft": [' + "{}," * 100_000 + "{}]}", draft(), END))
    assert [d.origin for d in taken.drafts] == ["o"]
    assert [f.reason for f in taken.failures] == ["not the protocol"]


WRONG = [
    {"origin": ""}, {"origin": "a\nb"}, {"origin": 1}, {"origin": "x" * 4097}, {"origin": "\ud800"},
    {"text": ""}, {"text": " \n"}, {"text": None}, {"text": "a\0b"}, {"text": "\udc00"}, {"text": "x" * 101},
    {"title": "a\x1b[2Jb"}, {"title": "x" * 1025}, {"kind": 7}, {"url": "javascript:alert(1)"}, {"url": " DATA:x"},
    {"people": "Ann"}, {"people": [""]}, {"people": [1]}, {"people": ["x" * 129]}, {"people": ["a"] * 1001},
    {"labels": ["e\u0301"]}, {"labels": {"a": 1}}, {"position": -1}, {"position": True}, {"position": 1.5},
    {"position": 1 << 60}, {"created": "2023-05-07"}, {"created": "yesterday"}, {"created": 5},
    {"updated": "0001-01-01T00:00:00+23:00"}, {"sensitivity": "high"}, {"sensitivity": 2}, {"provenance": "me"},
    {"provenance": None}, {"stranger": 1}, {"id": "x"},
]  # fmt: skip


def test_a_draft_is_checked_not_trusted(program):
    taken = program(raw=speak(HELLO, *(draft(**wrong) for wrong in WRONG), draft(), END), limits=Limits(text=100))
    assert [d.origin for d in taken.drafts] == ["o"]
    assert len(taken.failures) == len(WRONG), taken.failures
    assert all(failure.reason.isprintable() for failure in taken.failures)


def test_an_unsaid_provenance_is_a_third_partys(program):
    taken = program(raw=speak(HELLO, draft(), END))
    assert taken.drafts[0].provenance is Provenance.THIRD_PARTY


def test_an_origin_comes_once(program):
    taken = program("yield Draft('a', '1')\nyield Draft('b', '2')\nyield Draft('a', '3')")
    assert [d.text for d in taken.drafts] == ["1", "2"]
    assert taken.reasons.keys() == {"a"}


def test_failures_are_fit_for_a_terminal(program):
    taken = program("yield Failure('\\x1b[2J\\u202ename', 'a\\nb')")
    assert taken.failures == [Failure("\\x1b[2J\\u202ename", "a\\nb")]


def test_a_draft_arrives_as_it_was_sent(program):
    sent = Draft(
        "o",
        "te\u00e4xt\n\U0001f600",
        "ti",
        "k",
        datetime(2023, 5, 7, tzinfo=UTC),
        datetime(2024, 1, 1, 1, 1, 1, 5, UTC),
        ("A",),
        ("l", "m"),
        Sensitivity.SECRET,
        "de",
        Provenance.OWNER,
        "https://x",
        "th",
        7,
    )
    names = {"sensitivity": "Sensitivity.SECRET", "provenance": "Provenance.OWNER"}
    said = ", ".join(f"{f.name}={names.get(f.name) or repr(getattr(sent, f.name))}" for f in fields(sent))
    taken = program("import datetime\nfrom vault.types import Provenance, Sensitivity\n" + f"yield Draft({said})")
    assert taken.drafts == [sent]


# ---------------------------------------------------------------- what is refused at once


def test_an_unknown_importer_lists_the_known(tmp_path):
    with pytest.raises(ImportFailed) as caught:
        plugins.run("../../evil", tmp_path)
    assert caught.value.hint == "known importers: jsonl, markdown, mbox, text"


def test_an_unknown_option_lists_the_known(tmp_path):
    with pytest.raises(ImportFailed) as caught:
        plugins.run("mbox", tmp_path, {"ower": "x"})
    assert caught.value.hint == "its options: owner"


@pytest.mark.parametrize("importer", ["jsonl", "markdown", "mbox", "text"])
def test_an_unreadable_path_is_told_at_once(tmp_path, importer):
    os.mkfifo(tmp_path / "pipe")
    for path, words in [
        (tmp_path / "absent", "no such file"),
        (Path("a\0b"), "no such file"),
        (Path("x" * 300), "cannot look at|no such file"),
        (tmp_path / "pipe", "neither"),
        (Path("/dev/zero"), "neither"),
    ]:
        with pytest.raises(ImportFailed, match=words) as caught:
            plugins.run(importer, path)
        assert "\0" not in caught.value.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_folder_is_told_at_once(tmp_path):
    (tmp_path / "shut").mkdir(mode=0)
    with pytest.raises(ImportFailed, match="may not be read"):
        plugins.run("markdown", tmp_path / "shut")


def test_options_of_any_length_cannot_block(tmp_path):
    with pytest.raises(ImportFailed, match="too long"):
        plugins.run("mbox", tmp_path, {"owner": "x" * 100_000})
