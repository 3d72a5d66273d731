"""Hypothesis strategies for mail: addresses and the ways of writing them, header sections, messages."""

import base64
from functools import partial

from hypothesis import strategies as st

_ATEXT = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_OUTSIDE = (
    "example.org",
    "example.net",
    "kunde.example",
    "sub.client.example",
    "bücher.example",
    "xn--bcher-kva.example",
)
_INSIDE = ("corp.example", "mail.corp.example")

domains = st.sampled_from(_OUTSIDE + _INSIDE)
local_parts = st.lists(st.text(_LETTERS + "0123456789", min_size=1, max_size=6), min_size=1, max_size=3).map(".".join)
odd_local_parts = st.text(_ATEXT, min_size=1, max_size=8)
addresses = st.builds("{}@{}".format, local_parts, domains)
odd_addresses = st.builds("{}@{}".format, odd_local_parts, domains)
names = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
plain_names = st.text(_LETTERS.upper() + _LETTERS, min_size=1, max_size=8)


def quoted(name: str, address: str) -> str:
    """`"Name, with comma" <address>`."""
    return f'"{name}, of {name}" <{address}>'


def encoded(name: str, address: str) -> str:
    """An encoded word as display name, in base64."""
    return f"=?utf-8?B?{base64.b64encode(name.encode()).decode()}?= <{address}>"


def escaped(name: str, address: str) -> str:
    """An encoded word as display name, in Q with a raw comma, as some composers write it."""
    octets = "".join(f"={octet:02X}" for octet in name.encode())
    return f"=?UTF-8?q?{octets},_{octets}?= <{address}>"


def commented(name: str, address: str) -> str:
    """Comments, nested and with a comma, around a spaced address."""
    local, _, domain = address.rpartition("@")
    return f"(to (the) {name}, please) {local} (at) @ (home) {domain} ({name})"


def angled(name: str, address: str) -> str:
    """Name and address without quotes."""
    return f"{name} <{address}>"


def bare(name: str, address: str) -> str:
    """Nothing but the address."""
    del name
    return address


def twice(name: str, address: str) -> str:
    """The address as its own display name, which switches strict parsers off."""
    del name
    return f"{address} <{address}>"


def routed(name: str, address: str) -> str:
    """A source route before the address."""
    return f"{name} <@one.example,@two.example:{address}>"


def hidden_in_word(name: str, address: str) -> str:
    """The whole address inside an encoded word."""
    del name
    return f"=?us-ascii?q?{address.encode('idna' if address.isascii() else 'utf-8').decode().replace('@', '=40')}?="


def literal_quotes(name: str, address: str) -> str:
    """The address in apostrophes, as some versions of Outlook write it."""
    del name
    return f"'{address}'"


#: Ways of writing one mailbox; each stands for exactly one recipient.
WAYS = (bare, angled, quoted, encoded, escaped, commented, twice, routed, literal_quotes)

mailboxes = st.builds(lambda way, name, address: way(name, address), st.sampled_from(WAYS), plain_names, addresses)


def _list(separator: str, elements: list[str]) -> str:
    return separator.join(elements)


address_lists = st.builds(
    _list, st.sampled_from((", ", ",", ";", ",\r\n ", ", ,", ",\r\n\t")), st.lists(mailboxes, max_size=6)
)

_RECIPIENT_NAMES = ("To", "Cc", "TO", "cc ", "Resent-To", "Resent-Cc", "Apparently-To", "Mail-Followup-To")
_TRACE_NAMES = ("X-Original-To", "Delivered-To", "X-Envelope-To", "Envelope-To")
_FREE_NAMES = ("Subject", "Reply-To", "From", "References", "X-Anything", "Comments", "Thread-Topic")

_free_text = st.one_of(
    st.text(st.characters(exclude_characters="\r\n\x00", exclude_categories=("Cs",)), max_size=60), mailboxes, addresses
)


def _field(name: str, body: str) -> bytes:
    return f"{name}: {body}\r\n".encode()


def _received(address: str) -> bytes:
    trace = "Received: from a.example by b.example with ESMTP id 1"
    return f"{trace}\r\n\tfor <{address}>; Sat, 21 Nov 2026 22:00:00 +0000\r\n".encode()


fields = st.one_of(
    st.builds(_field, st.sampled_from(_RECIPIENT_NAMES), address_lists),
    st.builds(_field, st.sampled_from(_TRACE_NAMES), mailboxes),
    st.builds(_field, st.sampled_from(_FREE_NAMES), _free_text),
    st.builds(_field, st.sampled_from(("Bcc", "Resent-Bcc")), address_lists),
    st.builds(_received, addresses),
    st.binary(max_size=20).map(lambda octets: octets.replace(b"\n", b"").replace(b"\r", b"") + b"\r\n"),
)

header_sections = st.lists(fields, max_size=8).map(b"".join)
bodies = st.binary(max_size=200)
messages = st.builds(lambda section, body: section + b"\r\n" + body, header_sections, bodies)

_MIME_TOKENS = (
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b'Content-Type: multipart/alternative; boundary="b"; boundary=c\r\n',
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/html; charset*=utf-8''utf-8\r\n",
    b"Content-Transfer-Encoding: base64 \r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: attachment; filename*0=a; filename*1*=%C3%BC\r\n",
    b"To: a@example.org, <b@example.net\r\n",
    b"\r\n",
    b"\r\n--b\r\n",
    b"\r\n--b--\r\n",
    b"\r\n--c\r\n",
    b"QUJD=QUJD\r\n",
    b"=?utf-8?q?=C3?=",
    b"begin 644 x\r\n#0V%T\r\nend\r\n",
    b"text =3D =\r\n",
    b" \r\n",
    b"(((",
    b'"',
)
#: Octets that look like MIME, put together at random.
mime_soup = st.lists(st.one_of(st.sampled_from(_MIME_TOKENS), st.binary(max_size=8)), max_size=30).map(b"".join)


def mutated(raw: bytes, cuts: list[tuple[int, bytes]]) -> bytes:
    """Return `raw` with each of `cuts` written over the octets at its place (modulo the length)."""
    octets = bytearray(raw)
    for place, new in cuts:
        start = place % (len(octets) + 1)
        octets[start : start + len(new)] = new
    return bytes(octets)


def mutations_of(raw: bytes) -> st.SearchStrategy[bytes]:
    """Return damaged versions of a real mail."""
    cut = st.tuples(st.integers(0, 1 << 20), st.one_of(st.binary(max_size=4), st.sampled_from(_MIME_TOKENS)))
    return st.lists(cut, max_size=6).map(partial(mutated, raw))
