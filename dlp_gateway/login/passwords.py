"""Passwords: how they are hashed (Argon2id, RFC 9106), which are taken, and in which form names and they compare."""

import binascii
import os
import re
import unicodedata
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final

from argon2.exceptions import HashingError, VerificationError, VerifyMismatchError
from argon2.low_level import Type, hash_secret, verify_secret

SHORTEST: Final = 12  # characters
LONGEST: Final = 1024  # octets; bounds what one attempt costs before it is hashed
_FEWEST: Final = 5  # distinct characters
_LONGEST_NAME: Final = 255  # octets, RFC 4616 2

_PHC: Final = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,3}),p=([1-9][0-9]{0,3})"
    r"\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})"
)
# What a hash that somebody brings along may cost, for it is paid at each login.
_MOST_MEMORY: Final = 1 << 20  # KiB
_MOST_PASSES: Final = 20
_MOST_LANES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a hash costs: `memory` in KiB, `passes` over it, `lanes` at a time; lengths in octets."""

    memory: int
    passes: int
    lanes: int
    salt: int = 16
    tag: int = 32


#: RFC 9106 4, the second recommended option: a tenth of a second and 64 MiB.
RFC_9106_LOW_MEMORY: Final = Profile(memory=65_536, passes=3, lanes=4)


class PasswordRefusedError(ValueError):
    """A password that nobody should use; the text says why."""


class HashingFailedError(RuntimeError):
    """The machine has no memory or no threads for a hash now: whether a password is right is unknown."""


def hashed(password: str, profile: Profile = RFC_9106_LOW_MEMORY) -> str:
    """Return the hash of a password in PHC's notation; takes as long as its profile says.

    Any number of threads may hash at a time. (OpenSSL's Argon2id shares a bounded number of lanes between all threads
    of a process, and two hashes wait for each other's for ever.)
    """
    try:
        made = hash_secret(
            prepared_password(password).encode(),
            os.urandom(profile.salt),
            time_cost=profile.passes,
            memory_cost=profile.memory,
            parallelism=profile.lanes,
            hash_len=profile.tag,
            type=Type.ID,
        )
    except HashingError as error:
        raise HashingFailedError(str(error)) from None
    return made.decode("ascii")


def is_hash(text: str) -> bool:
    """Whether this is a hash that `matches` takes: Argon2id, of bounded cost."""
    match = _PHC.fullmatch(text)
    if match is None:
        return False
    memory, passes, lanes = map(int, match.groups()[:3])
    # RFC 9106 3.1: eight blocks of memory for each lane at least.
    bounded = 8 * lanes <= memory <= _MOST_MEMORY and passes <= _MOST_PASSES and lanes <= _MOST_LANES
    return bounded and _is_base64(match[4]) and _is_base64(match[5])


def _is_base64(text: str) -> bool:
    """Whether this is base64 without padding, written as it would be written anew."""
    try:
        octets = b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return False
    return b64encode(octets).decode().rstrip("=") == text


def matches(password: str, phc: str) -> bool:
    """Whether a password is that of a hash; takes as long as the hash says. Raises `HashingFailedError`."""
    if not is_hash(phc):
        return False
    try:
        return verify_secret(phc.encode(), prepared_password(password).encode(), Type.ID)
    except VerifyMismatchError:
        return False
    except VerificationError as error:
        raise HashingFailedError(str(error)) from None


def require_good(password: str, name: str) -> None:
    """Raise `PasswordRefusedError`, with what to do, unless `password` may be that of `name`.

    Length is what counts (NIST SP 800-63B 3.1.1.2): nothing is asked of upper case, digits and signs.
    """
    prepared = prepared_password(password)
    if not prepared.isprintable():
        raise PasswordRefusedError("A password must not hold control characters.")
    if len(prepared) < SHORTEST:
        raise PasswordRefusedError(f"A password needs {SHORTEST} characters or more; take a few words.")
    if len(prepared.encode()) > LONGEST:
        raise PasswordRefusedError(f"A password may have {LONGEST} octets at the most.")
    if len(set(prepared)) < _FEWEST:
        raise PasswordRefusedError(f"A password needs {_FEWEST} different characters or more.")
    told = prepared_name(name).partition("@")[0]
    if len(told) > 3 and told in prepared.casefold():
        raise PasswordRefusedError("A password must not hold the name of its user.")


def prepared_name(name: str) -> str:
    """Return the form in which names compare: upper and lower case alike (RFC 8265 3.3)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def prepared_password(password: str) -> str:
    """Return the form in which passwords compare, however a keyboard composes a letter (RFC 8265 4.2)."""
    spaced = "".join(" " if unicodedata.category(one) == "Zs" else one for one in password)
    return unicodedata.normalize("NFC", spaced)


def is_name(name: str) -> bool:
    """Whether a login may be called so: printable, without blanks, 255 octets at the most."""
    return (
        0 < len(name.encode("utf-8", "replace")) <= _LONGEST_NAME and name.isprintable() and not re.search(r"\s", name)
    )
