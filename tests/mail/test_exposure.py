"""Finding hidden addresses in a header section, however they are written there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail.exposure import exposed
from tests import strategies
from tests.work import LINEAR, growth

HIDDEN = ("bob@out.example", "o.k@bücher.example", "john smith@out.example")


@pytest.mark.parametrize(
    "body",
    [
        "bob@out.example",
        "BOB@Out.Example.",
        "bob+news@out.example",
        "<mailto:bob@out.example?subject=x>",
        "mailto:bob%40out.example",
        "https://example.com/?to=bob%2540out.example",
        "=?utf-8?q?see_bob=40out.example?=",
        "=?utf-8?b?c2VlIGJvYkBvdXQuZXhhbXBsZQ==?=",
        "=?utf-8?q?bob=40?= =?utf-8?q?out.example?=",
        '"quoted bob@out.example" <i@corp.example>',
        "i@corp.example (cc bob@out.example)",
        "i@corp.example (((bob@out.example)))",
        "i@corp.example (x, bob (at) @ (y (z)) out.example)",
        "bob (x) @ (y) out . example",
        "bob @ out.example",
        "'bob@out.example'",
        "xbob=bob@out.example",
        "bounce-1-bob=out.example@lists.example",
        "bounce+bob=out.example@lists.example",
        "prefix/bob@out.example/suffix",
        "bob@out.example-1234",
        "bob@out\r\n .example",
        "v=1; z=To:bob=40out.example|Cc:x; b=x",
        "bob&#64;out.example",
        "bob\N{FULLWIDTH COMMERCIAL AT}out.example",
        "ｂｏｂ@out.example",
        "bo\u200bb@out.example",
        "o.k@xn--bcher-kva.example",
        "O.K@BÜCHER.example",
        "o.k@bücher。example",
        '"john smith"@out.example',
        '"john\\ smith"@out.example',
        "from a by b for <bob@out.example>; date",
        "from a by b (envelope-from <bob@out.example>); date",
        "rfc822;bob@out.example",
        "a@b@bob@out.example",
        "連絡先bob@out.exampleです",
        "はbob@out.example。",
        "=?utf-8?b?44Gvam9iLmJvYkBvdXQuZXhhbXBsZeOBp+OBmQ==?= bob@out.exampleで",
        "ist„bob@out.example“",
        "連絡先o.k@bücher.exampleです",
        "SRS0=ab=cd=out.example=bob@corp.example",
        "SRS1=ef=corp.example==ab=cd=out.example=bob@corp.example",
        "bob=out.example@corp.example",
        "bob%out.example@corp.example",
        "IMCEASMTP-bob+40out+2Eexample@corp.example",
    ],
)
@pytest.mark.parametrize("name", ["To", "X-Any", "Received"])
def test_finds(name: str, body: str) -> None:
    """Quoted, commented, encoded, glued or disguised, the address is found and the field named."""
    assert (name,) == exposed(f"From: a@corp.example\r\n{name}: {body}\r\n\r\nbob@out.example".encode(), HIDDEN)


@pytest.mark.parametrize(
    "body",
    ["jimbob@out.example", "bob@out.example.org", "bob@in.out.example", "bob at out.example", "bob@sout.example", ""],
)
def test_does_not_mistake(body: str) -> None:
    """Another person's address is not taken for a hidden one."""
    assert exposed(f"To: {body}\r\n\r\n".encode(), HIDDEN) == ()


@pytest.mark.parametrize(
    "body",
    [
        'text/plain; name="bob@out.example.txt"',
        'attachment; filename="mail_bob@out.example.tar.gz"',
        'attachment; filename="bob@out.example (1).pdf"',
        'attachment; filename*0="bob@ou"; filename*1="t.example"',
        "attachment; filename*0*=utf-8''bob%40ou; filename*1*=t.example.pdf",
        "attachment; filename==?utf-8?q?bob=40out=2Eexample=2Epdf?=",
        "attachment; filename=x; filename*=utf-8''bob%40out.example.pdf",
    ],
)
@pytest.mark.parametrize("name", ["Content-Type", "content-disposition"])
def test_finds_in_parameters(name: str, body: str) -> None:
    """The name of a file is read as clients read it, and it ends in what is no part of a domain."""
    assert (name,) == exposed(f"{name}: {body}\r\n\r\n".encode(), HIDDEN)


def test_looks_at_every_line() -> None:
    """Lines that are no fields and names of fields are searched too, and told as "other"."""
    raw = b"X: y\r\nno field but bob@out.example\r\nbob@out.example: z\r\nTo: bob@out.example\r\n\r\n"
    assert exposed(raw, HIDDEN) == ("other", "To")
    assert exposed(b"X-bob%40out.example: z\r\n\r\n", HIDDEN) == ("other",)


def test_looks_at_the_header_only() -> None:
    """The body is the author's."""
    assert exposed(b"To: a@corp.example\r\n\r\nCc: bob@out.example\r\n\r\n", HIDDEN) == ()


@pytest.mark.parametrize(
    "unit",
    [
        b"a@out.example-",
        b"a@" + b"-" * 260,
        b"a@" + "éa".encode() * 90,
        "aé".encode() * 60 + b"@out.example ",
        b"=a",
        b"=a=b@",
        b"%+40",
        b"=?utf-8?q?=3D=40?= ",
        b"%2525",
        b"&amp;",
        b"=@ (",
        b"(a@b)",
        b" @",
        b"=40%40&#64;@ (",
    ],
)
def test_takes_linear_time(unit: bytes) -> None:
    """A field of 100 kB of any unit is searched in all its readings in time that grows as it does."""

    def field(count: int) -> bytes:
        return b"X: " + unit * count + b"\r\n\r\n"

    assert growth(lambda raw: exposed(raw, HIDDEN), field, 100_000 // len(unit)) < LINEAR


def test_nothing_hidden_nothing_exposed() -> None:
    """Without hidden addresses there is nothing to find."""
    assert exposed(b"To: a@corp.example\r\n\r\n", ()) == ()


@given(strategies.odd_addresses, st.sampled_from(strategies.WAYS), strategies.plain_names, st.text("bx.@ ", max_size=8))
@settings(max_examples=300)
def test_finds_every_way_of_writing(address: str, way: object, name: str, junk: str) -> None:
    """Whatever way of writing, in whatever field, with other words around."""
    text = f"{junk} {way(name, address)} {junk}"  # type: ignore[operator]
    for field in ("To", "X-Any"):
        assert (field,) == exposed(f"{field}: {text}\r\n\r\n".encode(), (address,))


@given(st.binary(max_size=300), strategies.addresses)
@settings(max_examples=200)
def test_never_raises(raw: bytes, address: str) -> None:
    """Arbitrary octets are searched, never an error."""
    assert isinstance(exposed(raw, (address,)), tuple)


@pytest.mark.parametrize(
    ("reference", "names"),
    [("0" * 5_000 + "64", ("X",)), ("64", ("X",)), ("9" * 5_000, ()), ("0" * 5_000, ())],
    ids=["at", "short", "none", "nought"],
)
def test_reads_character_references_of_any_length(reference: str, names: tuple[str, ...]) -> None:
    """Python turns no more than 4,300 digits into a number; a browser reads as many noughts as there are."""
    assert exposed(f"X: o&amp;bob&#{reference};out.example\r\n\r\n".encode(), HIDDEN) == names
