"""What parsing costs at worst: time grows no faster than the message, and no octet is dear."""

import time
import timeit
import tracemalloc
from encodings.aliases import aliases

import pytest

from dlp_gateway.mail.message import Defect
from dlp_gateway.mail.parse import parse
from tests import work
from tests.work import LINEAR, growth

_OCTETS = 800_000
_MULTIPART = b"Content-Type: multipart/mixed; boundary=Y\r\n\r\n"
_ADDRESSES = (
    *(b"(", b")", b"()", b"((()))", b"<", b">", b"<>", b",", b";", b":", b"@", b"\\", b'"', b"[", b"a@b", b"a@b,"),
    *(b"a@b(", b"<a@b>", b"@a:", b"@a,", b"'a'@", b"(a@b,", b"(a)<a@b>", b"a@[1]", b'"x"<a@b>', b"g:a@b;", b";a=b"),
    *(b"a.", b"a ", b"a@xn--a.", b"=?utf-8?q?a?=", b"=?x?q?a@b?=,", b"=?utf-8?b?QA==?= ", b"\xff", b"\r\n "),
)
_FIELDS = (
    b"A:\r\n",
    b"x\r\n",
    b"To: a@b\r\n",
    b"\0To: a@b\r\n",
    b"Received: x\r\n",
    b"A: b\r\n \r\n",
    b"A: b\r\nx\r\n",
)
_TYPES = (b"(", b";", b";a=b", b";a*0*=b", b'"', b"; boundary=a", b"=?utf-8?q?a?=")
_LINES = (
    *(b"--Y\r\n", b"--Y\n", b"--Y\n\n", b"--Y--\n", b"--YZ\n", b"--Y x\n", b"\n--Y ", b"--Y ", b"--", b"\n", b" --Y\n"),
    *(b"--Y\nA:\n\n", b"--Y\nx\nA:\n\n", b"--Y\nContent-Type: message/rfc822\n\n", b"--Y\n" + b"A:\n" * 1000),
    b"--Y\nContent-Type: multipart/mixed; boundary=Y\n\n",
)

_CONTENTS = (b"=", b"=\n", b"=4", b"A=", b" \n", b"\t", b"!", b"\n", b"begin 644 x\n", b"a=b ")


def _ladder(level: bytes, content: bytes = b"x\n") -> list[tuple[bytes, bytes]]:
    return [(b"".join(level.replace(b"%d", b"%d" % step) for step in range(49)), content)]


