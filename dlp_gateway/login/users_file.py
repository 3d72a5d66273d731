"""Passwords checked by the users' file, in threads: hashing takes a tenth of a second and 64 MiB, never on the loop."""

import asyncio
import hashlib
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dlp_gateway.errors import ConfigurationError
from dlp_gateway.login import file
from dlp_gateway.login.file import Version
from dlp_gateway.login.passwords import HashingFailedError, hashed, matches, prepared_name
from dlp_gateway.login.users import User
from dlp_gateway.observe import log
from dlp_gateway.ports import Login, LoginUnavailable


class UsersFile:
    """The `Authenticator` of a file of users, which is read at the first login, and again when it changes.

    `hashes` bounds how many passwords are hashed at a time. If the file cannot be used, the users that were read last
    stay in force, and the log says so.
    """

    def __init__(self, path: Path, *, hashes: int) -> None:
        self._path = path
        self._users: dict[str, User] | None = None
        self._seen: Version | None = None  # what was looked at last, usable or not
        self._looked = False
        self._reading = threading.Lock()
        self._salt = secrets.token_bytes(16)
        self._nobody: str = ""
        self._threads = ThreadPoolExecutor(hashes, "password-hash")

    async def verify(self, name: str, password: str, *, client: str) -> Login | None:  # noqa: ARG002  the port's
        """Return who that is; None, after the same time, for a wrong password and an unknown name.

        Raises `LoginUnavailable` if the file could never be used, or the machine has no memory for a hash.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._verify, name, password)

    async def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, name: str, password: str) -> Login | None:
        users = self._current()
        user = users.get(prepared_name(name))
        try:
            right = matches(password, self._decoy(users, name) if user is None else user.password)
        except HashingFailedError:
            raise LoginUnavailable("memory") from None
        if user is None or not right:
            return None
        return Login(name=user.name, bound_to=user.addresses or None)

    def _decoy(self, users: dict[str, User], name: str) -> str:
        """Return a hash that costs what the hash of a user costs: somebody's, the same one for the same name."""
        if users:
            digest = hashlib.blake2b(name.encode(), key=self._salt, digest_size=8).digest()
            return list(users.values())[int.from_bytes(digest, "big") % len(users)].password
        self._nobody = self._nobody or hashed(secrets.token_urlsafe(16))
        return self._nobody

    def _current(self) -> dict[str, User]:
        """Return the users, read again if the file is another one than before."""
        with self._reading:
            lies_there = file.version(self._path)
            if not self._looked or lies_there != self._seen:
                self._looked, self._seen = True, lies_there
                try:
                    self._users, self._seen = file.load(self._path)
                except ConfigurationError as error:
                    log.users_refused(error.problems)
                else:
                    log.users_read(len(self._users))
            if self._users is None:
                raise LoginUnavailable("users")
            return self._users
