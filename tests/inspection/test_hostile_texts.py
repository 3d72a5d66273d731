"""What our languages are made of, again and again, wherever it stands in a mail: measuring ends.

Each of these mails is of a size that is measured in the receiver's own loop, where whoever takes long stops everybody.
A product of its size with itself takes minutes, so that no clock is needed to see one.
"""

from base64 import encodebytes
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.detect.base import NO_FACTS
from dlp_gateway.detect.registry import Recipe, build
from dlp_gateway.inspection.measuring import measure
from dlp_gateway.mail.parse import parse
from tests.mail.test_blind import ENVELOPE

_OCTETS: Final = 30_000
_DETECTORS: Final = build(Recipe(inside=("corp.example", "*.corp.example"), free_mail=("home.example",)))
_ENVELOPE: Final = replace(ENVELOPE, recipients=("one@shop.example", "eve@home.example", "kim@far.example"))
_HEAD: Final = b"From: Ann <ann@corp.example>\r\nTo: one@shop.example, kim@far.example\r\n"

_SIGNS: Final = (
    *"aA1 \t:;,.<>@()[]{}\"'\\/=?&#%|_*~+-!",
    "\r\n",
    "\r\n ",
    "> ",
    ">> ",
    "--",
    "..",
    "  ",
    "é",
    "漢",
    "א",
    "\u200b",
)
_ADDRESSES: Final = ("a@b.example", '"a, b" <a@b.example>, ', "a <", "@a,", "g: a@b;", "=?utf-8?q?a=40b?= ", "a@xn--a.")
_FIELDS: Final = (
    *(
        "To:/a@b\r\n",
        "An: ",
        "From: a@b\r\n",
        "Subject: x\r\n",
        "X:y\r\n",
        "; name=a",
        "; name*0*=utf-8''%41",
        "boundary=",
    ),
    *("Content-Type: text/plain\r\n", "content-transfer-encoding: base64\r\n", "--B\r\n", "--Bx\r\n", "\r\n\r\n"),
    *("Content-Type: multipart/mixed; boundary=B\r\n\r\n", "Content-Type: message/rfc822\r\n\r\n"),
)
_CALENDARS: Final = (
    *("BEGIN:VCALENDAR\r\n", "BEGIN:VEVENT\r\n", 'ATTENDEE;CN="', "ATTENDEE:mailto:a@b\r\n", ";X=Y", "\\n", "=\r\n"),
    *("ENCODING=QUOTED-PRINTABLE:", ";ENCODING=B:", "BEGIN:VCARD\r\n", "N:Doe;John;;\r\n"),
)
_PAGES: Final = (
    *("<p>", "<b>", "</b>", "<table><tr><td>", "<td>", "<!--", "-->", "<!--[if", "<![endif]-->", "<style>", "</style>"),
    *(
        '<p style="',
        "<p style='float:left'>",
        "display:none;",
        "left:calc(",
        "content:attr(a)",
        "a{",
        "}",
        "@media max-",
        "q~p ~ p,",
        ":has(> b)",
        ":nth-child(2n)",
        "/*",
    ),
    *(
        "<script>",
        "x+='a';",
        "[x,",
        ".join('')",
        ".split('')",
        "<a href='data:text/html,",
        "&amp;",
        "&#x41;",
        "<p dir=rtl>",
    ),
)
_FILES: Final = (
    *(
        "-----BEGIN PGP MESSAGE-----\r\n",
        "-----END PGP MESSAGE-----\r\n",
        "begin 644 x\r\n",
        "=ybegin name=",
        "\r\n=yend",
    ),
    *(
        "(This file must be converted with BinHex\r\n:",
        "QUJDREVGR0hJSktM",
        "4a4b4c",
        "4a ",
        "\\u0041",
        "%41",
        "=41",
        "0x41,",
    ),
)
_TABLES: Final = (
    "a,b\r\n",
    "1\t",
    "A\r\n",
    '"a",',
    "a|b|\r\n",
    '{"a":',
    "[1,",
    '"a": 1,',
    "VALUES ('a'),",
    "- a: b\r\n",
)
_WORDS: Final = (
    *(
        "passport number: ",
        "driving licence ",
        "DL# ",
        "SSN 078-05-1120 ",
        "4111 1111 1111 1111",
        "AB123456C",
        "1980-01-01",
    ),
    *(
        "P<GBRDOE<<JOHN<",
        "8001014M3001012",
        "please send your ",
        "On Monday, Ann wrote:\r\n",
        "[12:30] Ann: ",
        "1) ",
        "http://a.b/?c=",
    ),
)
_TOKENS: Final = (*_SIGNS, *_ADDRESSES, *_FIELDS, *_CALENDARS, *_PAGES, *_FILES, *_TABLES, *_WORDS)