#: What stands once, and what is repeated behind it.
SHAPES = [
    *((b"To: ", unit) for unit in _ADDRESSES),
    *((b"To: (" + b"a" * 50_000 + b")", unit) for unit in (b"<a@b>", b"(a)<a@b>")),
    *((b"A: b\r\n", unit) for unit in _FIELDS),
    *((b"Content-Type: text/plain", unit) for unit in _TYPES),
    *((b"Content-Disposition: attachment; filename=", unit) for unit in _TYPES),
    *((_MULTIPART, unit) for unit in _LINES),
    (
        _MULTIPART + b"--Y\nContent-Type: multipart/mixed; boundary=Z\n\n--Z\nx\n",
        b"--Y\n",
    ),
    *(
        (b"Content-Type: multipart/mixed\r\n\r\n", unit)
        for unit in (b"\n--" + b"x " * 99, b"--x", b"\n--x" + b" " * 198)
    ),
    *((_MULTIPART + sentence, b" ") for sentence in (b"--Y", b"This is a MIME message", b"--Y\n\nThis is a MIME")),
    *((b"Content-Transfer-Encoding: base64\n\n", unit) for unit in _CONTENTS),
    *((b"Content-Transfer-Encoding: quoted-printable\n\n", unit) for unit in _CONTENTS),
    *((b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n", unit) for unit in _CONTENTS),
    *_ladder(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"),
    *_ladder(b"Content-Type: multipart/mixed; boundary=b%d; boundary=c%d\n\n--b%d\n--c%d\n"),
    *_ladder(b"Content-Type: multipart/mixed; boundary=b\n\n--b\n", b"--bb\n"),
    *_ladder(b"Content-Type: message/rfc822\n\n", b"A:\n"),
    *_ladder(b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n", b"=4"),
    *_ladder(b"Content-Type: message/rfc822\nContent-Type: message/global\n\n", b"A:\n"),
    *_ladder(
        b"Content-Type: multipart/mixed; boundary=b%d\nContent-Transfer-Encoding: quoted-printable\n\n--b%d\n", b"=20\n"
    ),
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: repr((shape[0][-24:], shape[1][:24])))
def test_takes_linear_time(shape: tuple[bytes, bytes]) -> None:
    """800 kB of any unit, whatever stands before them, cost no more than their length."""
    once, unit = shape
    assert growth(parse, lambda count: once + unit * count + b"\r\n\r\n", _OCTETS // len(unit)) < LINEAR


def test_what_begins_alike_is_looked_for_where_it_may_be_declared() -> None:
    """Multiparts by the hundred, each with a line that only begins with its boundary, and a long text behind them."""
    parts = (b"--Y\nContent-Type: multipart/mixed; boundary=z%d\n\n--z%dx\n" % (one, one) for one in range(300))
    message = parse(_MULTIPART + b"".join(parts) + b"--Y\n\n" + b"x boundary= \n" * 200_000 + b"--Y--\n")
    assert len(message.parts) > 300


@pytest.mark.parametrize(
    ("raw", "defect"),
    [
        (b"To: " + b"a@b.example (x), " * 20_000, Defect.TOO_MANY_RECIPIENTS),
        (b"To: " + b"<a" * 50_000, Defect.TOO_MANY_RECIPIENTS),
        (b"To: " + b"(a" * 50_000, Defect.TOO_MANY_RECIPIENTS),
        (b"A: " + b"x" * 300_000, Defect.TOO_MANY_FIELDS),
        (b"A: b\r\n" + b"\0To: a@b.example\r\n" * 2_000, Defect.TOO_MANY_FIELDS),
        (_MULTIPART + b"--Y\r\n" + b"A: b\r\n" * 1_001 + b"Content-Type: text/html\r\n\r\nx", Defect.TOO_MANY_FIELDS),
        (_MULTIPART + (b"--Y\r\n" + b"A: b\r\n" * 900 + b"\r\nx\r\n") * 20, Defect.TOO_MANY_FIELDS),
        (_MULTIPART + b"--YZ\r\n" * 20_000, Defect.TOO_MANY_PARTS),
        (b"".join(b"Content-Type: text/t%d\r\n" % kind for kind in range(5)) + b"\r\nx", Defect.TOO_MANY_PARTS),
        (b"Content-Type: multipart/mixed; " + b"; ".join(b"boundary=%d" % n for n in range(5)), Defect.TOO_MANY_PARTS),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else value,
)
def test_says_where_reading_stopped(raw: bytes, defect: Defect) -> None:
    """What lies beyond a bound is held by the policy, since a defect says that nobody read it."""
    assert defect in parse(raw + b"\r\n\r\n").defects


def test_orderly_mass_mails_are_read_whole() -> None:
    """Thousands of recipients in the forms that composers write stay within every bound."""
    for form in (b"User %d <u%d@a.example>", b'"User, %d" <u%d@a.example>', b"User, %d <u%d@a.example>"):
        recipients = b",\r\n ".join(form % (number, number) for number in range(3_000))
        message = parse(b"To: " + recipients + b"\r\n\r\n")
        assert len(message.visible) == 3_000
        assert not {Defect.TOO_MANY_FIELDS, Defect.TOO_MANY_RECIPIENTS} & set(message.defects)


@pytest.mark.parametrize(
    "level",
    [
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: x-none\r\n\r\n",
        b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n",
        b"Content-Type: multipart/mixed; boundary=none\r\n\r\n--g%d\r\n",
        b"Content-Type: multipart/mixed; boundary=b%d; boundary=c%d\r\n\r\n--b%d\r\n--c%d\r\n",
        b"Content-Type: text/x-%d\r\nContent-Type: message/rfc822\r\n\r\n",
    ],
    ids=repr,
)
def test_takes_memory_for_few_copies(level: bytes) -> None:
    """Two megabytes of text within twenty messages or multiparts are kept four times at the most, and not at each."""
    raw = (
        b"".join(level.replace(b"%d", b"%d" % step) for step in range(20))
        + b"\r\n"
        + b"words and 1234567\r\n" * 100_000
    )
    tracemalloc.start()
    try:
        parse(raw)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 7 * len(raw)


def test_declarations_of_boundaries_are_not_looked_through_without_end() -> None:
    """Twenty multiparts, each with a line that only begins with its boundary, around text that declares thousands."""

    def cost(declarations: int) -> int:
        levels = (
            b"Content-Type: multipart/mixed; boundary=z%d\n\n--z%dx\n\n--z%d\n" % (one, one, one) for one in range(20)
        )
        ends = (b"--z%d--\n" % one for one in reversed(range(20)))
        raw = b"".join((*levels, b"\n", b"boundary=" * declarations, b"\n", *ends))
        return work.lines(lambda: parse(raw))

    assert cost(20_000) < 1.5 * cost(4_000)


def test_a_field_is_read_once_in_all_readings() -> None:
    """Four types and three encodings of one entity, whose header ends in two places: not each reading reads anew."""

    def cost(comments: int) -> int:
        types = b"".join(b"Content-Type: text/t%d %s\r\n" % (one, b"()" * comments) for one in range(4))
        raw = types + b"Content-Transfer-Encoding: base64 quoted-printable uuencode\r\n \r\n\rX\r\n\r\n=\n"
        return work.lines(lambda: parse(raw))

    assert cost(4_000) - cost(1_000) < 10 * 4 * 2 * 3_000


def test_no_more_charsets_are_tried_than_are_followed() -> None:
    """A hundred and ninety labels of one text cost what five do, which is too many as well."""

    def labelled(count: int) -> bytes:
        labels = b"; ".join(b"charset=%s" % one.encode() for one in sorted(set(aliases))[:count])
        return b"Content-Type: text/plain; " + labels + b"\r\n\r\n" + b"\x81\x8d+=~{" * 50_000

    few, many = (min(_seconds(labelled(count)) for _ in range(3)) for count in (5, 190))
    assert many < 3 * few
    assert {Defect.TOO_MANY_PARTS, Defect.AMBIGUOUS} <= set(parse(labelled(190)).defects)


def _seconds(raw: bytes) -> float:
    return timeit.timeit(lambda: parse(raw), timer=time.process_time, number=1)
