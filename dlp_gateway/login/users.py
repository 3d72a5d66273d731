"""The file of users, pure: one a line (name, hash of the password, addresses), read strictly and written back whole.

    # comments and empty lines stay where they are
    ann@corp.example $argon2id$v=19$m=65536,t=3,p=4$…$… ann@corp.example sales.example

No message quotes a name or a hash: messages reach the log.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.login.passwords import is_hash, is_name, prepared_name
from dlp_gateway.mail.address import valid_reverse_path

LARGEST: Final = 16_000_000  # octets of the file
_MOST_ADDRESSES: Final = 100  # of one user
_WORD: Final = re.compile(r"[^ \t]+")
_DOMAIN: Final = re.compile(r"(?:\*\.)?(?:[\w-]{1,63}\.)*[\w-]{1,63}")
_ODD: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """One user; without `addresses` he may write as anybody. `password` is a hash in PHC's notation."""

    name: str
    password: str = field(repr=False)
    addresses: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the line of the file."""
        return " ".join((self.name, self.password, *self.addresses))


def is_pattern(text: str) -> bool:
    """Whether a login can be bound to `text`: an address, a domain, or "*." and a domain for all below it."""
    if "@" in text:
        return not text.startswith("<") and valid_reverse_path(text, smtputf8=True)
    return text.isprintable() and len(text) <= 254 and bool(_DOMAIN.fullmatch(text))


def read(text: str, source: str) -> dict[str, User]:
    """Return the users by their prepared names, in order; raise `ConfigurationError` with every problem."""
    users: dict[str, User] = {}
    problems: list[Problem] = []
    places: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        words = [(match.start() + 1, match[0]) for match in _WORD.finditer(line.removesuffix("\r"))]
        if not words or words[0][1].startswith("#"):
            continue
        faults = list(_faults(words, line.removesuffix("\r")))
        name = prepared_name(words[0][1])
        if not faults and name in users:
            faults = [(words[0][0], f"This user stands twice, first in line {places[name]}; keep one.")]
        problems += (Problem(source=source, line=number, column=column, message=told) for column, told in faults)
        if not faults:
            users[name] = User(name=words[0][1], password=words[1][1], addresses=tuple(word for _, word in words[2:]))
            places[name] = number
    if problems:
        raise ConfigurationError(problems[:1000])
    return users


def _faults(words: list[tuple[int, str]], line: str) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with a line, as column and sentence."""
    if odd := _ODD.search(line):
        yield odd.start() + 1, "A control character stands here; take it out."
        return
    if not is_name(words[0][1]):
        yield words[0][0], "This is no name of a user: 255 octets at the most, without blanks."
    if len(words) < 2:
        yield words[0][0], "The hash of the password is missing; `dlp-gateway users add` writes such a line."
    elif not is_hash(words[1][1]):
        yield (
            words[1][0],
            "This is no Argon2id hash, or a far too dear one; `dlp-gateway users passwd` makes a new one.",
        )
    if len(words) > 2 + _MOST_ADDRESSES:
        yield words[2 + _MOST_ADDRESSES][0], f"A user may have {_MOST_ADDRESSES} addresses; a domain may serve better."
    for column, word in words[2:]:
        if not is_pattern(word):
            yield column, "This is no address and no domain, such as ann@corp.example, corp.example or *.corp.example."


def changed(text: str, changes: Mapping[str, User | None]) -> str:
    """Return the file with the lines of some users (by prepared names) replaced, added or, for None, taken out."""
    left = dict(changes)
    kept = []
    for line in text.split("\n") if text else []:
        word = _WORD.match(line.lstrip(" \t"))
        name = prepared_name(word[0]) if word and not word[0].startswith("#") else None
        if name is None or name not in changes:
            kept.append(line)
        elif (user := left.pop(name, None)) is not None:
            kept.append(user.line())
    if kept and not kept[-1]:
        kept.pop()
    return "".join(f"{line}\n" for line in (*kept, *(user.line() for user in left.values() if user is not None)))
