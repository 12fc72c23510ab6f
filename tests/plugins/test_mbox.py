"""Mail: real mailboxes' oddities, conversations, and messages made to hurt."""

from __future__ import annotations

import mailbox
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from vault.errors import ImportFailed
from vault.plugins import Limits, run
from vault.types import Draft, Provenance, Sensitivity

FROM = b"From - Tue Mar 07 12:00:00 2023\n"


def raw(body: str | bytes = "body", id: str = "1@x", **headers: str) -> bytes:
    fields = {
        "From": "Ann <ann@x.org>",
        "To": "bob@y.org",
        "Subject": "subject",
        "Date": "Tue, 7 Mar 2023 13:00:00 +0100",
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    if id:
        fields["Message-ID"] = f"<{id}>"
    head = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    return (
        head.encode("utf-8", "surrogateescape") + b"\n" + (body.encode() if isinstance(body, str) else body) + b"\n\n"
    )


def box(tmp_path, *messages: bytes):
    place = tmp_path / "box.mbox"
    place.write_bytes(b"".join(FROM + message for message in messages))
    return place


def one(take, tmp_path, message: bytes, **options) -> Draft:
    taken = take("mbox", box(tmp_path, message), **options)
    assert not taken.failures
    (draft,) = taken.drafts
    return draft


def test_a_message_in_full(take, tmp_path):
    draft = one(
        take, tmp_path,
        raw("Hello\r\n>From me\r\n", Cc="=?utf-8?b?SsO2cmcsIE0u?= <J@Z.org>, 'Ann' <ann@x.org>",
            Subject="=?utf-8?q?=C3=84pfel?=\n und mehr",
            X_Gmail_Labels="Inbox,=?utf-8?q?Gr=C3=BCn?=,Unread", Sensitivity="Private"),
    )  # fmt: skip
    assert draft == Draft(
        "1@x", "Hello\nFrom me", "Äpfel und mehr", "mail", datetime(2023, 3, 7, 12, tzinfo=UTC), None,
        ("Ann", "bob@y.org", "M. Jörg"),
        ("Inbox", "Grün"), Sensitivity.SENSITIVE, "", Provenance.THIRD_PARTY, "", "1@x", 0,
    )  # fmt: skip


def test_as_the_standard_library_writes_it(take, tmp_path):
    """Python's own mailbox module writes, we read: MIME, attachments, quoting."""
    written = mailbox.mbox(tmp_path / "m")
    for number in range(3):
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = (
            "Zoë <z@x.org>",
            "a@x.org, B C <b@x.org>",
            f"Größe {number}",
        )
        message["Message-ID"], message["Date"] = f"<{number}@x>", "Tue, 7 Mar 2023 13:00:00 -0000"
        message.set_content(f"From here on: {number}\n\nFrom there\nünïcode\n")
        message.add_alternative("<p>html</p>", subtype="html")
        message.add_attachment(b"x" * 3000, maintype="application", subtype="pdf", filename="Übersicht.pdf")
        written.add(message)
    written.close()
    taken = take("mbox", tmp_path / "m")
    assert not taken.failures
    assert [d.title for d in taken.drafts] == ["Größe 0", "Größe 1", "Größe 2"]
    assert taken.drafts[2].text == (
        "From here on: 2\n\nFrom there\nünïcode\n\nAttachments: Übersicht.pdf (application/pdf, 3 kB)"
    )
    assert taken.drafts[2].people == ("Zoë", "a@x.org", "B C")
    assert taken.progress[-1].done == 3


def test_an_unquoted_from_does_not_cut(take, tmp_path):
    taken = take("mbox", box(tmp_path, raw("a\n\nFrom my point of view\nit holds\nFrom here: too\n"), raw("b", "2@x")))
    assert [d.text for d in taken.drafts] == ["a\n\nFrom my point of view\nit holds\nFrom here: too", "b"]


@pytest.mark.parametrize(
    "line",
    [b"From a@b Tue Mar  7 12:00:00 2023", b"From 123@xxx Tue Mar 07 12:00:00 +0000 2023",
     b"From - Tue, 7 Mar 2023 12:00:00 +0000",
     b"From ", b"From ???@??? Tue Mar 07 12:00:00 2023", b"From a b c Tue Mar 07 12:00 CET 2023\r"],
)  # fmt: skip
def test_many_kinds_of_from_lines(take, tmp_path, line):
    place = tmp_path / "m"
    place.write_bytes((line + b"\n" + raw("a", "1@x") + line + b"\n" + raw("b", "2@x")) * 1)
    assert [d.text for d in take("mbox", place).drafts] == ["a", "b"]


@pytest.mark.parametrize(
    ("date", "received", "expected"),
    [
        ("Tue, 7 Mar 2023 13:00:00 +0100 (CET)", "", (2023, 3, 7, 12)), ("7 Mar 23 12:00 GMT", "", (2023, 3, 7, 12)),
        ("nonsense", "from a by b; Wed, 8 Mar 2023 12:00:00 +0000", (2023, 3, 8, 12)),
        ("nonsense", "", (2023, 3, 7, 12)),
        ("Tue, 7 Mar 1903 13:00:00 +0100", "", (2023, 3, 7, 12)), ("", "", (2023, 3, 7, 12)),
        ("Tue, 99 Mar 2023 99:99:99 +9999", "", (2023, 3, 7, 12)), ("2023-03-07T12:00:00Z", "", (2023, 3, 7, 12)),
    ],
)  # fmt: skip
def test_dates(take, tmp_path, date, received, expected):
    assert one(take, tmp_path, raw(Date=date, Received=received)).created == datetime(*expected, tzinfo=UTC)


HTML = (
    "<html><head><title>t</title><style>s</style></head><body><!-- c --><p>Gr&uuml;&szlig;e  an <b>a</b>lle</p>"
    "<div style='display: none'>HIDDEN</div><span style=\"font-size:0px\">HIDDEN</span><p hidden>HIDDEN</p>"
    "<script>HIDDEN</script>"
    "<ul><li>eins<li>zwei</ul>see <a href='https://e.org/a?b'>here</a>, <a href='https://e.org'>e.org</a>"
    "<a href='javascript:x'>js</a><img alt='Bild' src=x></body></html>"
)
READ = "Grüße an alle\n\n- eins\n- zwei\n\nsee here (https://e.org/a?b), e.org js Bild"


def parts(subtype: str, *contents: tuple[str, str]) -> bytes:
    body = "".join(f"--b\nContent-Type: {kind}\n\n{content}\n" for kind, content in contents)
    return raw(body + "--b--", Content_Type=f"multipart/{subtype}; boundary=b", MIME_Version="1.0")


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (raw(HTML, Content_Type="text/html; charset=utf-8"), READ.replace("e.org js", "e.orgjs")),
        (parts("alternative", ("text/plain", "plain"), ("text/html", "<p>html")), "plain"),
        (parts("alternative", ("text/plain", " \n"), ("text/html", "<p>html")), "html"),
        (parts("mixed", ("text/plain", "one"), ("text/html", "<p>two"), ("image/png; name=a.png", "x")),
         "one\n\ntwo\n\nAttachments: a.png (image/png, 1 bytes)"),
        (parts("mixed", ("message/rfc822", "From: c@x\nSubject: inner\n\nforwarded")),
         "[Forwarded message]\nFrom: c@x\nSubject: inner\n\nforwarded"),
        (parts("mixed", ("text/plain; name=notes.txt", "x" * 2000)), "Attachments: notes.txt (text/plain, 2 kB)"),
        (raw("M=FCll=\ner", Content_Type="text/plain; charset=iso-8859-1",
             Content_Transfer_Encoding="quoted-printable"), "Müller"),
        (raw("TcO8bGxlcg==", Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding="base64"), "Müller"),
        (raw("“Müller”".encode("cp1252"), Content_Type="text/plain; charset=ISO-8859-1"), "“Müller”"),
        (raw("Müller".encode("latin-1"), Content_Type="text/plain; charset=utf-8"), "Müller"),
        (raw("Müller", Content_Type="text/plain; charset=us-ascii"), "Müller"),
        (raw("Müller", Content_Type="text/plain; charset=x-no-such-thing"), "Müller"),
        (raw("Müller", Content_Type="text/plain; charset=zlib"), "Müller"),
        (raw("Müller", Content_Type="text/plain; charset=punycode"), "Müller"),
        (raw("Müller", Content_Type='text/plain; charset="'), "Müller"),
        (raw("日本".encode("iso-2022-jp"), Content_Type="text/plain; charset=iso-2022-jp"), "日本"),
        (raw("!!!", Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding="base64"), "!!!"),
        (raw("plain", Content_Type="nonsense"), "plain"), (raw("plain", Content_Type="multipart/mixed"), "plain"),
        (raw("--b\n\ncut off", Content_Type="multipart/mixed; boundary=b"), "cut off"),
        (raw(""), "subject"),
    ],
    ids=str,
)  # fmt: skip
def test_bodies(take, tmp_path, message, text):
    assert one(take, tmp_path, message).text == text


