"""Which names look alike: forms that two names share if one letter, or nothing that the eye sees, tells them apart.

Who wants to know whether a name resembles one of a million known ones cannot compare it with each. Each name therefore
has a few forms; two names are alike if they share one, which is a look-up, and works with digests of the forms as well.
"""

import re
from collections.abc import Iterator
from typing import Final

from dlp_gateway.detect.folding import fold
from dlp_gateway.detect.organisations import organisation
from dlp_gateway.mail.address import domain_of

#: Shorter names are too near to each other for one letter to mean anything.
_LABEL: Final = 5
_LOCAL_PART: Final = 6
_TWIN: Final = 5
#: RFC 1035 2.3.4 and RFC 5321 4.5.3.1.1 allow no longer ones; bounds the number of forms.
_LONGEST: Final = 64

_SEEN_AS: Final = {ord("0"): "o", ord("1"): "l", ord("5"): "s"}
_DIGIT: Final = re.compile(r"\d")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
#: What is written for "com" in a hurry; a country's own suffix is no mistake, since firms own several.
_LIKE_COM: Final = frozenset({"com", "co", "cm", "om", "con", "comm", "cpm", "xom", "vom"})


def skeleton(name: str) -> str:
    """Return a name as the eye takes it: lower case, letters of other scripts, and "0", "1", "rn", "vv" as Latin."""
    seen = fold(name.lower()).text.lower().translate(_SEEN_AS)
    return seen.replace("rn", "m").replace("vv", "w")


def domain_forms(domain: str) -> frozenset[str]:
    """Return the forms of a canonical domain; subdomains are their organisation.

    Names with digits are numbered ("shop1", "shop2"): they resemble only what looks the same.
    """
    owner = organisation(domain)
    label, _, suffix = owner.partition(".")
    if not suffix or not 0 < len(label) <= _LONGEST:
        return frozenset()
    seen = skeleton(label)
    names = {seen}
    if len(seen) >= _LABEL and not _DIGIT.search(label):  # marked: a short name is no long one that lost a letter
        names |= {f"~{name}" for name in (seen, *_deletions(seen))}
    forms = {f"{name}.{suffix}" for name in names}
    if suffix in _LIKE_COM and len(seen) >= _LABEL:
        forms.add(f"{seen}.~com")
    return frozenset(forms)


def neighbour_forms(address: str) -> frozenset[str]:
    """Return the forms by which a canonical address resembles another at the same domain, one letter apart.

    The first letter is mostly an initial, by which people of one name are told apart, so it counts in full.
    """
    local, _, _ = address.rpartition("@")
    if not _LOCAL_PART <= len(local) <= _LONGEST or _DIGIT.search(local):
        return frozenset()
    seen = skeleton(local)
    return frozenset(f"{form}@{domain_of(address)}" for form in (seen, *_deletions(seen, start=1)))


def twin_forms(address: str, name: str) -> frozenset[str]:
    """Return the forms by which somebody resembles another at any domain: the same mailbox name, or the same name.

    A program that completes addresses offers both. `name` is a display name; one word alone names nobody.
    """
    local, _, _ = address.rpartition("@")
    forms = set()
    if _TWIN <= len(local) <= _LONGEST and not _DIGIT.search(local):
        forms.add(f"{skeleton(local)}@")
    words = _WORD.findall(fold(name[:200]).text.lower())
    if len(words) > 1 and "@" not in name:
        forms.add(" ".join(sorted(words)))  # "Weiss, Anna" is "Anna Weiss"
    return frozenset(forms)


def _deletions(name: str, start: int = 0) -> Iterator[str]:
    """Yield the name without one of its letters: two names share one if a letter was changed, lost, added or moved."""
    for place in range(start, len(name)):
        yield name[:place] + name[place + 1 :]