def _body(media_type: str) -> Callable[[bytes], bytes]:
    head = _HEAD + f"Content-Type: {media_type}; charset=utf-8\r\n".encode()
    return lambda text: head + b"\r\n" + text


def _encoded(media_type: str) -> Callable[[bytes], bytes]:
    head = _HEAD + f"Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
    return lambda text: head + encodebytes(text)


def _field(beginning: bytes) -> Callable[[bytes], bytes]:
    return lambda text: _HEAD + beginning + text.replace(b"\r\n", b" ") + b"\r\n\r\nbody\r\n"


_PLACES: Final = (
    *map(_body, ("text/plain", "text/html", "text/calendar", "text/csv", "application/json", "text/xml", "text/vcard")),
    *map(_body, ("text/enriched", "text/plain; format=flowed; delsp=yes", "multipart/mixed; boundary=B")),
    *map(_body, ("message/rfc822", "message/delivery-status", "application/mbox", "application/ms-tnef")),
    *map(_encoded, ("text/plain", "text/html", "text/calendar", "application/octet-stream; name=a.eml")),
    *map(_field, (b"To: ", b"Cc: g: a@b;, ", b"Subject: ", b"From: ", b"Content-Type: text/plain", b"X-Note: ")),
    *map(_field, (b"Content-Disposition: attachment; filename=", b"Reply-To: ", b"Received: ", b"List-Id: ")),
    lambda text: _HEAD + text,
)
_UNITS: Final = st.lists(st.sampled_from(_TOKENS), min_size=1, max_size=3).map("".join)
_ASIDES: Final = st.one_of(st.just(""), st.sampled_from(_TOKENS))


@settings(max_examples=25)
@given(place=st.sampled_from(_PLACES), before=_ASIDES, unit=_UNITS, behind=_ASIDES)
def test_tokens_again_and_again_are_measured(
    place: Callable[[bytes], bytes], before: str, unit: str, behind: str
) -> None:
    """One token to three, thirty thousand octets of them, between two others: no detector fails, and each ends."""
    text = f"{before}{unit * (_OCTETS // len(unit.encode()))}{behind}\r\n".encode()
    inspection = measure(_DETECTORS, _ENVELOPE, parse(place(text)), NO_FACTS)
    assert not inspection.failures


@pytest.mark.parametrize(
    ("place", "text"),
    [
        pytest.param(_field(b"To: a:,"), " " * _OCTETS, id="blanks before a group"),
        pytest.param(_body("text/plain"), "Content-Transfer-Encoding: base64\r\n" * 800, id="sources of parts"),
        pytest.param(_body("text/plain"), "to:/a@b.example\r\n" * 1_700, id="labels of lists"),
        pytest.param(_body("text/html"), f"<p style='left:calc(a{' ' * _OCTETS}b)'>x", id="blanks in styles"),
        pytest.param(_body("text/html"), f"<table dir=rtl><tr><td>{'a' * _OCTETS}\u05d0", id="cells from the right"),
        pytest.param(_body("text/html"), "<style>q~p~p~p{display:none}</style>" + "<p>x" * 7_000, id="siblings"),
        pytest.param(
            _body("text/html"),
            "<p>" + "".join(map("<b a={}>".format, range(500))) + "<p>x" * 5_000,
            id="elements that are repeated",
        ),
        pytest.param(_body("text/html"), "x<!--[if" + " x" * (_OCTETS // 2), id="a condition without an end"),
        pytest.param(_body("text/html"), f"<script>x='{'a b' * 5_000}';[{'x,' * 7_500}].join('')", id="joined lists"),
        pytest.param(_body("application/json"), f'{{"{"aB" * 7_500}":[{"1," * 7_500}1]}}', id="a long name"),
    ],
)
def test_what_once_took_long(place: Callable[[bytes], bytes], text: str) -> None:
    """Mails that stopped a receiver for seconds, or for ever."""
    assert not measure(_DETECTORS, _ENVELOPE, parse(place(text.encode())), NO_FACTS).failures
