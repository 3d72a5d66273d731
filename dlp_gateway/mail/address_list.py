"""Address lists of header fields, read by a scanner that no odd element can switch off.

RFC 5322 3.4 and 4.4, RFC 2047, RFC 6532, and what composers write instead. Where an element can be read in more than
one way, each address of each reading counts: a list may look longer than it is, never shorter. Linear in time.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice, pairwise
from typing import Final, NamedTuple

from dlp_gateway.mail.address import canonical
from dlp_gateway.mail.encoded_word import decode, text_of
from dlp_gateway.mail.message import Defect
from dlp_gateway.mail.normalization import nfkc

#: More mailboxes than any honest header names; bounds memory and time for all that is derived from each.
MAILBOXES: Final = 20_000
#: Words, signs and parentheses of comments that are read one by one, in elements that are not of the ordinary forms: a
#: few microseconds each. Enough for thousands of recipients with commas or comments in their names.
TOKENS: Final = 30_000
_REMEMBERED: Final = 200  # octets; bounds what the memory of lists holds
#: RFC 5322 3.2.2 lets comments nest without end; nobody writes more than two, one in another.
_COMMENT_DEPTH: Final = 20

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
_CONTROLS: Final = bytes((*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F))


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address as written (an addr-spec without comments and white space) and its decoded display name or ""."""

    address: str
    name: str


@dataclass(frozen=True, slots=True)
class AddressList:
    """The mailboxes of one field body in order, duplicates kept, what was odd, and how many tokens that cost."""

    mailboxes: tuple[Mailbox, ...]
    defects: frozenset[Defect]
    tokens: int

    @property
    def whole(self) -> bool:
        """Whether the body was read to its end."""
        return Defect.TOO_MANY_RECIPIENTS not in self.defects


def scan(body: bytes, limit: int = MAILBOXES, *, tokens: int = TOKENS) -> AddressList:
    """Read the unfolded body of an address field; never raises.

    What is short is remembered: many who look at a message ask for the same few fields.

    A group's name, a comment or a display name is no recipient, unless it holds several: then they can be read there as
    well as anywhere. After `limit` mailboxes, or `tokens` of what is odd,
    reading stops with `TOO_MANY_RECIPIENTS`; an element that is no mailbox is recorded as `BAD_ADDRESS`.
    """
    return _scan_once(body, limit, tokens) if len(body) < _REMEMBERED else _scan(body, limit, tokens)


def _scan(body: bytes, limit: int, tokens: int) -> AddressList:
    text = text_of(body.translate(None, _CONTROLS))
    reader = _Reader(text, tokens)
    found: list[Mailbox] = []
    position = 0
    while position < len(text):
        if len(found) >= limit or not reader.tokens:
            if _CHUNK.sub("", text[position:]):
                reader.defects.add(Defect.TOO_MANY_RECIPIENTS)
            break
        ordinary = _ORDINARY.match(text, position)
        if ordinary and not (ordinary[0].count("@") > 2 or (ordinary[0].count("=?") and _needs_care(ordinary))):
            bare, quoted, plain, angled = ordinary.groups()
            found.append(Mailbox(bare or angled, reader.name(quoted or plain or "")))
            position = ordinary.end()
        else:
            mailboxes, position = reader.element(position)
            found.extend(mailboxes)
    if len(found) > limit:
        reader.defects.add(Defect.TOO_MANY_RECIPIENTS)
    return AddressList(tuple(found[:limit]), frozenset(reader.defects), tokens - reader.tokens)


_scan_once: Final = lru_cache(maxsize=256)(_scan)


def _needs_care(ordinary: re.Match[str]) -> bool:
    """Whether an encoded word may hide an address: in the address itself, or a list of them in the display name."""
    bare, _, plain, angled = ordinary.groups()
    return "=?" in (bare or angled) or "@" in decode(plain or "")[0]


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    spaced: bool  # white space or a comment stands before it