def test_who_wrote_it(take, tmp_path):
    def provenance(**headers):
        return one(take, tmp_path, raw(**headers), owner=["ANN@x.org", "me@z"]).provenance

    assert provenance() is Provenance.OWNER
    assert provenance(From="ANN@X.ORG") is Provenance.OWNER
    assert provenance(From='"ann@x.org" <mallory@x.org>') is Provenance.THIRD_PARTY
    for forged in (
        "ann@x.org, mallory@x.org",
        "ann@x.org <mallory@x.org>",
        "ann@x.org)mallory@x.org",
        "mallory@x.org (ann@x.org)",
        "<ann@x.org> <mallory@x.org>",
        "<ann@x.org>, <>, mallory@x.org",
        "=?utf-8?q?ann=40x.org?= <mallory@x.org>",
    ):
        assert provenance(From=forged) is Provenance.THIRD_PARTY, forged
    assert provenance(Authentication_Results="mx; spf=pass; dmarc=fail (p=none)") is Provenance.THIRD_PARTY
    assert one(take, tmp_path, raw()).provenance is Provenance.THIRD_PARTY
    assert one(take, tmp_path, raw(), owner="a@b, ann@x.org").provenance is Provenance.OWNER
    for wrong in ("ann", 7, [7], {"a": 1}):
        with pytest.raises(ImportFailed, match="option owner"):
            take("mbox", box(tmp_path, raw()), owner=wrong)


