"""Which mail nobody reads answers to."""

import pytest

from dlp_gateway.mail.automatic import is_automatic
from dlp_gateway.mail.parse import parse


def mail(field: str) -> bytes:
    """Return a mail with one more field."""
    return f"From: ann@corp.example\r\n{field}\r\nSubject: x\r\n\r\nx\r\n".encode()


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-generated",
        'auto-submitted: auto-replied; owner-email="x"',
        "Auto-Submitted: nope",
        "Auto-Submitted:",
        "Precedence: bulk",
        "Precedence: LIST",
        "Precedence: junk (or so)",
        "List-Id: Friends <friends.corp.example>",
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        "X-Auto-Response-Suppress: All",
    ],
)
def test_programs_say_so(field: str) -> None:
    """RFC 3834 2, the fields of lists, and what Exchange writes."""
    assert is_automatic(parse(mail(field)))


@pytest.mark.parametrize(
    "field",
    [
        "X-Mailer: robot",
        "Auto-Submitted: no",
        "Auto-Submitted: No; comment=x",
        "Auto-Submitted: no (a person)",
        "Precedence: first-class",
        "Precedence: bulky",
        "X-Auto-Response-Suppress: DR, RN",
        "List-Unsubscribe: <mailto:x@corp.example>",
    ],
)
def test_people_do_not(field: str) -> None:
    """A person's mail is told of, also where it can be unsubscribed from."""
    assert not is_automatic(parse(mail(field)))