class _Reader:
    """Reads single elements of one list; remembers what was odd and whether comments can still be trusted."""

    def __init__(self, text: str, tokens: int) -> None:
        self.text = text
        self.tokens = tokens  # that may still be read
        self.defects: set[Defect] = set()
        self._position = 0
        self._comments: list[str] = []  # of the element that is being read
        self._names = 0  # how many of them are behind the last mailbox's name
        self._comments_close = True

    def name(self, written: str) -> str:
        """Return a display name decoded, white space collapsed."""
        shown, sound = decode(written)
        if not sound:
            self.defects.add(Defect.BAD_ENCODED_WORD)
        return " ".join(shown.split())

    def element(self, start: int) -> tuple[list[Mailbox], int]:
        """Read one element, or a group's name, from `start`; return its mailboxes and where the next one begins."""
        self._position = start
        self._comments = []
        self._names = 0
        phrase: list[_Token] = []
        found: list[Mailbox] = []
        angles = False
        while token := self._next():
            if token.text == "<":
                found += self._angle(phrase)
                phrase = []
                angles = True
            elif token.text in {",", ";"} or (token.text == ":" and not angles):
                break
            else:
                phrase.append(token)
        found += self._comment_mailboxes()
        if token and token.text == ":":
            found += self._mailboxes(_addresses(phrase))  # a group's name is none, but some clients may think so
        elif phrase:
            found += self._bare(phrase) if not angles else self._mailboxes(_addresses(phrase), Defect.BAD_ADDRESS)
        if not found and (phrase or self._comments):
            found += self._mailboxes(_addresses_in(nfkc(decode(self.text[start : self._position])[0])))
            if found or not token or token.text != ":":
                self.defects.add(Defect.BAD_ADDRESS)
        return _distinct(found), self._position

    def _next(self) -> _Token | None:
        """Return the next token that is neither white space nor a comment, None at the end or when none may be read."""
        spaced = False
        while self.tokens and (match := _TOKEN.match(self.text, self._position)):
            self.tokens -= 1
            self._position = match.end()
            if match.lastgroup != "space" and not (match[0] == "(" and self._skip_comment(match.start())):
                return _Token(match.lastgroup or "", match[0], match.start(), spaced)
            spaced = True
        return None

    def _skip_comment(self, start: int) -> bool:
        """Step over the comment that opens at `start`; if it does not close, no later one is trusted either."""
        depth = 0
        signs = _PARENTHESIS.finditer(self.text, start) if self._comments_close else iter(())
        for match in islice(signs, self.tokens + 1):
            self.tokens = max(0, self.tokens - 1)
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            if depth > _COMMENT_DEPTH:
                break
            if not depth:
                self._comments.append(self.text[start + 1 : match.start()])
                self._position = match.end()
                return True
        self._comments_close = False
        return False

    def _angle(self, phrase: list[_Token]) -> list[Mailbox]:
        """Read what stands between "<" and ">", or what ends it instead; the phrase before it is the name."""
        start = self._position
        if route := _ROUTE.match(self.text, start):
            self._position = route.end()
        tokens: list[_Token] = []
        while (token := self._next()) and token.text != ">":
            if token.text in {",", ";", "<"}:
                self.defects.add(Defect.BAD_ADDRESS)
                self._position = token.start
                break
            tokens.append(token)
        addresses = _addresses(tokens) or _addresses_in(decode(self.text[start : self._position])[0])
        if len(addresses) != 1 or token is None:
            self.defects.add(Defect.BAD_ADDRESS)
        comments = " ".join(self._comments[self._names :])
        shown = self.name(_written(phrase) or comments)
        self._names = len(self._comments)
        mailboxes = [Mailbox(address, shown) for address in addresses]
        # A name that is one address is only a name. One that holds several is a list, with or without commas, and
        # so is one that becomes a list once it is decoded: some clients decode before they parse. Where the angle
        # brackets hold no address (nothing, Exchange's X.500), what stands before them is all that people see.
        decoded = _holds_list(shown) and any(word.kind == "encoded" for word in phrase)
        for named in (_addresses(phrase), _addresses_in(shown)):
            if len(named) > 1 or decoded or not addresses:
                mailboxes += self._mailboxes(named, Defect.BAD_ADDRESS)
        if not addresses:
            mailboxes += self._mailboxes(_addresses_in(nfkc(f"{shown} {decode(comments)[0]}")))
        return mailboxes

    def _bare(self, phrase: list[_Token]) -> list[Mailbox]:
        """Return the mailboxes of an element without angle brackets."""
        addresses = _addresses(phrase)
        if len(addresses) == 1 and _is_addr_spec(phrase):
            return [Mailbox(addresses[0], self.name(" ".join(self._comments)))]
        words = "".join(f" {word.text}" if word.spaced else word.text for word in phrase).split()
        encoded = (_addresses_in(decode(word)[0]) for word in words if "=?" in word)
        return self._mailboxes([*addresses, *chain.from_iterable(encoded)], Defect.BAD_ADDRESS)

    def _comment_mailboxes(self) -> list[Mailbox]:
        """Return what stands in comments that hold a list: it can be read there, and some clients know no comments."""
        addresses = [address for comment in self._comments for address in _addresses_in(decode(comment)[0])]
        is_list = len(addresses) > 1 or any(map(_holds_list, self._comments))
        return self._mailboxes(addresses if is_list else [])

    def _mailboxes(self, addresses: Iterable[str], *defects: Defect) -> list[Mailbox]:
        self.defects.update(defects)
        return [Mailbox(address, "") for address in addresses]


