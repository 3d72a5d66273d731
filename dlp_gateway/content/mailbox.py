"""Mail that lies in a file → messages: .eml, .mht, mbox (RFC 4155). They go back through the one reader of messages."""

import re
from collections.abc import Iterator
from typing import Final

from dlp_gateway.content.text import FILES, Account, File, Piece

_FROM: Final = re.compile(rb"^From [^\r\n]{1,998}\r?\n(?=[!-9;-~]{1,76}:)", re.MULTILINE)
#: How a message begins in a file: fields, of which one is known.
_FIELD: Final = rb"[!-9;-~]{1,76}[ \t]{0,4}:[^\r\n]{0,4096}\r?\n(?:[ \t][^\r\n]{0,4096}\r?\n){0,200}"
_HEADER: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:>?From [^\r\n]{1,998}\r?\n)?(?:" + _FIELD + rb"){0,60}?"
    rb"(?:received|from|to|date|message-id|return-path|mime-version|subject|x-sender|content-type)[ \t]{0,4}:"
    rb"[^\r\n]{0,4096}\r?\n(?:[ \t][^\r\n]{0,4096}\r?\n){0,200}"
    rb"(?:" + _FIELD + rb"|\r?\n)",
    re.IGNORECASE,
)
_BOX: Final = re.compile(rb"From [^\r\n]{1,998}\r?\n[!-9;-~]{1,76}:")


def is_message(content: bytes) -> bool:
    """Return whether `content` begins like a message."""
    return _HEADER.match(content) is not None


def is_box(content: bytes) -> bool:
    """Return whether `content` begins like a mailbox."""
    return _BOX.match(content) is not None


def messages(content: bytes, account: Account) -> Iterator[Piece]:
    """Yield each message of a mailbox."""
    starts = [match.end() for match in _FROM.finditer(content)][:FILES]
    ends = [match.start() for match in _FROM.finditer(content)][1 : len(starts)]
    for start, end in zip(starts, [*ends, len(content)], strict=False):
        account.count()
        account.spend(end - start)
        yield File(name="", content=content[start:end], type="message/rfc822")
