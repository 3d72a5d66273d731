"""Where hidden addresses still stand in a header section, however they are written there."""

import html
import re
from collections.abc import Iterable, Iterator
from copy import copy
from itertools import chain, pairwise
from typing import Final
from urllib.parse import unquote

from dlp_gateway.mail import header, parameters
from dlp_gateway.mail.address import canonical, canonical_domain, domain_of
from dlp_gateway.mail.address_list import scan
from dlp_gateway.mail.encoded_word import decode, text_of
from dlp_gateway.mail.message import Defect
from dlp_gateway.mail.normalization import nfkc

#: How `exposed` calls a line that is no field, or a field whose name may itself be text of the message.
OTHER: Final = "other"

_UNSEEN: Final = object()
_PARAMETERISED: Final = frozenset({"content-type", "content-disposition"})
_MARKS: Final = frozenset("@%=&")  # without one of them a name of a field names nobody
_SHOWN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_CHUNK: Final = re.compile(r"[\s<>()\[\],;:\"\\]++")
_DOMAIN: Final = re.compile(r"[\w.。-]{1,260}")
_COMMENT: Final = re.compile(r"\([^()]*+\)")
# Where a name glued to something else may end or begin: at a sign, or where ASCII meets other letters, as in languages
# that put no spaces between words; a dot joins labels, so it ends no domain.
_DOMAIN_END: Final = re.compile(r"(?=[_-])|(?<=[!-~])(?=[^ -~])|\Z")
_LOCAL_START: Final = re.compile(r"(?<![^\W_])|(?<=[^ -~])(?=[!-~])")
# SRS0=hash=time=domain=local@forwarder, as forwarders write reverse-paths
_REWRITTEN_SENDER: Final = re.compile(r"=([\w.-]++)=([^\s=@<>\"]{1,64}+)@")
_SPACED_AT: Final = re.compile(r"(?<!\s)\s*+@\s*+")
_NUMBER: Final = re.compile(r"&#([0-9]{8,})")
_DIGITS: Final = 8  # of a character reference in decimal that is not nought; Unicode ends at 1,114,111
_LOCAL: Final = 128  # characters before an "@" in which a local part (64 octets) and what was glued to it may stand
_ROUNDS: Final = 3  # encodings within encodings that anything undoes


class Hidden:
    """A set of addresses to look for, compared as `mail.address.canonical` does."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._addresses = frozenset(map(canonical, addresses))
        self._domains = frozenset(map(domain_of, self._addresses))
        self._but: frozenset[str] = frozenset()
        self._looked_at: dict[
            int, bool | None
        ] = {}  # bodies, and whether anybody of all stands there, if that is known

    def but(self, *addresses: str) -> "Hidden":
        """Return the same set without some addresses, at no cost: it may be large, and wanted without each in turn."""
        fewer = copy(self)
        fewer._but = frozenset(map(canonical, addresses))  # noqa: SLF001  one of our own kind
        return fewer

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return them, canonical and sorted."""
        return tuple(sorted(self._addresses - self._but))

    def __bool__(self) -> bool:
        return not self._addresses <= self._but

    def __contains__(self, address: str) -> bool:
        """Whether an addr-spec is one of them."""
        return self.has(canonical(address))

    def has(self, address: str) -> bool:
        """Whether a canonical address is one of them."""
        return address in self._addresses and address not in self._but

    def named_in(self, body: bytes) -> bool:
        """Whether an unfolded field body names one of them: as a mailbox, or anywhere in any reading of its text.

        A body that is too odd to be read to its end may name anybody. One in which nobody of the whole set stands is
        remembered: the copies of a mail that is split have nearly all fields in common.
        """
        key = hash(body)
        named = self._looked_at.get(key, _UNSEEN)
        if named is False:
            return False
        found = self._is_named_in(body)
        if not self._but:
            self._looked_at[key] = found
        elif named is _UNSEEN:
            self._looked_at[key] = True if found else None  # looked at for all of the set when it comes again
        elif named is None:
            self._looked_at[key] = found or self.but()._is_named_in(body)  # noqa: SLF001  one of our own kind
        return found

    def _is_named_in(self, body: bytes) -> bool:
        listed = scan(body, len(body))
        return (
            not listed.whole
            or any(mailbox.address in self for mailbox in listed.mailboxes)
            or any(self.stands_in(view) for view in _views(text_of(body)))
        )

    def named_in_parameters(self, body: bytes) -> bool:
        """Whether a parameter of an unfolded MIME field names one of them, as a file name perhaps with its endings."""
        for value in chain.from_iterable(parameters.read(body).parameters.values()):
            stem, _, _ = value.rpartition(".")
            if any(map(self.stands_in, (value, stem, stem.rpartition(".")[0]))):
                return True
        return False

    def stands_in(self, text: str) -> bool:
        """Whether one of them stands in plain text, whatever is glued to it."""
        for chunk in _CHUNK.split(nfkc(text)):
            if "@" in chunk:
                for before, behind in pairwise(chunk.split("@")):
                    if any(self._ends_with_local_part(before, domain) for domain in self._domains_of(behind)):
                        return True
        return False

    def _domains_of(self, text: str) -> Iterator[str]:
        run = _DOMAIN.match(text)
        if run:
            domains = (canonical_domain(run[0][: place.start()]) for place in _DOMAIN_END.finditer(run[0]))
            yield from self._domains.intersection(domains)

    def _ends_with_local_part(self, text: str, domain: str) -> bool:
        local = text[-_LOCAL:]
        return f"{local}@{domain}" in self or any(
            f"{local[place.start() :]}@{domain}" in self for place in _LOCAL_START.finditer(local)
        )


