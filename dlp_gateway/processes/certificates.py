"""The certificates of the listeners: read at the start, and read again when their files change.

Every receiver watches for itself and takes up what is new; the supervisor watches too, for those that it starts later,
and is the one that tells. Files are replaced one after the other, so what changes is left alone until it stands still.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.mail.envelope import new_id
from dlp_gateway.observe import log, metrics
from dlp_gateway.settings import Listener, Settings
from dlp_gateway.smtp.identity import CurrentIdentity, Files, Identity, read

_EVERY: Final = 2.0  # seconds
_REMIND: Final = 86_400.0  # seconds

#: What tells that a file changed: device, inode, size, times of its content and its attributes; None if it is gone.
_Mark = tuple[int, int, int, int, int] | None
#: One for each listener, None without TLS.
InForce = tuple[CurrentIdentity | None, ...]


def identities(settings: Settings) -> tuple[Identity | None, ...]:
    """Return the identity of each listener, None without TLS; raises `ConfigurationError` with all that is wrong."""
    problems: list[Problem] = []
    found: list[Identity | None] = []
    for listener in settings.listeners:
        files = _files(listener)
        try:
            found.append(None if files is None else read(files))
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(sorted(set(problems)))
    return tuple(found)


def _files(listener: Listener) -> Files | None:
    if listener.tls == "none" or listener.certificate is None or listener.key is None:
        return None
    asked = listener.client_certificate
    return Files(
        certificate=listener.certificate,
        key=listener.key,
        asks=asked is not None,
        authorities=None if asked is None else asked.ca_file,
    )


def in_force(identities: Iterable[Identity | None]) -> InForce:
    """Return what listeners take their contexts from, and `Watch` puts new identities in."""
    return tuple(None if identity is None else CurrentIdentity(identity) for identity in identities)


@dataclass(slots=True, kw_only=True)
class _Watched:
    """One listener's identity, as what its files were last seen, and as what they were last judged."""

    listener: str
    current: CurrentIdentity
    seen: tuple[_Mark, ...] = ()
    judged: tuple[_Mark, ...] = ()


class Watch:
    """Takes up new certificates. `changed` is given all identities after each; with `tells`, log and metrics speak."""

    def __init__(
        self,
        settings: Settings,
        held: InForce,
        *,
        tells: bool = False,
        changed: Callable[[tuple[Identity | None, ...]], object] = lambda _: None,
    ) -> None:
        self._held = held
        self._watched = [
            _Watched(listener=str(listener.address), current=current)
            for listener, current in zip(settings.listeners, held, strict=True)
            if current is not None
        ]
        self._tells = tells
        self._changed = changed

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        reminded = -_REMIND
        while self._watched:
            if loop.time() - reminded >= _REMIND:
                reminded = loop.time()
                self._tell_validity()
            await asyncio.sleep(_EVERY)
            try:
                await self.look()
            except (OSError, RuntimeError) as error:  # no thread, no descriptor: it will be better in a while
                log.internal_error(new_id(), "certificates", error)

    async def look(self) -> None:
        """Look at all files once."""
        for one in self._watched:
            marks = await asyncio.to_thread(_marks, one.current.identity.files)
            still, one.seen = marks == one.seen, marks
            if still and marks != one.judged:
                await self._judge(one)
                one.judged = marks

    async def _judge(self, one: _Watched) -> None:
        try:
            identity = await asyncio.to_thread(read, one.current.identity.files)
            renewed = identity != one.current.identity
            if renewed:
                one.current.replace(identity)
        except ConfigurationError as error:
            if self._tells:
                log.certificate_refused(one.listener, error.problems)
                metrics.certificate_refused(one.listener)
            return
        if self._tells:
            metrics.certificate(one.listener, identity.not_after.timestamp())
        if renewed:
            self._changed(tuple(current.identity if current else None for current in self._held))
            if self._tells:
                log.certificate_reloaded(one.listener, identity.not_after)
                metrics.certificate_reloaded()

    def _tell_validity(self) -> None:
        if not self._tells:
            return
        for one in self._watched:
            identity = one.current.identity
            metrics.certificate(one.listener, identity.not_after.timestamp())
            validity = identity.validity(datetime.now(UTC))
            if validity != "valid":
                log.certificate_validity(one.listener, validity, identity.not_after)


def _marks(files: Files) -> tuple[_Mark, ...]:
    return tuple(map(_mark, files.all))


def _mark(path: Path) -> _Mark:
    try:
        found = path.stat()  # of what a symbolic link leads to: certbot changes the links
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