def test_people_have_one_spelling(take, tmp_path):
    draft = one(
        take,
        tmp_path,
        raw(
            From='"Doe, Jane" <j@x>',
            To="'Jane Doe' <j@x>, Jane   Doe <j@x>, J@X, <>, \"j@x\" <J@x>",
            Cc="undisclosed-recipients:;",
        ),
    )
    assert draft.people == ("Jane Doe", "j@x")


def test_conversations(take, tmp_path):
    taken = take(
        "mbox",
        box(
            tmp_path,
            raw("third", "c@x", References="<a@x>\n <b@x>", In_Reply_To="<b@x>", Date="Thu, 9 Mar 2023 12:00:00 +0000"),
            raw("first", "a@x", Date="Tue, 7 Mar 2023 12:00:00 +0000"),
            raw("other", "z@x"),
            raw("fourth", "d@x", In_Reply_To="<c@x>", Date="Fri, 10 Mar 2023 12:00:00 +0000"),
            raw("second", "b@x", In_Reply_To="<a@x>", Date="Wed, 8 Mar 2023 12:00:00 +0000"),
            raw("loop", "l@x", In_Reply_To="<m@x>"),
            raw("loop too", "m@x", In_Reply_To="<l@x>"),
        ),
    )
    found = {d.text: (d.thread, d.position) for d in taken.drafts}
    assert [found[t] for t in ("first", "second", "third", "fourth")] == [("a@x", n) for n in range(4)]
    assert found["other"] == ("z@x", 0)
    assert found["loop"][0] == found["loop too"][0]


def test_copies_and_broken_ids(take, tmp_path):
    again = box(
        tmp_path, raw("a"), raw("a"), raw("b"), raw("c", ""), raw("c", ""), raw("d", "", From="", Date="", Subject="")
    )
    taken = take("mbox", again)
    origins = [d.origin for d in taken.drafts]
    assert [d.text for d in taken.drafts] == ["a", "b", "c", "d"]
    assert origins[0] == "1@x"
    assert origins[1].startswith("1@x#")
    assert origins[2].startswith("sha256:")
    assert taken.reasons == {"copies": "2 messages that are there more than once were taken once"}
    assert take("mbox", again) == taken


