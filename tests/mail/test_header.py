"""Reading header sections."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail import header
from dlp_gateway.mail.message import Defect
from tests import strategies
from tests.work import LINEAR, growth


@pytest.mark.parametrize(
    ("raw", "start"),
    [
        (b"A: b\r\n\r\nbody", 8),
        (b"A: b\n\nbody", 6),
        (b"A: b\r\n\nbody", 7),
        (b"A: b\n\r\nbody", 7),
        (b"\r\nbody", 2),
        (b"\nbody", 1),
        (b"A: b\r\n", 6),
        (b"A: b", 4),
        (b"", 0),
        (b"A: b\r\n \r\n\r\nbody", 11),
        (b"A: b\r\n\r\nC: d\n\nbody", 8),
    ],
)
def test_body_start(raw: bytes, start: int) -> None:
    """The body begins behind the first empty line, whichever line ends there are."""
    assert start == header.body_start(raw)
    assert start == header.read(raw).body_start


def test_unfolds() -> None:
    """Folded lines are joined, the blank at the fold stays, and offsets tell where the field stands."""
    raw = b"A: b\r\n\tc\r\n  d \r\nE:f\r\n\r\n"
    first, second = header.read(raw).fields
    assert (first.name, first.body, first.start, first.end) == ("A", b"b\tc  d", 0, 16)
    assert (second.name, second.body, second.start, second.end) == ("E", b"f", 16, 21)


def test_steps_over_what_is_no_field() -> None:
    """Lines that are no fields end nothing; they are told as strays, and text from there on may be body."""
    raw = b"A: b\r\nno field\r\n: none\r\nC: d\r\n\r\nbody"
    head = header.read(raw)
    assert [field.name for field in head.fields] == ["A", "C"]
    assert b"".join(raw[start:end] for start, end in head.strays) == b"no field\r\n: none\r\n"
    assert head.remainder == raw.index(b"no field")
    assert head.defects == {Defect.BAD_FIELD}


@pytest.mark.parametrize("raw", [b"", b"\r\nbody", b"no field\r\nA: b\r\n\r\n", b" A: b\r\n\r\n"])
def test_no_header(raw: bytes) -> None:
    """A message that does not begin with a field is one without header."""
    assert Defect.NO_HEADER in header.read(raw).defects


def test_reads_a_slice() -> None:
    """A MIME part is read in place."""
    raw = b"--x\nA: b\r\n\r\nbody\n--x--"
    head = header.read(raw, 4, 16)
    assert (head.fields[0].start, head.body_start) == (4, 12)


@pytest.mark.parametrize(
    "unit", [b"a", b":", b"a:", b"\n ", b"\r\n \r\n", b" ", b"a b\n", b"\r", b"A: b\r\n", b"\n\t", b"A:\n"]
)
def test_takes_linear_time(unit: bytes) -> None:
    """300 kB of any unit cost no more than their length."""
    assert growth(header.read_all, unit.__mul__, 300_000 // len(unit)) < LINEAR


@given(strategies.messages | st.binary(max_size=200))
@settings(max_examples=300)
def test_accounts_for_every_octet(raw: bytes) -> None:
    """Fields, strays and the final blank line are the header section, without gap or overlap."""
    head = header.read_all(raw[: header.body_start(raw)])
    spans = sorted([(field.start, field.end) for field in head.fields] + list(head.strays))
    position = 0
    for start, end in spans:
        assert position == start
        position = end
    assert raw[position : head.body_start] in {b"", b"\r\n", b"\n"}


@given(strategies.messages | st.text("aAbB:\r\n\t \xff-", max_size=60).map(lambda text: text.encode("latin-1")))
@settings(max_examples=300)
def test_selects_what_reading_finds(raw: bytes) -> None:
    """Fields found by name are those that reading the whole section finds."""
    section = raw[: header.body_start(raw)]
    names = frozenset({"to", "cc", "received", "a", "a-b", "b"})
    expected = [field for field in header.read_all(section).fields if field.name.lower() in names]
    assert expected == header.select(section, names)


@given(strategies.messages | st.text("aAbBcC:\r\n\t \x00\xff-", max_size=60).map(lambda text: text.encode("latin-1")))
@settings(max_examples=300)
def test_the_quick_look_overlooks_no_field(raw: bytes) -> None:
    """Where it says that a section has no field of a name, no client finds one."""
    section = raw[: header.body_start(raw)]
    for name in ("to", "bcc", "a", "a-b", "cc"):
        names = frozenset({name})
        found = [*header.select(section, names), *header.disguised(section, header.read_all(section), names)]
        assert not found or header.may_name(section, names)


def test_the_quick_look_spares_mail_without_the_field() -> None:
    """A name in a body, or in a longer word before no colon, is no field."""
    section = b"To: bcc@a.example\r\nSubject: Bcc\r\n of x-bccs:\r\n\r\n"
    assert not header.may_name(section, frozenset({"bcc"}))
    assert header.may_name(b"To: a@a.example\r\nB\x00c c : b@b.example\r\n\r\n", frozenset({"bcc"}))


@pytest.mark.parametrize("shift", range(4))
def test_a_line_end_across_the_bound_is_whole(shift: int) -> None:
    """Where reading stops between CR and LF, the CR is no lone one; one that stands before is."""
    raw = b"To: " + b"x" * shift + b",\r\n " * (header.HEADER_OCTETS // 4 + 100) + b"\r\n\r\ntext"
    assert not header.has_lone_return(raw, 0, header.read(raw))
    broken = raw[:1_000] + b"\r" + raw[1_000:]
    assert header.has_lone_return(broken, 0, header.read(broken))
