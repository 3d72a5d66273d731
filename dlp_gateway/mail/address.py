"""One address: a form for comparing, a form for writing, and what the SMTP door lets in; lists: `address_list`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from string import ascii_lowercase, ascii_uppercase
from typing import Final

from dlp_gateway.mail.normalization import nfkc

_PLAIN: Final = re.compile(r"[a-z0-9!#$%&'*/=?^_`{|}~-][a-z0-9!#$%&'*/=?^_`{|}~.-]*+@[a-z0-9.-]*[a-z0-9-]")
_ROUTE: Final = re.compile(r"(?:\s*+@[^:]*+:)++")  # RFC 5321 appendix C
# Characters that show nothing (IDNA maps them to nothing, UTS 46 table 1) would make one address look like two.
_UNSEEN: Final = dict.fromkeys((0x00AD, 0x034F, 0x180E, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))
_DOTS: Final = {0x3002: ".", 0xFF61: "."}  # IDNA's other full stops (RFC 3490 3.1); NFKC knows the third
_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_MARKS: Final = dict.fromkeys(map(ord, '"\\<>'))

# RFC 5321 4.5.3.1.1–3; a path is 256 with its angle brackets, so an address is 254.
_LOCAL_OCTETS: Final = 64
_DOMAIN_OCTETS: Final = 255
_ADDRESS_OCTETS: Final = 254
#: Domains of which a set remembers whether it has them.
_KEPT: Final = 10_000
_DOT_ATOM: Final = re.compile(
    r"(?:[\w!#$%&'*+/=?^`{|}~-]|[^\x00-\x7f])+(?:\.(?:[\w!#$%&'*+/=?^`{|}~-]|[^\x00-\x7f])+)*"
)
# RFC 5321 4.1.2 lets nothing stand between the quotes; but such a mailbox is nobody's, and many servers refuse it.
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)++)"')
# Host names with "_" exist and get mail, though RFC 5321 4.1.2 has none.
_LABELS: Final = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(?:\.(?!-)[\w-]{1,63}(?<!-))*")
_LITERAL: Final = re.compile(r"\[(?:(?P<four>[0-9.]{7,15})|IPv6:(?P<six>[0-9A-Fa-f:.]{2,45}))\]")


def canonical(address: str) -> str:
    """Return the form in which two addresses are compared; total and idempotent, never for sending.

    Case folded, NFKC, without quotes, route, final dot and the part of the local part that begins with "+" (the tag
    names a folder, not another person).
    """
    lowered = address.lower()
    if _PLAIN.fullmatch(lowered) and "xn--" not in lowered:
        return lowered
    folded = nfkc(nfkc(address).casefold().translate(_UNSEEN))
    bare = folded.translate(_MARKS)
    route = _ROUTE.match(bare)
    local, at, domain = bare[route.end() if route else 0 :].rpartition("@")
    local = local.strip()
    untagged = local.partition("+")[0].strip()
    return f"{untagged or local}{at}{canonical_domain(domain)}"


def canonical_mailbox(address: str) -> str:
    """Return the form in which two forward-paths name one recipient, who gets one copy; idempotent, never for sending.

    Finer than `canonical`, for whoever is taken for another gets no mail: tags stay, and so do letters beyond ASCII in
    the local part. Its case RFC 5321 2.4 leaves to its host; but none has two mailboxes that differ in case alone.
    """
    lowered = address.lower()
    if address.isascii() and _PLAIN.fullmatch(lowered) and "xn--" not in lowered:
        return lowered
    local, at, domain = address.rpartition("@")
    if not at:  # RFC 5321 4.1.1.3: "Postmaster", in any case
        return lowered
    return f"{_least_quoted(local).translate(_LOWER)}@{canonical_domain(domain)}"


def canonical_domain(domain: str) -> str:
    """Return a domain in lower-case Unicode labels ("xn--…" decoded), NFKC, without the final dot."""
    lowered = domain.lower()
    if lowered.isascii() and "xn--" not in lowered:
        return lowered.strip(" \t\r\n.")
    shown = nfkc(domain.translate(_UNSEEN)).lower().translate(_DOTS)
    return ".".join(_unicode_label(label) for label in nfkc(shown).strip(" \t\r\n.").split("."))


def _unicode_label(label: str) -> str:
    if not label.startswith("xn--") or len(label) > 63:  # the decoder is quadratic, a label is 63 octets at most
        return label
    try:
        shown = nfkc(label[4:].encode("ascii").decode("punycode").lower())
    except UnicodeError:
        return label
    # What decodes to something that no registrar's label decodes to stays as it is: two readings must not meet.
    return label if shown.isascii() or not shown.replace("-", "a").isidentifier() else shown


def domain_of(address: str) -> str:
    """Return the canonical domain of an address, "" if it has none."""
    return canonical_domain(address.rpartition("@")[2].rstrip("> \t")) if "@" in address else ""


@dataclass(frozen=True, slots=True)
class DomainSet:
    """A set of domains: "corp.example" means itself only, "*.corp.example" every domain below it but not itself."""

    patterns: tuple[str, ...]
    _exact: frozenset[str] = field(init=False, repr=False, compare=False)
    _below: frozenset[str] = field(init=False, repr=False, compare=False)
    _known: dict[str, bool] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        exact = (pattern for pattern in self.patterns if not pattern.startswith("*."))
        below = (pattern[2:] for pattern in self.patterns if pattern.startswith("*."))
        object.__setattr__(self, "_exact", _canonical_domains(exact))
        object.__setattr__(self, "_below", _canonical_domains(below))

    def contains(self, domain_or_address: str) -> bool:
        """Whether a domain, or the domain of an address, belongs to the set; asked a dozen times of each mail."""
        written = domain_or_address.rpartition("@")[2]
        known = self._known.get(written)
        if known is None:
            known = self._holds(canonical_domain(written.rstrip("> \t")))
            if len(self._known) >= _KEPT:
                self._known.clear()
            if len(written) <= _ADDRESS_OCTETS:
                self._known[written] = known
        return known

    def _holds(self, domain: str) -> bool:
        if domain in self._exact:
            return True
        if not self._below:
            return False
        dot = domain.find(".", max(0, len(domain) - _DOMAIN_OCTETS - 1))  # nothing longer is a pattern's domain
        while dot >= 0:
            if domain[dot + 1 :] in self._below:
                return True
            dot = domain.find(".", dot + 1)
        return False


def is_one_of(address: str, patterns: tuple[str, ...]) -> bool:
    """Whether an address is listed, or its domain, as `DomainSet` has them; the null reverse-path never is."""
    addresses, domains = _mailboxes(patterns)
    return "@" in address and (canonical(address) in addresses or domains.contains(address))


@lru_cache(maxsize=256)  # the same lists are asked for each message
def _mailboxes(patterns: tuple[str, ...]) -> tuple[frozenset[str], DomainSet]:
    return frozenset(canonical(p) for p in patterns if "@" in p), DomainSet(tuple(p for p in patterns if "@" not in p))


def _canonical_domains(domains: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in map(canonical_domain, domains) if name)


def serialise(address: str) -> bytes | None:
    """Write an addr-spec afresh (UTF-8), quoting its local part where it must be; None if it can be none."""
    local, at, domain = address.removesuffix(".").rpartition("@")  # an absolute name is written without its dot
    if not at or local in {"", '""'} or not address.isprintable():
        return None
    local = _least_quoted(local)
    return f"{local}@{domain}".encode() if _within_limits(local, domain) and _is_domain(domain) else None


def _least_quoted(local: str) -> str:
    """Return a local part with quotes only where it needs them: they are a way of writing it (RFC 5321 4.1.2)."""
    quoted = _QUOTED.fullmatch(local)
    content = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else local
    if _DOT_ATOM.fullmatch(content):
        return content
    escaped = re.sub(r'(["\\])', r"\\\1", content)
    return f'"{escaped}"'


def _within_limits(local: str, domain: str) -> bool:
    before, behind = len(local.encode("utf-8", "replace")), len(domain.encode("utf-8", "replace"))
    return before <= _LOCAL_OCTETS and behind <= _DOMAIN_OCTETS and before + 1 + behind <= _ADDRESS_OCTETS


def _is_domain(domain: str) -> bool:
    return bool(_LABELS.fullmatch(domain)) or _is_literal(domain)


def _is_literal(domain: str) -> bool:
    """Whether it is the address of a host in brackets (RFC 5321 4.1.3)."""
    match = _LITERAL.fullmatch(domain)
    if match is None:
        return False
    try:
        _ = IPv4Address(match["four"]) if match["four"] else IPv6Address(match["six"])
    except ValueError:
        return False
    return True


def valid_forward_path(text: str, *, smtputf8: bool = False) -> bool:
    """Whether RCPT may name `text`: an addr-spec, in angle brackets or bare, or "Postmaster" (RFC 5321 4.1.1.3).

    A source route is refused: it names two domains, and which of them gets the mail is the next hop's choice.
    """
    path = _without_brackets(text)
    return path.lower() == "postmaster" or _is_mailbox(path, smtputf8=smtputf8)


def valid_reverse_path(text: str, *, smtputf8: bool = False) -> bool:
    """Whether MAIL may name `text`: "" or "<>", the null reverse-path, or an addr-spec."""
    return text in {"", "<>"} or _is_mailbox(_without_brackets(text), smtputf8=smtputf8)


def _without_brackets(text: str) -> str:
    return text[1:-1] if text.startswith("<") and text.endswith(">") else text


@lru_cache(maxsize=4096)  # the door asks, and the way out asks again
def _is_mailbox(path: str, *, smtputf8: bool) -> bool:
    local, _, domain = path.rpartition("@")
    if not path.isprintable() or not (smtputf8 or path.isascii()):  # RFC 6531 3.2: only where SMTPUTF8 was asked for
        return False
    return (
        bool(_DOT_ATOM.fullmatch(local) or _QUOTED.fullmatch(local))
        and _within_limits(local, domain)
        and _is_domain(domain)
    )
