"""Which message a mail is and which it answers, in whatever form programs write ids."""

import time

import pytest

from dlp_gateway.mail.message import Message
from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.reference import answered_ids, thread_id


def message(*fields: str) -> Message:
    """Return a message with these fields."""
    return parse("".join(f"{field}\r\n" for field in fields).encode() + b"\r\nHello\r\n")


@pytest.mark.parametrize(
    "written",
    [
        "<a.b@example.com>",
        "a.b@example.com",
        '<"a.b"@example.com>',
        "\r\n <a.b@example.com>",
        "(your mail) <a.b@example.com> (of Monday)",
        "Your message of Monday <a.b@example.com>",
        "(your mail) a.b@example.com",
    ],
)
def test_an_id_has_one_form(written: str) -> None:
    """Brackets that are missing and quotes that nobody needs make no other id of it (RFC 5322 4.5.4)."""
    assert answered_ids(message(f"In-Reply-To: {written}")) == ("<a.b@example.com>",)
    assert thread_id(message(f"Message-ID: {written}")) == "<a.b@example.com>"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Ann Weir's message of Monday", ()),
        ('<"a b"@example.com>', ()),
        ('<"a@b"@example.com>', ('<"a@b"@example.com>',)),
        ("Message from ann@corp.example of Monday <1@example.com>", ("<1@example.com>",)),
        ("<1@example.com> <2@example.com>", ("<2@example.com>", "<1@example.com>")),
        ("1@example.com 2@example.com", ("<2@example.com>", "<1@example.com>")),
        ("", ()),
    ],
)
def test_what_is_no_id(written: str, expected: tuple[str, ...]) -> None:
    """Words are none, and where one has brackets, addresses beside it are none."""
    assert answered_ids(message(f"In-Reply-To: {written}")) == expected


def test_long_fields_take_linear_time() -> None:
    """Nothing is searched again and again."""
    begun = time.process_time()
    for junk in ("a" * 60_000, "a@" * 30_000, "<" * 60_000, "a.b " * 15_000):
        answered_ids(message(f"In-Reply-To: {junk}", f"Message-ID: {junk}"))
    assert time.process_time() - begun < 2
