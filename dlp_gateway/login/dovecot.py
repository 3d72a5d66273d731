"""Passwords checked by Dovecot: its client protocol for authentication (major version 1), over one kept connection.

The protocol is one of lines with fields between tabs. Requests are numbered, so many can be under way.
"""

import asyncio
import base64
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dlp_gateway.login.passwords import is_name
from dlp_gateway.ports import Login, LoginUnavailable

_LONGEST_LINE: Final = 8192  # octets; as long as Dovecot itself takes one
_MOST_GREETINGS: Final = 100  # lines before DONE
_ESCAPED: Final = re.compile(r"\x01(.)", re.DOTALL)
_UNESCAPED: Final = {"0": "\0", "1": "\x01", "t": "\t", "r": "\r", "n": "\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DovecotOptions:
    """Where Dovecot is: a Unix socket, or an address and a port; `timeout` in seconds for each answer.

    `own_address`: a login is bound to its name.
    """

    socket: Path | None = None
    host: str = ""
    port: int = 0
    own_address: bool = False
    timeout: float = 30


class Dovecot:
    """The `Authenticator` that asks Dovecot."""

    def __init__(self, options: DovecotOptions) -> None:
        self._options = options
        self._connection: _Connection | None = None
        self._turn = asyncio.Lock()

    async def verify(self, name: str, password: str, *, client: str) -> Login | None:
        """Return who that is, None if Dovecot says no; raises `LoginUnavailable`."""
        if "\0" in name or "\0" in password:
            return None  # RFC 4616 2: they would be fields of their own
        request = f"PLAIN\tservice=smtp\tsecured\tnologin\trip={client}\tresp={_plain(name, password)}"
        try:
            async with asyncio.timeout(self._options.timeout):
                answer = await self._asked(request)
        except TimeoutError:
            self._drop(self._connection)
            raise LoginUnavailable("timeout") from None
        if answer is None:
            return None
        user = answer or name
        if not is_name(user):
            raise LoginUnavailable("protocol")
        return Login(name=user, bound_to=(user if "@" in user else "",) if self._options.own_address else None)

    async def close(self) -> None:
        """Close the connection."""
        self._drop(self._connection)

    async def _asked(self, request: str) -> str | None:
        """Ask, once more if a kept connection turns out to be closed: Dovecot may have been restarted meanwhile."""
        connection, fresh = await self._connected()
        try:
            return await connection.ask(request)
        except _LostError:
            self._drop(connection)
            if fresh:
                raise LoginUnavailable("lost") from None
        connection, _ = await self._connected()
        try:
            return await connection.ask(request)
        except _LostError:
            self._drop(connection)
            raise LoginUnavailable("lost") from None

    async def _connected(self) -> tuple["_Connection", bool]:
        """Return the connection, and whether it was just made."""
        async with self._turn:
            if self._connection is not None and self._connection.usable:
                return self._connection, False
            options = self._options
            try:
                if options.socket is not None:
                    reader, writer = await asyncio.open_unix_connection(options.socket, limit=_LONGEST_LINE)
                else:
                    reader, writer = await asyncio.open_connection(options.host, options.port, limit=_LONGEST_LINE)
            except OSError:
                raise LoginUnavailable("connect") from None
            connection = _Connection(reader, writer)
            try:
                await connection.shake_hands()
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            return connection, True

    def _drop(self, connection: "_Connection | None") -> None:
        if connection is not None:
            connection.close()
            if self._connection is connection:
                self._connection = None


class _LostError(Exception):
    """The connection ended before the answer came."""


class _Connection:
    """One connection to Dovecot; answers find their requests by number."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._number = 0
        self._asked: dict[str, asyncio.Future[str | None]] = {}
        self._listening: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        """Whether an answer may come over it."""
        return self._listening is not None and not self._listening.done() and not self._writer.is_closing()

    async def shake_hands(self) -> None:
        """Exchange versions; raises `LoginUnavailable` for what speaks another language."""
        self._writer.write(f"VERSION\t1\t1\nCPID\t{1 + secrets.randbelow(2**31 - 2)}\n".encode())
        heard: list[list[str]] = []
        while not heard or heard[-1] != ["DONE"]:
            line = await self._line()
            if not line or len(heard) == _MOST_GREETINGS:
                raise LoginUnavailable("protocol" if line else "lost")
            heard.append(line)
        if not any(line[:2] == ["VERSION", "1"] for line in heard):
            raise LoginUnavailable("protocol")
        if not any(line[:2] == ["MECH", "PLAIN"] for line in heard):
            raise LoginUnavailable("mechanism")
        self._listening = asyncio.create_task(self._listen())

    async def ask(self, request: str) -> str | None:
        """Return the user's name that Dovecot gives to a login ("" if it gives none), None for a refused one.

        Raises `LoginUnavailable` if Dovecot cannot tell, and `_LostError`.
        """
        self._number += 1
        name = str(self._number)
        future = self._asked[name] = asyncio.get_running_loop().create_future()
        try:
            if not self.usable:
                raise _LostError
            self._writer.write(f"AUTH\t{name}\t{request}\n".encode())
            answer: str | None = await future
            return answer
        finally:
            self._asked.pop(name, None)

    def close(self) -> None:
        """Close it; whoever waits is told."""
        self._writer.close()
        if self._listening is not None:
            self._listening.cancel()
        self._forsake()

    async def _listen(self) -> None:
        """Give answers to those who wait for them, until the connection ends."""
        try:
            while line := await self._line():
                future = self._asked.get(line[1]) if len(line) > 1 else None
                if future is not None and not future.done():
                    _answer(future, line)
        finally:
            self._writer.close()
            self._forsake()

    def _forsake(self) -> None:
        for future in self._asked.values():
            if not future.done():
                future.set_exception(_LostError())

    async def _line(self) -> list[str]:
        """Return the fields of the next line, none at the end; a line too long is an end, too."""
        try:
            line = await self._reader.readline()
        except (OSError, ValueError):
            return []
        return line.decode("utf-8", "replace").rstrip("\n").split("\t") if line.endswith(b"\n") else []


def _answer(future: asyncio.Future[str | None], line: list[str]) -> None:
    match line[0]:
        case "OK":
            users = (field.removeprefix("user=") for field in line[2:] if field.startswith("user="))
            future.set_result(_unescaped(next(users, "")))
        case "FAIL" if "temp" in line[2:] or "code=temp_fail" in line[2:]:
            future.set_exception(LoginUnavailable("temporary"))
        case "FAIL":
            future.set_result(None)
        case _:  # PLAIN has said all it can say with its first words
            future.set_exception(LoginUnavailable("protocol"))


def _plain(name: str, password: str) -> str:
    """Return the one message of PLAIN (RFC 4616 2) in base64."""
    return base64.b64encode(f"\0{name}\0{password}".encode()).decode("ascii")


def _unescaped(field: str) -> str:
    return _ESCAPED.sub(lambda match: _UNESCAPED.get(match[1], match[1]), field)