def _views(text: str) -> Iterator[str]:
    """Yield the text as it stands, and as it reads once each encoding that mail software knows is undone."""
    for reading in _decoded(text):
        variants = {reading}
        if "=" in reading:  # quoted-printable in DKIM's z= (RFC 6376 2.11), user=domain as in variable reverse-paths
            variants |= {unquote(reading.replace("=", "%")), reading.replace("=", "@")}
            variants.add(_REWRITTEN_SENDER.sub(r" \2@\1 ", reading))
        if "%" in reading:  # user%domain@relay
            variants.add(reading.replace("%", "@"))
        if "+40" in reading:  # Exchange's IMCEASMTP-user+40domain+2Eexample@relay
            variants.add(unquote(reading.replace("+", "%")))
        if "@" in reading:
            variants |= {_SPACED_AT.sub("@", reading), "".join(reading.split())}
            bare = reading
            for _ in range(_ROUNDS if "(" in reading else 0):
                bare = _COMMENT.sub("", bare)
                variants.add(_SPACED_AT.sub("@", bare))
        yield from variants


def _decoded(text: str) -> Iterator[str]:
    """Yield the text, then what it becomes by undoing encoded words, the web's "%40" and "&#64;", one upon another."""
    for _ in range(_ROUNDS):
        yield text
        words = decode(text)[0]
        unpacked = _unescaped(unquote(words)) if "%" in words or "&" in words else words
        if unpacked == text:
            return
        if words not in {text, unpacked}:
            yield words
        text = unpacked
    yield text


def _unescaped(text: str) -> str:
    """Return text without character references; digits that no character has would be too many for `int`."""
    if "&#" in text:
        text = _NUMBER.sub(lambda number: f"&#{number[1].lstrip('0')[:_DIGITS] or '0'}", text)
    return html.unescape(text)


def exposed(raw: bytes, hidden: Iterable[str] | Hidden) -> tuple[str, ...]:
    """Return the names of the fields, each once and in order, in which a hidden address still stands.

    A name that is no ordinary field name is told as "other": it may be text of the message, which no log may show.
    """
    wanted = hidden if isinstance(hidden, Hidden) else Hidden(hidden)
    if not wanted:
        return ()
    section = raw[: header.body_start(raw)]
    head = header.read(section)
    if Defect.TOO_MANY_FIELDS in head.defects:  # it would take long to search, and waits for a review anyway
        return (OTHER,)
    found = [
        field.name if _SHOWN_NAME.fullmatch(field.name) else OTHER
        for field in head.fields
        if wanted.named_in(field.body)
        or (field.name.lower() in _PARAMETERISED and wanted.named_in_parameters(field.body))
        or (not _MARKS.isdisjoint(field.name) and wanted.named_in(section[field.start : field.end]))
    ]
    found.extend(OTHER for start, end in head.strays if wanted.named_in(section[start:end]))
    return tuple(dict.fromkeys(found))
