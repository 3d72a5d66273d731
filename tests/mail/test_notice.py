"""Notices as other software reads them: whatever stands in the values, the header is ours and the text arrives."""

import email
import email.message
import email.policy
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.address import serialise
from dlp_gateway.mail.automatic import is_automatic
from dlp_gateway.mail.notice import Notice, compose, is_inside_only
from dlp_gateway.mail.parse import parse
from tests import strategies

NOTICE = Notice(
    sender="postmaster@gateway.corp.example",
    sender_name="Mail-Schutz für alle",
    recipient="ann@corp.example",
    subject="Ihre E-Mail wartet auf eine Prüfung",
    text="Guten Tag,\n\ndies ist ein Absatz, der so lang ist, dass er in mehreren Zeilen überall hin passen muss, ja.\n"
    "    dlp-gateway quarantine show 0000000000000000a1 --config /etc/dlp-gateway/gateway.yaml --json --verbose\n"
    "> kein Zitat\nFrom hier\n.\n",
    language="de",
    moment=datetime(2026, 11, 21, 22, 8, 57, tzinfo=UTC),
    message_id="0000000000000000a2@gateway.corp.example",
    in_reply_to="<m1@corp.example>",
)
FIELDS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Content-Language",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]


def read(notice: Notice) -> email.message.EmailMessage:
    """Return it as Python's own library reads it."""
    return email.message_from_bytes(compose(notice), policy=email.policy.default)  # type: ignore[return-value]


def unflowed(text: str) -> str:
    """Return a text as a reader of format=flowed shows it."""
    shown = ""
    for line in text.splitlines():
        bare = line.removeprefix(" ")
        shown += bare if bare.endswith(" ") else f"{bare}\n"
    return shown


def test_another_reader_sees_the_same() -> None:
    """Names, subject, text, and the mail that it answers; ASCII on the wire, lines of a usual length."""
    octets, seen = compose(NOTICE), read(NOTICE)
    assert octets.isascii()
    assert max(map(len, octets.split(b"\r\n"))) <= 200
    assert octets.count(b"\n") == octets.count(b"\r\n")
    assert list(seen.keys()) == FIELDS
    assert str(seen["From"]) == "Mail-Schutz für alle <postmaster@gateway.corp.example>"
    assert (seen["To"], seen["Subject"]) == ("ann@corp.example", "Ihre E-Mail wartet auf eine Prüfung")
    assert (seen["In-Reply-To"], seen["References"]) == ("<m1@corp.example>", "<m1@corp.example>")
    assert seen["Date"].datetime == NOTICE.moment
    assert unflowed(seen.get_content()) == NOTICE.text


def test_plain_english_is_not_encoded() -> None:
    """Who reads the source of a mail reads the letter."""
    octets = compose(replace(NOTICE, sender_name="Mail protection", subject="It waits", text="Hello,\nit waits.\n"))
    assert octets.endswith(b"Content-Transfer-Encoding: 7bit\r\n\r\nHello,\r\nit waits.\r\n")


def test_it_is_automatic() -> None:
    """No vacation message answers it, and the gateway that sees it again tells nobody of it."""
    assert is_automatic(parse(compose(NOTICE)))


@pytest.mark.parametrize("message_id", ["", "m1@corp.example", "<a b@c>", "<a@b>\r\nBcc: x@y.example", "<\ufffd@c>"])
def test_an_id_that_is_none_makes_no_thread(message_id: str) -> None:
    """What an author's client wrote as Message-ID cannot write a field of ours."""
    assert list(read(replace(NOTICE, in_reply_to=message_id)).keys()) == [
        name for name in FIELDS if name not in {"In-Reply-To", "References"}
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": "ann"},
        {"recipient": "ann@corp.example\r\nBcc: x@y.example"},
        {"sender": ""},
        {"language": "de\r\nX: y"},
        {"message_id": "a b"},
    ],
)
def test_what_no_field_can_hold_is_refused(change: dict[str, str]) -> None:
    """It is an error here, so that the caller says that nobody could be told."""
    with pytest.raises(ValueError, match=r"^notice: "):
        compose(replace(NOTICE, **change))  # type: ignore[arg-type]


@given(
    recipient=strategies.addresses | strategies.odd_addresses | st.text(max_size=40),
    name=st.text(max_size=80),
    subject=st.text(max_size=300),
    text=st.text(max_size=2000),
    message_id=st.text(max_size=100) | st.from_regex(r"<[^<>\s]{1,300}>", fullmatch=True),
)
def test_no_value_breaks_a_field(recipient: str, name: str, subject: str, text: str, message_id: str) -> None:
    """Line ends, control characters and encoded words in any value change neither the fields nor where the body is."""
    notice = replace(
        NOTICE, recipient=recipient, sender_name=name or "x", subject=subject, text=text, in_reply_to=message_id
    )
    if serialise(recipient) is None:
        with pytest.raises(ValueError, match=r"^notice: "):
            compose(notice)
        return
    octets = compose(notice)
    seen = parse(octets)
    names = [field.name for field in seen.fields]
    assert names in (FIELDS, [name for name in FIELDS if name not in {"In-Reply-To", "References"}])
    assert "bad-field" not in seen.defects
    assert [one.address for one in seen.visible] == [serialise(recipient).decode()]  # type: ignore[union-attr]
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    body = octets[seen.body_start :]
    assert body.isascii()
    assert max(map(len, body.split(b"\r\n")), default=0) <= 998


def test_a_notice_may_say_that_it_stays_inside() -> None:
    """It is known by its own field, whatever list software writes beside it."""
    assert not is_inside_only(parse(compose(NOTICE)))
    confined = compose(replace(NOTICE, inside_only=True))
    assert is_inside_only(parse(b"List-Id: <customers.corp.example>\r\nSender: x@corp.example\r\n" + confined))
