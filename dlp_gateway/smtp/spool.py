"""A message on its way in: in memory while there is room, then in a file that nobody can read.

The file has no name (O_TMPFILE, or unlinked at once) and is encrypted under a key that is nowhere but here: what is
left on the disk after a crash is noise.
"""

import errno
import os
import tempfile
from collections.abc import Callable
from io import BytesIO
from typing import IO, Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import AEADEncryptionContext, Cipher, algorithms, modes

from dlp_gateway.allocator import give_back
from dlp_gateway.smtp.room import Room
from quarantine.threads import in_thread

T = TypeVar("T")

#: Octets of one message that are kept in memory while it is being received.
IN_MEMORY: Final = 8_000_000
_AT_ONCE: Final = 262_144  # octets that are worth a way to the disk
_BLOCK: Final = 1_000_000  # octets that are decrypted at a time


class Spool:
    """The octets of one message. Write, `settle` when it is `crowded`, take the `content`, `close`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._held = 0  # octets of room
        self._memory = BytesIO()  # gives out what it holds without another copy
        self._file: IO[bytes] | None = None
        self._cipher: Cipher[modes.GCM] | None = None
        self._encryptor: AEADEncryptionContext | None = None
        self._at_work = False  # in a thread
        self._closed = False
        self.size = 0
        self.crowded = False

    def write(self, octets: bytes) -> None:
        """Add octets; if there is no room for them the spool becomes `crowded`, and must be settled before the next."""
        self._memory.write(octets)
        self.size += len(octets)
        if self._file is None and self._held + len(octets) <= IN_MEMORY and self._room.take(len(octets)):
            self._held += len(octets)
        elif self._memory.tell() >= _AT_ONCE:
            self.crowded = True

    async def settle(self) -> bool:
        """Move what is in memory to the file; False if the disk cannot have it."""
        try:
            await self._beside(self._write_out)
        except OSError:
            return False
        self.crowded = False
        self._give_back()
        return True

    async def content(self) -> bytes | None:
        """Return the whole message, for which there is room now; None if there is no room, or the disk failed."""
        if self._file is None:
            return self._memory.getvalue()
        if not await self.settle() or not await self._room.enter(self.size):
            return None
        self._held = self.size
        if self._closed:
            self._give_back()
            return None
        try:
            return await self._beside(self._read_back)
        except (OSError, InvalidTag):
            return None

    @property
    def in_memory(self) -> bytes | None:
        """The whole message, None if it is in a file."""
        return self._memory.getvalue() if self._file is None else None

    def close(self) -> None:
        """Give back room and file."""
        self._closed = True
        self._give_back()
        if self._file is not None and not self._at_work:
            self._file.close()

    def _give_back(self) -> None:
        held, self._held = self._held, 0
        if held:
            self._room.give_back(held)

    async def _beside(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, from a thread: disks are slow."""

        def run() -> T:
            self._at_work = True
            try:
                if self._closed:
                    raise OSError(errno.EBADF, "nobody needs it any more")
                return work()
            finally:
                self._at_work = False
                if self._closed and self._file is not None:
                    self._file.close()

        return await in_thread(run)

    def _write_out(self) -> None:
        is_first = self._file is None
        if self._file is None or self._encryptor is None:
            self._cipher = Cipher(algorithms.AES256(os.urandom(32)), modes.GCM(os.urandom(12)))
            self._encryptor = self._cipher.encryptor()
            self._file = tempfile.TemporaryFile(prefix="dlp-gateway-")  # noqa: SIM115  it outlives this function
        with self._memory.getbuffer() as octets:
            self._file.write(self._encryptor.update(octets))
        self._memory = BytesIO()
        if is_first:  # all that there was room for, and as much again for what comes next
            give_back()

    def _read_back(self) -> bytes:
        file, cipher, encryptor = self._file, self._cipher, self._encryptor
        if file is None or cipher is None or encryptor is None:
            raise RuntimeError("nothing was written out")
        encryptor.finalize()
        decryptor = cipher.decryptor()
        file.seek(0)
        content = BytesIO(bytes(self.size))  # zeros, to which the kernel gives memory as they are written over
        while octets := file.read(_BLOCK):
            content.write(decryptor.update(octets))
        decryptor.finalize_with_tag(encryptor.tag)
        return content.getvalue()