def _written(tokens: list[_Token]) -> str:
    """Return a phrase as text: quotes taken off, white space where some was."""
    return "".join(
        (" " if token.spaced else "") + (_unquoted(token.text) if token.kind == "quoted" else token.text)
        for token in tokens
    )


def _unquoted(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1], flags=re.DOTALL)


def _addresses(tokens: list[_Token]) -> list[str]:
    """Return an address for each "@" that has words on both sides; words joined by dots belong together."""
    found = []
    for index, token in enumerate(tokens):
        if token.text != "@":
            continue
        first, last = index, index + 1
        while first > 0 and tokens[first - 1].kind != "special":
            first -= 1
            if first and not _joined(tokens[first - 1], tokens[first]):
                break
        while last < len(tokens) and tokens[last].kind != "special":
            last += 1
            if last < len(tokens) and not _joined(tokens[last - 1], tokens[last]):
                break
        local = "".join(word.text for word in tokens[first:index])
        domain = "".join(word.text for word in tokens[index + 1 : last])
        if not local or not domain:
            continue
        if "=?" in local or "=?" in domain:  # encoded words have no place in an addr-spec, but clients decode them
            found += _addresses_in(decode(f"{local}@{domain}")[0])
        else:
            found.append(_address(local, domain))
    return found


def _address(local: str, domain: str) -> str:
    """Return an address without the apostrophes around it, as Outlook writes them: 'a@b.example'."""
    return f"{local[1:]}@{domain[:-1]}" if local[0] == "'" == domain[-1] and len(domain) > 1 else f"{local}@{domain}"


def _joined(left: _Token, right: _Token) -> bool:
    return left.text.endswith(".") or right.text.startswith(".")


def _is_addr_spec(tokens: list[_Token]) -> bool:
    """Whether tokens are one addr-spec and nothing else: no two words side by side without a dot or an "@"."""
    return all("@" in {left.text, right.text} or _joined(left, right) for left, right in pairwise(tokens))


def _addresses_in(text: str) -> list[str]:
    """Return everything in free text that looks like an address."""
    return [
        _address(left, right)
        for chunk in _CHUNK.split(text)
        if "@" in chunk
        for left, right in pairwise(chunk.split("@"))
        if left and right
    ]


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
