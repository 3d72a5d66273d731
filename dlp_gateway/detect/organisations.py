"""Which organisation a domain belongs to, by the Public Suffix List (the only door to tldextract)."""

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from dlp_gateway.mail.address import domain_of

if TYPE_CHECKING:
    from tldextract import TLDExtract


#: No host name is longer (RFC 1035 2.3.4); bounds what is cached.
_LONGEST_NAME: Final = 255

#: Below these each customer of Microsoft's has a name of his own; they are missing in the Public Suffix List.
_TENANTS: Final = ("onmicrosoft.com", "onmicrosoft.de", "onmicrosoft.us", "onmschina.cn")


def organisation(domain: str) -> str:
    """Return the registrable domain of `domain` in lower case: "mail.shop.example.co.uk" → "example.co.uk".

    Customers of a suffix that is itself leased out ("alice.github.io") are organisations of their own. A domain below
    no known suffix counts by its last two labels, an address literal or a public suffix as itself.
    """
    return _organisation(domain[-_LONGEST_NAME:])


def party(address: str, free_mail: frozenset[str]) -> str:
    """Return what a canonical address counts as: its organisation, or itself where anybody has a mailbox."""
    domain = domain_of(address)
    return address if domain in free_mail else organisation(domain)


def is_public_suffix(domain: str) -> bool:
    """Whether anybody can register names directly below `domain`, such as "com" or "co.uk".

    A name that its owner lends out ("github.io") is the owner's, and an unknown single label may be a site's own.
    """
    name = domain[-_LONGEST_NAME:].lower().strip(".")
    return name != "" and name == _suffixes().extract_str(name, include_psl_private_domains=False).suffix


@lru_cache(maxsize=65_536)
def _organisation(domain: str) -> str:
    name = domain.lower().strip(".")
    if name.startswith("["):  # an address literal (RFC 5321 4.1.3)
        return name
    parts = _suffixes().extract_str(name)
    if parts.top_domain_under_public_suffix in _TENANTS:
        return _tenant(name)
    if parts.suffix:
        return parts.top_domain_under_public_suffix or name
    return ".".join(name.split(".")[-2:])


def _tenant(name: str) -> str:
    """Return a customer's name at Microsoft's; a hybrid one has "corp.mail.onmicrosoft.com" beside its own."""
    *labels, domain, suffix = name.split(".")
    if labels[-1:] == ["mail"]:
        labels = labels[:-1] or labels
    return ".".join([*labels[-1:], domain, suffix])


def load() -> None:
    """Read the list, which the first look-up would do."""
    _suffixes().extract_str("example.com")


@cache
def _suffixes() -> "TLDExtract":
    """The list that comes with the library: no fetching, no cache on disk. Imported late since that takes 0.2 s."""
    from tldextract import TLDExtract  # noqa: PLC0415

    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)
