"""Writes `tests/vectors/{token,scope,audit,checkpoint}`: one file per vector, one fault each.

    python tests/permissions/permission_vectors.py [FOLDER]

A file is a header of `key: value` lines, an empty line, and the text under test (without its last newline).
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from biscuits import (
    AUDIENCE,
    DAY,
    DETAIL,
    EXPIRES,
    FIRST,
    KID,
    NOW,
    REST,
    ROOT,
    SEED,
    USUAL,
    compiled,
    container,
    make,
    message,
    proof,
    raw_block,
    seal,
    signed,
    text,
    varint,
)  # fmt: skip

from vault.permissions import entries, scope, tokens, tree
from vault.permissions.caveats import SOURCES
from vault.permissions.checkpoint import Checkpoint, Signer, origin
from vault.permissions.checkpoint import proof as tlog_proof
from vault.permissions.vetting import Reason
from vault.types import EVERYTHING, Entry, Names, Sensitivity, micros

Vector = tuple[str, dict[str, str], str]
TARGET = Path(__file__).resolve().parents[1] / "vectors"


def write(target: Path) -> None:
    """Write every vector below `target`, one folder per kind."""
    for folder, vectors in {
        "token": token(),
        "scope": scopes(),
        "audit": audits(),
        "checkpoint": checkpoints(),
    }.items():
        (target / folder).mkdir(parents=True, exist_ok=True)
        for name, header, body in vectors:
            place = target / folder / f"{name}.txt"
            assert not (target == TARGET and place in _written), name
            _written.add(place)
            lines = "".join(f"{key}: {value}\n" for key, value in header.items())
            place.write_text(f"{lines}\n{body}\n", "utf-8")


_written: set[Path] = set()


def read(place: Path) -> tuple[dict[str, str], str]:
    """Return (header, text) of a vector file."""
    head, _, body = place.read_text("utf-8").partition("\n\n")
    return dict(line.split(": ", 1) for line in head.splitlines()), body[:-1]


# ---------------------------------------------------------------- tokens


def token() -> Iterator[Vector]:
    yield from good_tokens()
    yield from bad_encodings()
    yield from bad_containers()
    yield from bad_blocks()
    yield from bad_vocabulary()
    yield from bad_trust()


def good_tokens() -> Iterator[Vector]:
    def good(name: str, comment: str, token: str, search: str) -> Vector:
        seen = tokens.verify(tokens.vet(token), ROOT.keys, AUDIENCE, NOW)
        left = {"detail": seen.detail.name.lower(), "results": str(seen.results), "where": scope.to_json(seen.where)}
        return name, {"expect": "ok", "comment": comment, "search": search, **left}, token

    yield good("ok-plain", "a grant of two collections", make(), "mail notes")
    yield good("ok-every", "a grant of every collection", make('op("search"); collection("*");'), "* mail notes other")
    yield good(
        "ok-script",
        "names in other scripts",
        make('op("search"); collection({c});', c="टिप्पणियाँ/日記"),
        "टिप्पणियाँ/日記",
    )
    yield good("ok-count", "a grant that cannot search", make('op("count"); collection("notes");'), "-")
    values = {
        "actions": {"search"}, "collections": {"notes"}, "expires": NOW + DAY, "sources": {"vault"}, "kinds": {"note"},
        "labels": {"work"}, "without_labels": {"private"}, "people": {"Jane Doe"}, "since": NOW - DAY, "until": NOW,
        "sensitivity": 1, "owner_written": {"owner"}, "last": 30, "detail": 2, "results": 10,
    }  # fmt: skip
    for dimension, source in SOURCES.items():
        allowed = "notes" if dimension == "collections" else "mail notes"
        caveat = make(USUAL, source, v=values[dimension])
        yield good(f"ok-caveat-{dimension.replace('_', '-')}", "the canonical caveat", caveat, allowed)
    yield from good_facts(good)
    chain = [
        SOURCES["collections"],
        SOURCES["actions"].replace("{v}", '{"search", "read"}'),
        'check if request_op("search")',
    ]
    yield good("ok-chain", "three holders, the last with a check of its own", make(USUAL, *chain, v={"notes"}), "notes")
    yield good(
        "ok-eight", "as many blocks as are allowed", make(USUAL, *['check if request_op("search")'] * 8), "mail notes"
    )
    parts = signed(compiled(FIRST + USUAL + REST, chain[0], v={"mail"}))
    yield good("ok-sealed", "sealed by its holder", text(container(parts, ending=seal(parts))), "mail")
    yield good("ok-signatures-0", "signature version 0 in every block", text(container(signed(
        compiled(FIRST + USUAL + REST, chain[0], v={"mail"}), versions=(0, 0)))), "mail")  # fmt: skip
    both = (
        'check if request_op("search"), request_collection("mail") or request_op("read"), request_collection("notes")'
    )
    yield good("ok-own-check", "mail to search, notes to read", make(USUAL, both), "mail")
    either = 'check if request_op($o), request_collection($c), $o == "search" && $c == "mail" || $c == "x"'
    yield good("ok-and-or", "&& and || are closures", make(USUAL, either), "mail")
    only, mail = SOURCES["collections"], SOURCES["collections"].replace("{v}", '{"mail"}')
    yield good("ok-nothing-left", "two holders with nothing in common", make(USUAL, only, mail, v={"notes"}), "-")
    alone = make(USUAL, "check all record_sensitivity($x), $x <= 1")
    yield good("ok-record-check-alone", "a check about records that lets no question pass", alone, "-")


def good_facts(good: Callable[[str, str, str, str], Vector]) -> Iterator[Vector]:
    """One for each condition that the first block can say, and one with all."""
    since, until = micros(NOW - DAY) + 1, micros(datetime(1960, 1, 1, tzinfo=UTC))
    said = {
        "source": 'source("imap"); source("vault");', "kind": 'kind("note");',
        "label": 'label(0, "tax"); label(1, "urgent"); label(1, "work");', "without-label": 'without_label("private");',
        "person": 'person(0, "Doe, Jane"); person(0, "Rémy");', "since": f"since({since});",
        "until": f"until({until});", "last": "last(90);", "ceiling": "ceiling(1);",
        "owner-written": "owner_written(true);",
    }  # fmt: skip
    for name, facts in said.items():
        yield good(f"ok-fact-{name}", "a condition in the first block", make(USUAL + facts), "mail notes")
    after = REST.removeprefix(DETAIL)
    for name, detail in {
        "detail": "detail(1);",
        "results": "detail(3); results(10);",
        "holder": 'detail(3); holder("k");',
    }.items():
        yield good(f"ok-fact-{name}", "what else the first block can say", make(after=detail + after), "mail notes")
    everything = "".join(said.values()) + 'detail(2); results(10); holder("k");'
    yield good(
        "ok-fact-all", "everything that the first block can say", make(USUAL + everything, after=after), "mail notes"
    )


def bad(name: str, reason: Reason, comment: str, token: str) -> Vector:
    return f"refused-{name}", {"expect": f"refused {reason}", "comment": comment}, token


def bad_encodings() -> Iterator[Vector]:
    plain = next(t for t in (make(grant="g-1" + "1" * i) for i in range(3)) if t.endswith("=") and "-" in t + "_")
    raw = base64.urlsafe_b64decode(plain)
    yield bad("empty", Reason.MISSING, "no token at all", "")
    yield bad("too-large", Reason.TOO_LARGE, "one character too many", "A" * 8193)
    yield bad("padding-stripped", Reason.ENCODING, "the same bytes, another spelling", plain.rstrip("="))
    yield bad("padding-more", Reason.ENCODING, "padding twice", plain + "====")
    last = plain.rstrip("=")[-1]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = alphabet[alphabet.index(last) + 1]
    yield bad(
        "stray-bits",
        Reason.ENCODING,
        "bits that no byte uses",
        plain.rstrip("=")[:-1] + stray + plain[len(plain.rstrip("=")) :],
    )
    yield bad("standard-alphabet", Reason.ENCODING, "+ and / instead of - and _", base64.b64encode(raw).decode())
    yield bad("space", Reason.ENCODING, "a space inside", plain[:40] + " " + plain[40:])
    yield bad("prefix", Reason.ENCODING, "the prefix some tools print", "biscuit:" + plain)
    yield bad("not-ascii", Reason.ENCODING, "a letter that only looks like A", "\u0410" + plain[1:])
    yield bad(
        "hex",
        Reason.UNKNOWN_FIELD,
        "another encoding that happens to be base64",
        raw[: len(raw) // 2 * 2].hex(),
    )


def bad_containers() -> Iterator[Vector]:
    blocks = compiled(FIRST + USUAL + REST, 'check if request_op("search")')
    parts = signed(blocks)
    whole = container(parts)
    kid, first, second, end = message((1, KID)), message((2, parts[0])), message((3, parts[1])), message((4, proof(2)))
    assert kid + first + second + end == whole
    yield bad("garbage", Reason.MALFORMED, "no protobuf", text(b"\xff" * 300))
    yield bad("truncated", Reason.MALFORMED, "the last byte is gone", text(whole[:-1]))
    yield bad("cut-in-half", Reason.MALFORMED, "half a token", text(whole[: len(whole) // 2]))
    yield bad(
        "appended-unknown", Reason.UNKNOWN_FIELD, "an unknown field after the end", text(whole + message((15, b"x")))
    )
    yield bad("unknown-first", Reason.UNKNOWN_FIELD, "field 0", text(message((0, 1)) + whole))
    yield bad("order", Reason.MALFORMED, "the key number last", text(first + second + end + kid))
    yield bad("twice", Reason.MALFORMED, "the key number twice", text(kid + whole))
    yield bad(
        "long-number", Reason.MALFORMED, "a number in two bytes that fits in one", text(b"\x08\x87\x00" + whole[2:])
    )
    yield bad("no-proof", Reason.MALFORMED, "no proof", text(kid + first + second))
    yield bad("empty-proof", Reason.MALFORMED, "neither secret nor seal", text(container(parts, ending=b"")))
    yield bad(
        "short-secret", Reason.MALFORMED, "a secret of 31 bytes", text(container(parts, ending=message((1, b"x" * 31))))
    )
    yield bad("no-key-number", Reason.UNKNOWN_KEY, "no root key id", text(container(parts, kid=None)))
    yield bad("key-number-long", Reason.MALFORMED, "a root key id of 33 bits", text(container(parts, kid=1 << 32)))
    yield bad("other-key-number", Reason.UNKNOWN_KEY, "a key that is not live", text(container(parts, kid=8)))
    external = message((4, message((1, b"s" * 64), (2, message((1, 0), (2, b"k" * 32))))), (5, 1))
    bare = parts[1].removesuffix(message((5, 1)))
    yield bad(
        "third-party",
        Reason.THIRD_PARTY,
        "a block signed by somebody else too",
        text(container([parts[0], bare + external])),
    )
    yield bad(
        "signature-version-0",
        Reason.VERSION,
        "version 0 said aloud",
        text(container([parts[0], bare + message((5, 0))])),
    )
    yield bad(
        "signature-version-2",
        Reason.VERSION,
        "a later signature version",
        text(container([parts[0], bare + message((5, 2))])),
    )
    yield bad(
        "signed-unknown",
        Reason.UNKNOWN_FIELD,
        "an unknown field beside a signature",
        text(container([parts[0], parts[1] + message((6, 1))])),
    )
    key = parts[0].replace(message((1, 0)) + b"\x12\x20", message((1, 1)) + b"\x12\x20", 1)
    yield bad("p256", Reason.ALGORITHM, "the next key is for P-256", text(container([key, parts[1]])))
    yield bad("nine", Reason.TOO_MANY_BLOCKS, "a block too many", make(USUAL, *['check if request_op("search")'] * 9))


def bad_blocks() -> Iterator[Vector]:
    def block(name: str, reason: Reason, comment: str, source: str, **values: object) -> Vector:
        return bad(name, reason, comment, make(USUAL, source, **values))

    yield block("fact", Reason.FACT, "a child that grants itself a collection", 'collection("photos")')
    yield block("fact-request", Reason.FACT, "a child that answers its own question", 'request_op("search")')
    yield block("rule", Reason.RULE, "a rule", 'collection("photos") <- op($x)')
    yield block(
        "bomb-rule",
        Reason.RULE,
        "six-way join: seconds in the evaluator",
        "x(1) <- op($a), op($b), op($c), op($d), op($e), op($f)",
    )
    yield block(
        "bomb-check",
        Reason.LIMIT,
        "the same as a check",
        "check if op($a), op($b), op($c), op($d), op($e), op($f), $a == $f",
    )
    yield block(
        "join", Reason.LIMIT, "many labels times many people", "check if record_label($a), record_person($b), $a == $b"
    )
    yield block("three", Reason.LIMIT, "three predicates", "check if time($a), stage($b), client($c)")
    yield block("queries", Reason.LIMIT, "five alternatives", "check if " + " or ".join(["time($a)"] * 5))
    yield block("checks", Reason.LIMIT, "17 checks", ";".join(["check if time($a)"] * 17))
    yield block("operations", Reason.LIMIT, "33 operations", "check if time($a), " + ", ".join(["$a < $a"] * 11))
    yield block("set", Reason.LIMIT, "a set of 65", SOURCES["collections"], v={f"c{i}" for i in range(65)})
    yield bad(
        "strings", Reason.LIMIT, "513 strings", raw_block(message(*[(1, f"s{i}".encode()) for i in range(513)], (3, 3)))
    )
    yield block(
        "fact-question", Reason.CAVEAT, "a question about the first block's conditions", "check if detail($x), $x > 2"
    )
    yield block("fact-detail", Reason.FACT, "a child that gives itself more detail", "detail(3)")
    yield block("regex", Reason.OPERATION, "a regular expression", 'check if client($x), $x.matches("(a+)+$")')
    yield block("add", Reason.OPERATION, "arithmetic", "check if record_sensitivity($x), $x + 1 < 9")
    yield block("concat", Reason.OPERATION, "a string that grows", 'check if client($x), $x + $x == "aa"')
    yield block("length", Reason.OPERATION, "length", "check if client($x), $x.length() < 9")
    yield block("type", Reason.OPERATION, "type()", 'check if client($x), $x.type() == "string"')
    yield block("union", Reason.OPERATION, "sets that grow", 'check if client($x), {"a"}.union({"b"}).contains($x)')
    yield block("ffi", Reason.UNKNOWN_FIELD, "a call into the host", 'check if client($x), $x.extern::f("c")')
    yield block(
        "any", Reason.UNKNOWN_FIELD, "a closure that iterates", 'check if client($x), ["a"].any($y -> $y == $x)'
    )
    yield block(
        "all",
        Reason.UNKNOWN_FIELD,
        "closures in closures: seconds in the evaluator",
        "check if [1, 2].all($x -> [1, 2].all($y -> $x == $y))",
    )
    yield block("array", Reason.UNKNOWN_FIELD, "an array", 'check if client($x), ["a"].contains($x)')
    yield block("map", Reason.UNKNOWN_FIELD, "a map", 'check if client($x), {"a": 1}.contains($x)')
    yield block("null", Reason.UNKNOWN_FIELD, "null", "check if client($x), $x != null")
    yield block("bytes", Reason.UNKNOWN_FIELD, "bytes", "check if client($x), $x != hex:00")
    yield block("unknown-fact", Reason.CAVEAT, "a question that the vault never answers", "check if weather($x)")
    yield block("two-terms", Reason.CAVEAT, "a fact with two terms", "check if time($x, $y)")
    yield block("trusting", Reason.TRUSTING, "a query that says whom it trusts", "check if time($x) trusting previous")
    yield from bad_bytes()


def bad_bytes() -> Iterator[Vector]:
    """Blocks that the library would not write."""
    head, time = message((1, 27)), message((1, 5), (2, message((3, 0))))
    query = message((1, head), (2, time))

    def check(*fields: tuple[int, int | bytes], version: int = 3) -> str:
        return raw_block(message((3, version), (6, message(*fields))))

    def term(*fields: tuple[int, int | bytes]) -> str:
        return check((1, message((1, head), (2, message((1, 5), (2, message(*fields)))))))

    yield bad(
        "context",
        Reason.UNKNOWN_FIELD,
        "free text in a block",
        raw_block(message((2, b"hi"), (3, 3), (6, message((1, query))))),
    )
    yield bad("block-version-2", Reason.VERSION, "an old block version", check((1, query), version=2))
    yield bad("block-version-7", Reason.VERSION, "a block version of the future", check((1, query), version=7))
    yield bad(
        "trusting-block",
        Reason.TRUSTING,
        "a block that says whom it trusts",
        raw_block(message((3, 3), (6, message((1, query))), (7, message((1, 1))))),
    )
    yield bad(
        "block-keys",
        Reason.TRUSTING,
        "a public key in a block",
        raw_block(message((3, 4), (6, message((1, query))), (8, message((1, 0), (2, b"k" * 32))))),
    )
    yield bad("kind", Reason.CAVEAT, "a kind of check that does not exist", check((1, query), (2, 3)))
    yield bad("head", Reason.CAVEAT, "a check with another head", check((1, message((1, message((1, 0))), (2, time)))))
    yield bad("no-terms", Reason.CAVEAT, "a fact without terms", check((1, message((1, head), (2, message((1, 5)))))))
    yield bad("no-queries", Reason.LIMIT, "a check of nothing", check((2, 0)))
    yield bad("symbol", Reason.MALFORMED, "a string that is in no table", term((3, 5000)))
    yield bad("symbol-gap", Reason.MALFORMED, "between the default table and ours", term((3, 28)))
    yield bad("bool", Reason.MALFORMED, "a truth value of 2", term((6, 2)))
    yield bad("two-values", Reason.MALFORMED, "a term that is two things", term((2, 1), (3, 1)))
    yield bad(
        "set-twice",
        Reason.MALFORMED,
        "a member twice in a set",
        term((7, message((1, message((2, 1))), (1, message((2, 1)))))),
    )
    yield bad("set-nested", Reason.UNKNOWN_FIELD, "a set in a set", term((7, message((1, message((7, b"")))))))
    yield bad("set-variable", Reason.MALFORMED, "a variable in a set", term((7, message((1, message((1, 5)))))))
    yield bad(
        "block-twice",
        Reason.MALFORMED,
        "a block version twice",
        raw_block(message((3, 3), (3, 3), (6, message((1, query))))),
    )
    yield bad("not-utf8", Reason.MALFORMED, "a string that is no UTF-8", raw_block(message((1, b"\xff"), (3, 3))))
    deep = message((2, message((1, 0))))
    for _ in range(10):
        deep = message((4, message((2, deep))))
    yield bad(
        "deep",
        Reason.UNKNOWN_FIELD,
        "closures ten deep",
        check((1, message((1, head), (2, time), (3, message((1, deep)))))),
    )
    overlong = message((3, 3))[:1] + b"\x83\x00"
    yield bad(
        "block-long-number",
        Reason.MALFORMED,
        "a long number inside a block",
        raw_block(overlong + message((6, message((1, query))))),
    )
    yield bad(
        "number-65-bits", Reason.MALFORMED, "a number of more than 64 bits", raw_block(b"\x18" + b"\xff" * 9 + b"\x7f")
    )
    yield bad(
        "block-order",
        Reason.MALFORMED,
        "fields of a block out of order",
        raw_block(message((6, message((1, query))), (3, 3))),
    )
    assert varint(300) == b"\xac\x02"


def bad_vocabulary() -> Iterator[Vector]:
    def words(
        name: str, comment: str, facts: str = USUAL, before: str = FIRST, after: str = REST, **values: object
    ) -> Vector:
        return bad(f"words-{name}", Reason.VOCABULARY, comment, make(facts, before=before, after=after, **values))

    yield words("no-op", "no action", 'collection("notes");')
    yield words("no-collection", "no collection: nothing means no", 'op("search");')
    yield words("no-grant", "no grant", before="client({client}); audience({audience});")
    yield words("two-grants", "two grants", before='grant("g-0"); ' + FIRST)
    yield words("two-audiences", "two audiences", 'audience("ownvault:other");' + USUAL)
    yield words("unknown-op", "an action that does not exist", 'op("fly"); collection("notes");')
    yield words("unknown-fact", "a fact of another version", USUAL + 'field("text");')
    yield from bad_facts(words)
    yield words("number", "a collection that is a number", 'op("search"); collection(1);')
    yield words("pair", "a fact with two terms", 'op("search"); collection("notes", "mail");')
    yield words("no-expiry", "no end", after=DETAIL + "check if request_audience($a), audience($a);")
    yield words("no-audience", "for anybody", after=DETAIL + "check if time($t), $t < {expires};")
    yield words(
        "swapped",
        "the checks the other way round",
        after=DETAIL + "check if request_audience($a), audience($a); check if time($t), $t < {expires};",
    )
    yield words("third-check", "one check more", after=REST + 'check if request_op("search");')
    yield words("at-most", "<= where < belongs", after=REST.replace("<", "<="))
    yield words(
        "any-audience",
        "an audience check that compares nothing",
        after=REST.replace("audience($a);", "audience($b);"),
    )
    yield bad(
        "many-facts",
        Reason.LIMIT,
        "257 facts",
        make('op("search");' + "".join(f"collection({i});" for i in range(253))),
    )
    yield bad("first-rule", Reason.RULE, "a rule in the first block", make(USUAL + 'collection("x") <- op($y);'))


def bad_facts(words: Callable[..., Vector]) -> Iterator[Vector]:
    after = REST.removeprefix(DETAIL)
    for name, comment, facts in (
        ("order", "collections before actions", 'collection("notes"); op("search");'),
        ("unsorted", "names in another order", 'op("search"); collection("notes"); collection("mail");'),
        ("name-twice", "a name twice", 'op("search"); collection("notes"); collection("notes");'),
        ("every-and-more", "every collection, and one", 'op("search"); collection("*"); collection("notes");'),
        ("label-no-group", "a label without a group", USUAL + 'label("work");'),
        ("label-gap", "groups that are not counted from 0", USUAL + 'label(1, "work");'),
        ("label-groups", "groups in another order", USUAL + 'label(0, "work"); label(1, "tax");'),
        ("label-group-twice", "a group twice", USUAL + 'label(0, "work"); label(1, "work");'),
        ("since-date", "a date where microseconds belong", USUAL + "since(2026-01-01T00:00:00Z);"),
        ("since-far", "a time that no calendar has", USUAL + "since(9000000000000000000);"),
        ("last-zero", "a window of no days", USUAL + "last(0);"),
        ("last-true", "a window of true days", USUAL + "last(true);"),
        ("ceiling-secret", "a ceiling that narrows nothing", USUAL + "ceiling(3);"),
        ("ceiling-word", "a level in words", USUAL + 'ceiling("personal");'),
        ("owner-false", "a condition that narrows nothing", USUAL + "owner_written(false);"),
        ("detail-twice", "two details", USUAL + "detail(1);"),
    ):
        yield words(f"{name}", comment, facts)
    for name, comment, facts in (
        ("no-detail", "no detail", ""),
        ("detail-4", "a detail that does not exist", "detail(4);"),
        ("detail-word", "a detail in words", 'detail("full");'),
        ("results-zero", "no records in an answer", "detail(3); results(0);"),
        ("results-below", "fewer than none", "detail(3); results(-1);"),
        ("holder-empty", "a holder without a key", 'detail(3); holder("");'),
        ("holder-twice", "two holders", 'detail(3); holder("a"); holder("b");'),
    ):
        yield words(f"{name}", comment, after=facts + after)


def bad_trust() -> Iterator[Vector]:
    blocks = compiled(
        FIRST + USUAL + REST, SOURCES["collections"], SOURCES["actions"].replace("{v}", '{"read"}'), v={"notes"}
    )
    parts = signed(blocks)
    other = hashlib.sha256(b"another root").digest()
    yield bad(
        "other-root",
        Reason.SIGNATURE,
        "signed by another root under our number",
        text(container(signed(blocks, root=other))),
    )
    yield bad("stripped", Reason.SIGNATURE, "the last block taken off", text(container(parts[:2], ending=proof(3))))
    yield bad(
        "stripped-seal",
        Reason.SIGNATURE,
        "the last block of a sealed token taken off",
        text(container(parts[:2], ending=seal(parts))),
    )
    yield bad(
        "reordered",
        Reason.MALFORMED,
        "two blocks exchanged: their strings no longer fit",
        text(container([parts[0], parts[2], parts[1]])),
    )
    same = signed(
        compiled(FIRST + USUAL + REST, *(f'check if request_op("{op}")' for op in ("read", "search", "read")))
    )
    swapped = container([same[0], same[1], same[3], same[2]])
    yield bad("reordered-fitting", Reason.SIGNATURE, "two blocks exchanged whose strings fit", text(swapped))
    looser = signed(compiled(FIRST + USUAL + REST, 'check if request_op("search")'), chain=b"other chain")
    yield bad("transplant", Reason.SIGNATURE, "a block of another token", text(container([parts[0], looser[1]])))
    wide = compiled(FIRST + 'op("read"); op("search"); collection("mail"); collection("photo");' + REST)
    yield bad("edited-first", Reason.SIGNATURE, "the first block says another collection", text(container([
        message((1, wide[0]), (2, message((1, 0), (2, b"k" * 32))), (3, b"s" * 64))])))  # fmt: skip
    flipped = bytearray(container(parts))
    flipped[-1] ^= 1
    yield bad("other-secret", Reason.SIGNATURE, "one bit of the holder's secret", text(bytes(flipped)))
    bit = bytearray(parts[0])
    bit[-1] ^= 1
    yield bad("signature-bit", Reason.SIGNATURE, "one bit of a signature", text(container([bytes(bit), *parts[1:]])))
    yield bad("audience", Reason.AUDIENCE, "another vault's token, same key", make(audience=AUDIENCE[:-1] + "0"))
    yield bad("expired", Reason.EXPIRED, "expired this second", make(expires=NOW))
    yield bad(
        "expired-caveat", Reason.EXPIRED, "expired by its holder's own caveat", make(USUAL, SOURCES["expires"], v=NOW)
    )


# ---------------------------------------------------------------- scope


def scopes() -> Iterator[Vector]:
    notes = replace(EVERYTHING, collections=Names.of("notes"), ceiling=Sensitivity.PERSONAL)
    full = replace(
        notes, sources=Names.of("vault", "mail:home"), kinds=Names(), labels=(frozenset({"a", "b"}), frozenset({"c"})),
        without_labels=frozenset({"private", "日記"}), people=(frozenset({"Doe, Jane"}),), since=NOW - 90 * DAY,
        until=NOW, last=30, owner_written=True,
    )  # fmt: skip
    good = scope.to_json(full)
    for name, where in {"everything": EVERYTHING, "notes": notes, "full": full}.items():
        yield f"ok-{name}", {"expect": "ok"}, scope.to_json(where)

    def refused(name: str, comment: str, old: str, new: str) -> Vector:
        assert old in good, old
        return f"refused-{name}", {"expect": "refused", "comment": comment}, good.replace(old, new, 1)

    yield refused("version", "another version", '"v":1', '"v":2')
    yield refused("version-float", "a version that only equals 1", '"v":1', '"v":1.0')
    yield refused("unknown-key", "a condition we do not know", '"v":1', '"v":1,"place":"Rome"')
    yield refused("missing-key", "a condition left out", '"owner_written":true,', "")
    yield refused("twice", "a key twice", '"v":1', '"v":1,"v":1')
    yield refused("order", "names in another order", '["mail:home","vault"]', '["vault","mail:home"]')
    yield refused("duplicate", "a name twice", '["notes"]', '["notes","notes"]')
    yield refused("space", "a space after a colon", '"v":1', '"v": 1')
    yield refused("star-in-list", "every, hidden in a list of words", '"collections":["notes"]', '"collections":"all"')
    yield refused("null-names", "null is not every", '"collections":["notes"]', '"collections":null')
    yield refused("number-name", "a name that is a number", '["notes"]', "[1]")
    yield refused("ceiling", "a level that does not exist", '"personal"', '"top"')
    yield refused("ceiling-case", "a level in capitals", '"personal"', '"PERSONAL"')
    yield refused("last-zero", "a window of no days", '"last":30', '"last":0')
    yield refused("last-bool", "a window of true days", '"last":30', '"last":true')
    yield refused("last-text", "a window in words", '"last":30', '"last":"30"')
    yield refused("owner-number", "a truth value of 1", '"owner_written":true', '"owner_written":1')
    yield refused("time-zone", "a time with another zone", '.000000Z"', '.000000+00:00"')
    yield refused("time-short", "a time without its fraction", '.000000Z"', 'Z"')
    yield refused("escape", "a letter spelt as an escape", '"notes"', '"\\u006eotes"')
    yield "refused-empty", {"expect": "refused"}, ""
    yield "refused-list", {"expect": "refused"}, "[]"
    yield "refused-deep", {"expect": "refused"}, "[" * 2000


# ---------------------------------------------------------------- audit


def salt(i: int) -> bytes:
    return hashlib.sha256(b"salt %d" % i).digest()


def some_entries() -> list[Entry]:
    usual = Entry(NOW, "claude", "g-1", "search", "mcp", "allow", "ok", "dentist", ("r1", "r2"), {"hits": 2})
    return [
        usual,
        replace(usual, decision="deny", reason="token_expired", records=(), detail={}),
        replace(usual, client="日記 é", query='quote " and \\ and \n and \u2028', time=NOW + timedelta(microseconds=1)),
        replace(
            usual,
            action="grant",
            grant="owner",
            client="owner",
            via="cli",
            query="",
            records=(),
            detail={"b": [1, None], "a": {"z": True}},
        ),
        replace(usual, query="half a pair: \ud83d", detail={"n": -(2**53) + 1}),
    ]


def audits() -> Iterator[Vector]:
    stored: dict[tuple[int, int], bytes] = {}
    for i, entry in enumerate(some_entries()):
        body = entries.body(entry)
        stored[0, i] = entries.leaf(body, salt(i))
        for level, at, value in tree.complete(i, stored[0, i], lambda level, at: stored[level, at]):
            stored[level, at] = value
        root = tree.root(i + 1, lambda level, at: stored[level, at])
        header = {
            "expect": "ok",
            "number": str(i),
            "salt": salt(i).hex(),
            "leaf": stored[0, i].hex(),
            "root": root.hex(),
        }
        yield f"ok-{i}", header, body
    good = entries.body(some_entries()[0])
    for name, old, new in (
        ("version", '"v":1', '"v":2'),
        ("unknown-key", '"v":1', '"v":1,"w":1'),
        ("missing-key", '"grant":"g-1",', ""),
        ("time", "T12", " 12"),
        ("spaced", '"v":1', '"v": 1'),
        ("cut", '"}', ""),
        ("records", '["r1","r2"]', "1"),
        ("client-number", '"claude"', "7"),
    ):
        assert old in good
        yield f"refused-{name}", {"expect": "refused"}, good.replace(old, new, 1)


# ---------------------------------------------------------------- checkpoints and proofs


def checkpoints() -> Iterator[Vector]:
    name = origin("0123456789abcdef0123456789abcdef")
    signer, stranger = Signer.from_seed(SEED, name), Signer.from_seed(hashlib.sha256(b"x").digest(), name)
    leaves = [tree.hash_leaf(bytes([i])) for i in range(5)]
    stored = {(0, i): leaf for i, leaf in enumerate(leaves)}

    def node(level: int, i: int) -> bytes:
        return stored[level, i]

    for i, leaf in enumerate(leaves):
        stored |= {(level, at): value for level, at, value in tree.complete(i, leaf, node)}
    head = Checkpoint(name, 5, tree.root(5, node))
    note, key = signer.sign(str(head)), str(signer.verifier)
    path = tree.inclusion(2, 5, node)
    good = tlog_proof(2, path, note)

    def proof_vector(name: str, comment: str, body: str, expect: str = "refused", key: str = key) -> Vector:
        return (
            f"{expect}-proof-{name}",
            {"expect": expect, "comment": comment, "key": key, "leaf": leaves[2].hex()},
            body[:-1],
        )

    def note_vector(name: str, comment: str, body: str, expect: str = "refused", key: str = key) -> Vector:
        return f"{expect}-note-{name}", {"expect": expect, "comment": comment, "key": key}, body[:-1]

    witness = Signer.from_seed(hashlib.sha256(b"w").digest(), "witness.example/1").sign(str(head)).rpartition("\n\n")[2]
    mine = note.rpartition("\n\n")[2]
    text = str(head)
    yield note_vector("plain", "as we write it", note, "ok")
    yield note_vector("witness", "a witness signed too", note + witness, "ok")
    yield note_vector("extension", "an extension line", signer.sign(text + "more\n"), "ok")
    yield note_vector("other-key", "signed by somebody else", stranger.sign(text))
    yield note_vector("witness-only", "our own signature is missing", f"{text}\n{witness}")
    yield note_vector("edited", "another size", note.replace("\n5\n", "\n6\n"))
    yield note_vector(
        "bad-and-good", "one bad signature beside the good one", note + mine.replace(mine[-9:-2], "AAAAA==")
    )
    yield note_vector("unsigned", "no signature", text)
    yield note_vector("no-gap", "no empty line", text + mine)
    yield note_vector("dash", "a hyphen for the dash", note.replace("\u2014", "-"))
    yield note_vector("control", "a control character", signer.sign(text).replace("\n5\n", "\n5\t\n"))
    yield note_vector("zero", "a leading zero", signer.sign(text.replace("\n5\n", "\n05\n")))
    yield note_vector("negative", "a size below zero", signer.sign(text.replace("\n5\n", "\n-5\n")))
    yield note_vector("short-root", "a root of 31 bytes", signer.sign(str(replace(head, root=head.root[:31]))))
    yield note_vector(
        "base64", "a root with stray bits", signer.sign(text.replace(text[-3:], "B=\n") if text[-3] != "B" else text)
    )
    yield note_vector("two-lines", "no root at all", signer.sign(f"{name}\n5\n"))
    yield note_vector("empty-line", "an empty extension line", signer.sign(text + "\nmore\n"))
    yield note_vector(
        "origin", "another log's text under our key", signer.sign(text.replace("ownvault/0", "ownvault/1"))
    )
    yield note_vector(
        "key-hash", "a verifier key whose id does not fit", note, key=key.replace("+", "+0", 1)[: len(key)]
    )
    yield proof_vector("plain", "as we write it", good, "ok")
    yield proof_vector("extra", "extra data, which proves nothing", good.replace("index", "extra aGk=\nindex"), "ok")
    yield proof_vector("index", "the neighbour's index", good.replace("index 2", "index 3"))
    yield proof_vector("beyond", "an index beyond the log", good.replace("index 2", "index 5"))
    yield proof_vector("index-zero", "an index with a leading zero", good.replace("index 2", "index 02"))
    lines = good.split("\n")
    yield proof_vector("short", "a hash left out", "\n".join([*lines[:2], *lines[3:]]))
    yield proof_vector("long", "a hash too many", "\n".join([*lines[:2], lines[2], *lines[2:]]))
    yield proof_vector("exchanged", "two hashes exchanged", "\n".join([*lines[:2], lines[3], lines[2], *lines[4:]]))
    yield proof_vector("header", "another version", good.replace("@v1", "@v2"))
    yield proof_vector("no-index", "no index", good.replace("index 2\n", ""))
    yield proof_vector("other-key", "a checkpoint of somebody else", tlog_proof(2, path, stranger.sign(text)))
    yield proof_vector(
        "old", "a checkpoint from before", tlog_proof(2, path, signer.sign(f"{name}\n2\n{text.splitlines()[2]}\n"))
    )
    yield proof_vector("no-checkpoint", "no checkpoint", good.partition("\n\n")[0] + "\n")


if __name__ == "__main__":
    assert tokens.EVERY_COLLECTION == "*" and ROOT.kid == KID and EXPIRES > NOW
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
