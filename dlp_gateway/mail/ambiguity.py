"""Whether what is said twice about a part matters: two clients would show different things.

Duplicates that say the same, or that come to the same for the content at hand, are sloppy and no more; mailers write
such every day. Section 5 of RFC 2045 lets each of these fields stand once.
"""

from collections.abc import Iterable
from typing import Final

from dlp_gateway.mail import transfer
from dlp_gateway.mail.encoded_word import charset_text
from dlp_gateway.mail.parameters import Parameterised

#: Octets that are compared; what differs behind them only is another game, and each reading is read anyway.
_COMPARED: Final = 1_000_000
_MARKUP: Final = (b"<", b"&")
_EMBEDDED: Final = frozenset({"message/rfc822", "message/global", "message/news"})


def types_differ(types: Iterable[tuple[str, Parameterised]], body: bytes) -> bool:
    """Return whether an entity of these types (media type, Content-Type field) is one thing to one client only."""
    return len({_sight(media_type, declared, body) for media_type, declared in types}) > 1


def encodings_differ(encodings: Iterable[str], body: bytes) -> bool:
    """Return whether a body stands for different octets by each of these encodings."""
    names = dict.fromkeys("" if name in transfer.IDENTITY else name for name in encodings)
    return len(names) > 1 and len({transfer.decode(body[:_COMPARED], name)[0] for name in names}) > 1


def charsets_differ(charsets: Iterable[str], content: bytes) -> bool:
    """Return whether a text reads differently in each of these charsets."""
    return len({charset_text(content[:_COMPARED], charset)[0] for charset in charsets}) > 1


def _sight(media_type: str, declared: Parameterised, body: bytes) -> str:
    """What a client makes of an entity, so far as its type decides that."""
    if media_type.startswith("multipart/"):
        kind = media_type if media_type in {"multipart/alternative", "multipart/digest"} else "multipart"
        return f"{kind} {declared.first('boundary')}"
    if media_type in _EMBEDDED:
        return "message"
    if media_type == "text/html" and any(sign in body for sign in _MARKUP):
        return "page"
    return "leaf"
