"""What all receivers count together, such as sessions, in all and from each network: a table in memory that they share.

Each receiver writes in a part of its own and reads those of the others, so nobody waits for anybody, and a number that
is read while it changes is one too low or too high. A part belongs to whoever has locked it; the lock ends with the
process, and the next receiver that starts clears what a dead one left.
"""

import fcntl
import hashlib
import mmap
import os
import time
from collections import Counter
from enum import IntEnum
from typing import Final

_PARTS: Final = 256  # receivers at a time, those that are leaving too
_PLACES: Final = 4_096  # of one part: a number of each kind in all, then the networks, then the departures
_PROBES: Final = 16
#: Departures of one part, behind its networks: whose, of when, and when it was entered.
_DEPARTURES: Final = 256
_EACH: Final = 3
_NETWORKS: Final = _PLACES - _DEPARTURES * _EACH  # and the kinds before them
#: Seconds after which nobody waits for a departure any more, whatever has become of who entered it.
_FORGOTTEN: Final = 30
_NUMBER: Final = 8  # octets
_PART: Final = _PLACES * _NUMBER
_COUNT_BITS: Final = 20
_COUNT: Final = (1 << _COUNT_BITS) - 1
_HEAD: Final = mmap.PAGESIZE  # before the parts: the key, and how many parts were ever in use
_KEY: Final = 16
_SIZE: Final = _HEAD + _PARTS * _PART


class Kind(IntEnum):
    """What is counted, each kind for itself."""

    SESSION = 0
    HANDSHAKE = 1  # of clients that may enter after it
    OUTSIDER = 2  # a session of a client that may not send
    OUTSIDER_HANDSHAKE = 3
    DEPARTURE = 4  # a client that went away without our reply, of which a note is being made


