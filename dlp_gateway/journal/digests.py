"""By which keyed digests the journal's memory knows people, messages and threads; nothing in it can be read."""

import hashlib
from functools import lru_cache
from typing import Final

from dlp_gateway.journal.rows import message_id_index
from quarantine.crypto import PublicKey

#: Octets of each digest; two of a million collide with a probability of 10⁻²⁷.
WIDTH: Final = 16

#: Addresses whose digests are kept: most mails go to people who got one before. Senders are fewer.
_KEPT: Final = 65_536
_KEPT_SENDERS: Final = 8_192


class Digests:
    """Makes digests under the key that all receivers share; those of people are remembered, for they come again."""

    def __init__(self, public: PublicKey) -> None:
        self._public = public
        self.address = lru_cache(maxsize=_KEPT)(self._address)
        self.sender = lru_cache(maxsize=_KEPT_SENDERS)(self._sender)
        self.sent_key = lru_cache(maxsize=_KEPT_SENDERS)(self._sent_key)

    def _address(self, address: str) -> bytes:
        return self._public.address_index(address)[:WIDTH]

    def addresses(self, addresses: tuple[str, ...]) -> frozenset[bytes]:
        """Return the digests of canonical addresses."""
        return frozenset(map(self.address, addresses))

    def message(self, message_id: str, otherwise: str) -> bytes:
        """Return the digest of a message by its Message-ID, or by our own id if it has none."""
        if message_id:
            return message_id_index(self._public, message_id)[:WIDTH]
        return self._public.index("envelope", otherwise)[:WIDTH]

    def _sender(self, reverse_path: str, login: str, client: str) -> bytes:
        """Return the digest of who sends: reverse-path and login, and the host where there is neither."""
        known = f"{reverse_path}\0{login}" if reverse_path or login else f"\0\0{client}"
        return self._public.index("sender", known)[:WIDTH]

    def topic(self, text: str) -> bytes:
        """Return the digest of a subject's topic; b"" if there is none."""
        return self._public.index("topic", text)[:WIDTH] if text else b""

    def form(self, holder: bytes, form: str) -> bytes:
        """Return the digest of a form (see `detect.likeness`) among those of one sender, or of all (b"")."""
        return self._public.index(f"form {holder.hex()}", form)[:WIDTH]

    def _sent_key(self, sender: bytes) -> bytes:
        """Return the key under which a sender's values become tokens; it opens nothing else (see `detect.sent`)."""
        return self._public.index("sent values", sender.hex())


@lru_cache(maxsize=_KEPT)
def pair(holder: bytes, other: bytes) -> bytes:
    """Return the digest of two digests: who wrote to whom."""
    return hashlib.sha256(holder + other).digest()[:WIDTH]


def joined(digests: frozenset[bytes], most: int) -> bytes:
    """Return digests in a row, in order, at most so many."""
    return b"".join(sorted(digests)[:most])


def split(row: bytes) -> frozenset[bytes]:
    """Return the digests in a row."""
    return frozenset(row[start : start + WIDTH] for start in range(0, len(row), WIDTH))