def test_maildir_and_eml(take, tmp_path):
    for place, text in (("cur/1:2,S", "seen"), ("new/2", "new"), ("tmp/3", "half"), (".Work.Old/cur/4", "kept")):
        file = tmp_path / "mail" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw(text, text + "@x"))
    (tmp_path / "mail" / ".Work.Old" / "new").mkdir()
    taken = take("mbox", tmp_path / "mail")
    assert [(d.text, d.labels) for d in taken.drafts] == [("seen", ()), ("new", ()), ("kept", ("Work/Old",))]
    (tmp_path / "a.eml").write_bytes(raw("single"))
    assert [d.text for d in take("mbox", tmp_path / "a.eml").drafts] == ["single"]
    assert len(take("mbox", tmp_path).drafts) == 1


@pytest.mark.parametrize("data", [b"", b"no mail at all\n", b"PK\x03\x04" + bytes(1000)])
def test_what_is_no_mailbox(take, tmp_path, data):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(ImportFailed, match="no mail"):
        take("mbox", tmp_path / "x")


def nested(depth: int) -> bytes:
    kinds = "".join(f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n\n" for n in range(depth))
    return raw(kinds + "deep", Content_Type="multipart/mixed; boundary=b0")


HOSTILE = {
    "nested": nested(3000),
    "many parts": parts("mixed", *[("text/plain", "x")] * 5000),
    "rfc822 in rfc822": raw("Content-Type: message/rfc822\n\n" * 2000, Content_Type="message/rfc822"),
    "headers": raw().replace(b"\nSubject", b"\nX-A: b" * 50_000 + b"\nSubject", 1),
    "long header": raw(Subject="=?utf-8?q?" * 50_000),
    "long to": raw(To=", ".join(f"N{n} <n{n}@x>" for n in range(20_000))),
    "brackets in to": raw(To="(" * 50_000 + "<" * 50_000),
    "folded": raw(Subject="\n " * 20_000 + "x"),
    "references": raw(References="<a@b> " * 20_000),
    "html depth": raw("<div>" * 50_000 + "x", Content_Type="text/html"),
    "html links": raw("<a href=http://x>" * 20_000 + "x", Content_Type="text/html"),
    "bytes": b"\xff\xfe\0\x80" * 5000 + b"\n\n" + bytes(range(256)) * 20 + b"\n\n",
    "no end": raw("x" * 3_000_000),
    "text bomb": raw("y " * 3_000_000),
    "charset": raw("x" * 200_000, Content_Type="text/plain; charset=idna"),
    "filename": raw("x", Content_Type="application/x; name*0*=a''%ff; name*1*=%00; name*x=q",
                    Content_Disposition="attachment; filename*=x"),
}  # fmt: skip


def test_messages_made_to_hurt(tmp_path):
    """Each between two good ones: those are read, each bad one is a record or a failure with its place."""
    messages = [part for n, hostile in enumerate(HOSTILE.values()) for part in (raw("good", f"{n}@good"), hostile)]
    place = box(tmp_path, *messages)
    items = list(run("mbox", place, {}, Limits(cpu=90, memory=1 << 30)))
    drafts = [item for item in items if isinstance(item, Draft)]
    failures = [item for item in items if type(item).__name__ == "Failure"]
    assert [d.origin for d in drafts if d.text == "good"] == [f"{n}@good" for n in range(len(HOSTILE))]
    copies = 0
    for failure in failures:
        if failure.place == "copies":
            copies = int(failure.reason.split()[0])
            continue
        assert failure.place.startswith("box.mbox, message "), failure
        assert failure.reason in (
            "nested too deeply",
            "too many parts, or nested too deeply",
            "no mail: it has no headers",
        ), failure
    assert len(drafts) + len(failures) - bool(copies) + copies == 2 * len(HOSTILE)


def test_a_large_mailbox_is_not_held_in_memory(tmp_path):
    place = tmp_path / "m"
    with place.open("wb") as file:
        for n in range(40):
            file.write(FROM + raw("text\n" + ("x" * 76 + "\n") * 13_000, f"{n}@x"))
    assert place.stat().st_size > 38 << 20
    found = [item for item in run("mbox", place, {}, Limits(memory=96 << 20)) if type(item).__name__ != "Progress"]
    assert len(found) == 40
    assert all(isinstance(item, Draft) for item in found)
