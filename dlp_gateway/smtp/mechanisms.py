"""The AUTH exchange without I/O (RFC 4954): what the client says becomes a challenge, a refusal, or credentials.

PLAIN (RFC 4616), and LOGIN, which has no RFC and which many clients ask for.
"""

import base64
import binascii
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp import replies
from dlp_gateway.smtp.commands import LONGEST_RESPONSE

MECHANISMS: Final = "PLAIN LOGIN"  # as EHLO offers them

_LONGEST_NAME: Final = 255  # octets; RFC 4616 2
_LONGEST_PASSWORD: Final = 1024  # octets; RFC 4616 2 asks for 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What a client claims to be and to know."""

    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What the client is asked next."""

    reply: Reply


Step: TypeAlias = Challenge | Reply | Credentials
_Dialog: TypeAlias = Generator[str, bytes, Credentials | Reply]


class Exchange:
    """One AUTH from its argument to its end: `begin`, then `answer` for each line of the client's to a `Challenge`."""

    def __init__(self) -> None:
        self._dialog: _Dialog | None = None

    def begin(self, argument: str) -> Step:
        """Read the argument of AUTH: a mechanism, in capitals or not, and perhaps the first response."""
        words = argument.split(" ")
        if not 1 <= len(words) <= 2 or not words[0] or not words[-1]:
            return replies.LOGIN_SYNTAX
        mechanism = _MECHANISMS.get(words[0].upper())
        if mechanism is None:
            return replies.UNKNOWN_MECHANISM
        self._dialog = mechanism()
        question = next(self._dialog)
        if len(words) == 1:
            return _challenge(question)
        # RFC 4954 4: "=" is the empty response, for nothing at all would be no initial response.
        return self._heard(b"" if words[1] == "=" else words[1].encode())

    def answer(self, line: bytes) -> Step:
        """Read a line, its CRLF included."""
        if len(line) > LONGEST_RESPONSE + 2:
            return replies.LOGIN_TOO_LONG
        if not line.endswith(b"\r\n"):
            return replies.LOGIN_GARBLED
        response = line[:-2]
        return replies.LOGIN_CANCELLED if response == b"*" else self._heard(response)

    def _heard(self, encoded: bytes) -> Step:
        if self._dialog is None:
            raise RuntimeError("an exchange begins with `begin`")
        response = _decoded(encoded)
        if response is None:
            return replies.LOGIN_GARBLED
        try:
            return _challenge(self._dialog.send(response))
        except StopIteration as end:
            outcome: Credentials | Reply = end.value
            return outcome


def _plain() -> _Dialog:
    """RFC 4616 2: [authzid] NUL authcid NUL passwd, in UTF-8."""
    pieces = (yield "").split(b"\0")
    if len(pieces) != 3:  # the empty response among them, which is "=": in base64 it is sound (RFC 4954 4)
        return replies.LOGIN_WRONG
    authorisation, name, password = pieces
    # Nobody may act for somebody else here. No password is looked at, so this tells nothing of it.
    return replies.LOGIN_WRONG if authorisation not in {b"", name} else _credentials(name, password)


def _login() -> _Dialog:
    """Two questions, whose words are what clients expect."""
    name = yield "Username:"
    password = yield "Password:"
    return replies.LOGIN_GARBLED if b"\0" in name + password else _credentials(name, password)


def _credentials(name: bytes, password: bytes) -> Credentials | Reply:
    if not name or not password:
        return replies.LOGIN_WRONG  # nobody has none; and some directories let anybody in without
    if len(name) > _LONGEST_NAME or len(password) > _LONGEST_PASSWORD:
        return replies.LOGIN_WRONG
    try:
        return Credentials(name=name.decode("utf-8"), password=password.decode("utf-8"))
    except UnicodeDecodeError:
        return replies.LOGIN_GARBLED


_MECHANISMS: Final = MappingProxyType[str, Callable[[], _Dialog]]({"PLAIN": _plain, "LOGIN": _login})


def _challenge(question: str) -> Challenge:
    """Return a question in base64; an empty one is 334 and a blank (RFC 4954 4)."""
    return Challenge(reply=Reply(code=334, enhanced="", text=base64.b64encode(question.encode()).decode("ascii")))


def _decoded(encoded: bytes) -> bytes | None:
    """Return what strict base64 says (RFC 4648 4), None for anything else."""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
