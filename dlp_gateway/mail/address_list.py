"""Address lists of header fields, read by a scanner that no odd element can switch off.

RFC 5322 3.4 and 4.4, RFC 2047, RFC 6532, and what composers write instead. Where an element can be read in more than one
way, each address of each reading counts: a list may look longer than it is, never shorter. Linear in time.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.encoded_word import decode, text_of
from dlp_gateway.mail.message import Defect

#: More mailboxes than any honest header names; bounds memory and time for all that is derived from each.
MAILBOXES: Final = 20_000

_ATEXT: Final = r"\w!#$%&'*+/=?^`{|}~\-"
# The forms that make up nearly all lists, at the speed of the regular expression engine; an element that it does not
# match goes to `_Reader`, which knows the rest. Possessive quantifiers keep both linear.
_ORDINARY: Final = re.compile(
    rf"""\s*+
    (?: ([{_ATEXT}.]++@[\w.-]++)
      | (?: "([^"\\]*+)"\s*+ | ([{_ATEXT}.\s]*+) ) < ([{_ATEXT}.]++@[\w.-]++) >
    ) \s*+ (?:[,;]|\Z)""",
    re.VERBOSE,
)
_TOKEN: Final = re.compile(
    r"""(?P<space>\s++)
    | (?P<quoted>"(?:[^"\\]|\\.)*+")
    | (?P<encoded>=\?[^?\s@"\\]{1,75}\?[bBqQ]\?[^?\s@"\\]*+\?=)
    | (?P<literal>\[[^\]\[\\<>,;@"]*+\])
    | (?P<atom>(?:[^\s"(),:;<>@\[\]\\]|\\.)++)
    | (?P<special>.)""",
    re.VERBOSE | re.DOTALL,
)
_ROUTE: Final = re.compile(r"\s*+@[^<>\"(),;:]*+(?:,\s*+@[^<>\"(),;:]*+)*+:")  # RFC 5322 4.4, obs-route
_PARENTHESIS: Final = re.compile(r"[()]|\\.", re.DOTALL)
_CHUNK: Final = re.compile(r"[\s<>()\[\],;:\"\\]++")
# What no client shows (a NUL in the middle of an address cuts nothing off); ends of lines stay white space.
_CONTROLS: Final = {code: None for code in (*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F)}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address as written (an addr-spec without comments and white space) and its decoded display name or ""."""

    address: str
    name: str


@dataclass(frozen=True, slots=True)
class AddressList:
    """The mailboxes of one field body in order, duplicates kept, and what was odd about it."""

    mailboxes: tuple[Mailbox, ...]
    defects: frozenset[Defect]


def scan(body: bytes, limit: int = MAILBOXES) -> AddressList:
    """Read the unfolded body of an address field; never raises.

    Group names, comments and display names are no recipients. After `limit` mailboxes reading stops with
    `TOO_MANY_RECIPIENTS`; an element that is no mailbox is recorded as `BAD_ADDRESS`.
    """
    text = text_of(body).translate(_CONTROLS)
    reader = _Reader(text)
    found: list[Mailbox] = []
    position = 0
    while position < len(text):
        if len(found) >= limit:
            if not _CHUNK.sub("", text[position:]):
                break
            return AddressList(tuple(found[:limit]), frozenset(reader.defects | {Defect.TOO_MANY_RECIPIENTS}))
        ordinary = _ORDINARY.match(text, position)
        if ordinary and (not ordinary[0].count("=?") or not _needs_care(ordinary)):
            bare, quoted, plain, angled = ordinary.groups()
            found.append(Mailbox(bare or angled, reader.name(quoted or plain or "")))
            position = ordinary.end()
        else:
            mailboxes, position = reader.element(position)
            found.extend(mailboxes)
    if len(found) > limit:
        return AddressList(tuple(found[:limit]), frozenset(reader.defects | {Defect.TOO_MANY_RECIPIENTS}))
    return AddressList(tuple(found), frozenset(reader.defects))


def _needs_care(ordinary: re.Match[str]) -> bool:
    """Whether an encoded word may hide an address: in the address itself, or a list of them in the display name."""
    bare, _, plain, angled = ordinary.groups()
    return "=?" in (bare or angled) or "@" in decode(plain or "")[0]


class _Token(NamedTuple):
    kind: str
    text: str
    spaced: bool  # white space or a comment stands before it


class _Reader:
    """Reads single elements of one list; remembers what was odd and whether comments can still be trusted."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.defects: set[Defect] = set()
        self.comments_close = True

    def name(self, written: str) -> str:
        """Return a display name decoded, white space collapsed."""
        shown, sound = decode(written)
        if not sound:
            self.defects.add(Defect.BAD_ENCODED_WORD)
        return " ".join(shown.split())

    def element(self, start: int) -> tuple[list[Mailbox], int]:
        """Read one element, or a group's name, from `start`; return its mailboxes and where the next one begins."""
        phrase: list[_Token] = []
        comments: list[str] = []
        found: list[Mailbox] = []
        position = start
        spaced = False
        angles = 0
        end = len(self.text)
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            assert match is not None  # the last alternative is any character
            kind, token = match.lastgroup or "", match[0]
            after = match.end()
            if kind == "space":
                spaced = True
            elif token == "(" and (closing := self._comment(position)):
                comments.append(self.text[after : closing - 1])
                after, spaced = closing, True
            elif token == "<":
                angles += 1
                mailboxes, after = self._angle(after, phrase, comments)
                found.extend(mailboxes)
                phrase, spaced = [], False
            elif token in {",", ";"} or (token == ":" and not angles):
                end = position
                position = after
                break
            else:
                phrase.append(_Token(kind, token, spaced))
                spaced = False
            position = after
        else:
            position = end
        is_name_of_group = end < len(self.text) and self.text[end] == ":"
        found.extend(self._bare(phrase, comments, start, end, angles, is_name_of_group))
        return _distinct(found), position

    def _comment(self, start: int) -> int:
        """Return the offset behind the comment that opens at `start`, or 0: then no later comment is trusted either."""
        depth = 0
        if self.comments_close:
            for match in _PARENTHESIS.finditer(self.text, start):
                depth += {"(": 1, ")": -1}.get(match[0], 0)
                if not depth:
                    return match.end()
        self.comments_close = False
        return 0

    def _angle(self, start: int, phrase: list[_Token], comments: list[str]) -> tuple[list[Mailbox], int]:
        """Read what stands between "<" and ">" (or what ends it in its place), with the phrase before it as its name."""
        route = _ROUTE.match(self.text, start)
        position = route.end() if route else start
        tokens: list[_Token] = []
        spaced = False
        while position < len(self.text):
            match = _TOKEN.match(self.text, position)
            assert match is not None  # the last alternative is any character
            if match[0] in {",", ";", "<"}:
                self.defects.add(Defect.BAD_ADDRESS)
                break
            if match[0] == "(" and (closing := self._comment(position)):
                position, spaced = closing, True
                continue
            position = match.end()
            if match[0] == ">":
                break
            if match.lastgroup == "space":
                spaced = True
            else:
                tokens.append(_Token(match.lastgroup or "", match[0], spaced))
                spaced = False
        named = list(_addresses(phrase))
        addresses = list(_addresses(tokens)) or list(_addresses_in(decode(self.text[start:position])[0]))
        if len(addresses) != 1:
            self.defects.add(Defect.BAD_ADDRESS)
        shown = self.name(_written(phrase) or " ".join(comments))
        mailboxes = [Mailbox(address, shown) for address in addresses]
        # A name that is itself one address is only a name; one that holds a list is read as the list by clients that
        # decode before they parse, and so is one with a comma missing.
        hidden = list(_addresses_in(shown)) if any(token.kind == "encoded" for token in phrase) else []
        if len(named) > 1 or (hidden and _holds_list(shown)):
            self.defects.add(Defect.BAD_ADDRESS)
            mailboxes.extend(Mailbox(address, "") for address in (*named, *hidden))
        return mailboxes, position

    def _bare(
        self, phrase: list[_Token], comments: list[str], start: int, end: int, angles: int, group: bool
    ) -> Iterator[Mailbox]:
        """Yield the mailboxes of an element, or of the rest of it, that stand in no angle brackets."""
        for comment in comments:
            if _holds_list(comment):  # some clients know no comments
                yield from (Mailbox(address, "") for address in _addresses_in(comment))
        addresses = list(_addresses(phrase))
        if len(addresses) == 1 and not angles and _is_addr_spec(phrase):
            yield Mailbox(addresses[0], self.name(" ".join(comments)))
            return
        for token in phrase:
            if token.kind == "encoded" and not group:
                addresses.extend(_addresses_in(decode(token.text)[0]))
        if not addresses and not angles and not group:
            whole = unicodedata.normalize("NFKC", decode(self.text[start:end])[0])
            addresses.extend(_addresses_in(whole))
        if (phrase or comments) and not group:
            self.defects.add(Defect.BAD_ADDRESS)
        yield from (Mailbox(address, "") for address in addresses)


def _written(tokens: list[_Token]) -> str:
    """Return a phrase as text: quotes taken off, white space where some was."""
    return "".join(
        (" " if token.spaced else "") + (_unquoted(token.text) if token.kind == "quoted" else token.text)
        for token in tokens
    )


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)


def _is_addr_spec(tokens: list[_Token]) -> bool:
    """Whether tokens are one addr-spec and nothing else: no two words side by side without a dot or an "@"."""
    return all(
        left.text == "@" or right.text == "@" or left.text.endswith(".") or right.text.startswith(".")
        for left, right in zip(tokens, tokens[1:], strict=False)
    )


def _addresses(tokens: list[_Token]) -> Iterator[str]:
    """Yield an address for each "@" that has words on both sides; words joined by dots belong together."""
    for index, token in enumerate(tokens):
        if token.text != "@":
            continue
        first = index
        while first > 0 and tokens[first - 1].text != "@" and tokens[first - 1].kind != "special":
            first -= 1
            if not (tokens[first].text.startswith(".") or (first > 0 and tokens[first - 1].text.endswith("."))):
                break
        last = index + 1
        while last < len(tokens) and tokens[last].text != "@" and tokens[last].kind != "special":
            last += 1
            if not (tokens[last - 1].text.endswith(".") or (last < len(tokens) and tokens[last].text.startswith("."))):
                break
        local = "".join(token.text for token in tokens[first:index])
        domain = "".join(token.text for token in tokens[index + 1 : last])
        if not local or not domain:
            continue
        if "=?" in local or "=?" in domain:  # encoded words have no place in an addr-spec, but clients decode them
            yield from _addresses_in(decode(f"{local}@{domain}")[0])
        elif local[0] == "'" == domain[-1] and len(domain) > 1:  # 'a@b.example', as Outlook writes it
            yield f"{local[1:]}@{domain[:-1]}"
        else:
            yield f"{local}@{domain}"


def _addresses_in(text: str) -> Iterator[str]:
    """Yield everything in free text that looks like an address."""
    for chunk in _CHUNK.split(text):
        pieces = chunk.split("@")
        yield from (f"{left}@{right}" for left, right in zip(pieces, pieces[1:], strict=False) if left and right)


def _holds_list(text: str) -> bool:
    return "@" in text and any(separator in text for separator in ",;<")


def _distinct(mailboxes: list[Mailbox]) -> list[Mailbox]:
    """Drop what one element says twice, such as `u@d <u@d>`."""
    if len(mailboxes) < 2:
        return mailboxes
    kept: dict[str, Mailbox] = {}
    for mailbox in mailboxes:
        kept.setdefault(canonical(mailbox.address), mailbox)
    return list(kept.values())