class Crowd:
    """Shared through a descriptor that the supervisor makes and receivers inherit; else this process's own.

    A receiver that finds no part, or no place in it, counts for itself.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._own: Counter[tuple[Kind, str]] = Counter()
        self._descriptor = descriptor
        self._memory = mmap.mmap(-1 if descriptor is None else descriptor, _SIZE)
        self._numbers = memoryview(self._memory).cast("Q")
        self._key = bytes(self._memory[:_KEY])
        self._mine = 0 if descriptor is None else self._claim(descriptor)

    @staticmethod
    def share() -> int:
        """Return the descriptor of a new table; the caller closes it."""
        descriptor = os.memfd_create("dlp-gateway-crowd")
        os.truncate(descriptor, _SIZE)
        # Whoever chose his addresses so that they meet in one place of the table could be counted as one.
        os.pwrite(descriptor, os.urandom(_KEY), 0)
        return descriptor

    def enter(self, networks: tuple[str, ...] = (), kind: Kind = Kind.SESSION) -> tuple[int, tuple[int, ...]]:
        """Count one in; return how many there are now, in all and of each network."""
        self._change(networks, kind, 1)
        return self.total(kind), tuple(self._of(network, kind) for network in networks)

    def leave(self, networks: tuple[str, ...] = (), kind: Kind = Kind.SESSION) -> None:
        """Count it out."""
        self._change(networks, kind, -1)

    def total(self, kind: Kind) -> int:
        """Return how many there are of a kind."""
        return sum(self._numbers[self._first(part) + kind] for part in range(self._parts()))

    def close(self) -> None:
        """Give the memory back, and the part with it."""
        self._numbers.release()
        self._memory.close()

    # --- departures (see `ports.Departures`) --------------------------------------------------------------------------

    def depart(self, sender: str, moment: int) -> int | None:
        """A sender's client left whose message came at `moment`; return the place, None if all are taken."""
        first = self._first(self._mine) + _NETWORKS
        free = (place for place in range(first, first + _DEPARTURES * _EACH, _EACH) if not self._numbers[place])
        place = next(free, None)
        if place is not None:
            self._numbers[place + 1], self._numbers[place + 2] = moment, time.monotonic_ns()
            self._numbers[place] = self._mark(Kind.DEPARTURE, sender)  # last: it makes the others count
            self._change((), Kind.DEPARTURE, 1)
        return place

    def settle(self, place: int) -> None:
        """The note about it is made."""
        self._numbers[place] = 0
        self._change((), Kind.DEPARTURE, -1)

    def any_before(self, sender: str, moment: int) -> bool:
        """Whether a note is being made of a message of the same sender that came before."""
        parts = [part for part in range(self._parts()) if self._numbers[self._first(part) + Kind.DEPARTURE]]
        if not parts:
            return False
        mark, forgotten = self._mark(Kind.DEPARTURE, sender), time.monotonic_ns() - _FORGOTTEN * 10**9
        for part in parts:
            first = self._first(part) + _NETWORKS
            told = self._numbers[first : first + _DEPARTURES * _EACH].tolist()
            if any(
                one == mark and before < moment and entered > forgotten
                for one, before, entered in zip(told[::_EACH], told[1::_EACH], told[2::_EACH], strict=True)
            ):
                return True
        return False

    # --- the table ----------------------------------------------------------------------------------------------------

    def _change(self, networks: tuple[str, ...], kind: Kind, by: int) -> None:
        number = self._first(self._mine) + kind
        self._numbers[number] = max(0, self._numbers[number] + by)
        for network in networks:
            counted = kind, network
            self._own[counted] += by
            place = self._place(self._mine, *counted, free=True)
            if place is not None:
                self._numbers[place] = self._mark(*counted) << _COUNT_BITS | min(self._own[counted], _COUNT)
            if not self._own[counted]:
                del self._own[counted]

    def _of(self, network: str, kind: Kind) -> int:
        """Return how many there are of a network: ours as we know it, and what others wrote."""
        count = self._own[kind, network]
        for part in range(self._parts()):
            if part != self._mine and self._numbers[self._first(part) + kind]:
                place = self._place(part, kind, network, free=False)
                count += 0 if place is None else self._numbers[place] & _COUNT
        return count

    def _place(self, part: int, kind: Kind, network: str, *, free: bool) -> int | None:
        """Return where a network is counted in a part, or, if it is not, a `free` place."""
        mark, first, empty = self._mark(kind, network), self._first(part) + len(Kind), None
        for probe in range(_PROBES):
            place = first + (mark + probe) % (_NETWORKS - len(Kind))
            number = self._numbers[place]
            if number >> _COUNT_BITS == mark:
                return place
            if empty is None and not number & _COUNT:
                empty = place
        return empty if free else None

    def _mark(self, kind: Kind, network: str) -> int:
        """Return 44 bits that stand for a network, in this kind."""
        digest = hashlib.blake2b(network.encode(), key=self._key, person=bytes([kind]), digest_size=8).digest()
        return int.from_bytes(digest, "little") >> _COUNT_BITS

    @staticmethod
    def _first(part: int) -> int:
        return (_HEAD + part * _PART) // _NUMBER

    def _parts(self) -> int:
        return self._numbers[_KEY // _NUMBER] or 1

    def _claim(self, descriptor: int) -> int:
        """Take the first part that is nobody's, and clear all that are."""
        mine = None
        for part in range(_PARTS):
            begin = _HEAD + part * _PART
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, begin)
            except OSError:
                continue
            self._memory[begin : begin + _PART] = bytes(_PART)
            if mine is None:
                mine = part
            else:
                fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, begin)
            if part >= self._parts():
                break
        if mine is None:
            self._memory = mmap.mmap(-1, _SIZE)
            self._numbers = memoryview(self._memory).cast("Q")
            return 0
        used = _KEY // _NUMBER
        fcntl.lockf(descriptor, fcntl.LOCK_EX, 1)  # of the key's first byte: receivers that start together take turns
        self._numbers[used] = max(self._numbers[used], mine + 1)
        fcntl.lockf(descriptor, fcntl.LOCK_UN, 1)
        return mine


class SharedDepartures:
    """The departures of all receivers (see `ports.Departures`)."""

    def __init__(self, crowd: Crowd) -> None:
        self.enter, self.leave, self.any_before = crowd.depart, crowd.settle, crowd.any_before
