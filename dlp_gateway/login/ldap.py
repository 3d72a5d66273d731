"""Passwords checked by a directory (RFC 4511): it takes a password by binding with it; the only door to ldap3.

ldap3 is an extra (`pip install 'dlp-gateway[ldap]'`) and synchronous: it works in threads.
"""

import asyncio
import math
import re
import secrets
import ssl
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from dlp_gateway import authorities
from dlp_gateway.login.passwords import is_name, prepared_name
from dlp_gateway.login.users import is_pattern
from dlp_gateway.ports import Login, LoginUnavailable

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # ldap3 uses old names of pyasn1's
    import ldap3
    from ldap3.core.exceptions import LDAPException
    from ldap3.utils.conv import escape_filter_chars
    from ldap3.utils.dn import escape_rdn

_STEPS: Final = 3  # times the timeout of one step is that of all together: a client does not wait for ever
_SUCCESS: Final = 0
#: RFC 4511 A.2: wrong password, or no such entry, or an entry without a password.
_NO: Final = frozenset({49, 32, 34, 48})
_MOST_VALUES: Final = 100  # addresses of one entry
_PAGE: Final = 500  # entries; Active Directory gives 1,000 at the most


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapOptions:
    """Where the directory is and who binds: `user` with the login for {name}, or the one entry that is found.

    It is found below `base` by `filter`, by a searcher who binds as `bind_dn` ("": anonymous). `addresses` are the
    attributes to whose values a login is bound, none for a login that is not. `timeout` in seconds for each step.
    """

    url: str
    ca_file: Path | None = None
    user: str = ""
    base: str = ""
    filter: str = ""
    bind_dn: str = ""
    bind_password: str = field(default="", repr=False)
    addresses: tuple[str, ...] = ()
    connections: int = 8
    timeout: float = 10


class _Tls(ldap3.Tls):  # type: ignore[misc]
    """TLS as the standard library has it; ldap3's own looks at names in certificates with code of its own."""

    def __init__(self, ca_file: Path | None) -> None:
        super().__init__()
        self.failed = False  # ldap3 makes all that fails one kind of error
        self._context = authorities.trusting(ca_file)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ANN401, ARG002, FBT001, FBT002  ldap3's signature
        """Put the connection under TLS."""
        host = connection.server.host.strip("[]")
        try:
            connection.socket = self._context.wrap_socket(connection.socket, server_hostname=host)
        except (ssl.SSLError, ssl.CertificateError):
            self.failed = True
            raise


class Ldap:
    """The `Authenticator` that binds to a directory, under TLS with a valid certificate and no other way."""

    def __init__(self, options: LdapOptions) -> None:
        self._options = options
        self._threads = ThreadPoolExecutor(options.connections, "ldap")

    async def verify(self, name: str, password: str, *, client: str) -> Login | None:  # noqa: ARG002  the port's
        """Return who that is, None if the directory says no; raises `LoginUnavailable`."""
        # RFC 4513 5.1.2: a bind without password succeeds for anybody, and proves nothing.
        if not password or "\0" in password or not is_name(name):
            return None
        try:
            async with asyncio.timeout(_STEPS * self._options.timeout):
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._verify, name, password)
        except TimeoutError:  # the thread comes to its end by the timeout of each step
            raise LoginUnavailable("timeout") from None

    async def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, name: str, password: str) -> Login | None:
        with translated():
            if self._options.user:
                return self._bound_by_template(name, password)
            found = self._searched(name)
            if found is None:  # a bind all the same: the time must not tell that there is no such user
                with self._connection(f"cn={secrets.token_hex(16)},{self._options.base}", password):
                    return None
            entry, bound_to = found
            with self._connection(entry, password) as connection:
                return Login(name=prepared_name(name), bound_to=bound_to) if connection is not None else None

    def _bound_by_template(self, name: str, password: str) -> Login | None:
        """Bind as the user that the template makes of the name (escaped: RFC 4514 2.4), then read his own entry."""
        options = self._options
        is_entry = "=" in options.user
        user = options.user.replace("{name}", escape_rdn(name) if is_entry else name)
        with self._connection(user, password) as connection:
            if connection is None:
                return None
            if not options.addresses:
                return Login(name=prepared_name(name))
            entries = self._entries(connection, user, "(objectClass=*)", ldap3.BASE)
            return Login(name=prepared_name(name), bound_to=self._addresses(entries[0]) if entries else ())

    def _searched(self, name: str) -> tuple[str, tuple[str, ...] | None] | None:
        """Return the one entry of a name (escaped: RFC 4515 3) and to what it is bound; None if there is not one."""
        options = self._options
        with self._connection(options.bind_dn, options.bind_password) as connection:
            if connection is None:
                raise LoginUnavailable("searcher")
            wanted = options.filter.replace("{name}", escape_filter_chars(name))
            entries = self._entries(connection, options.base, wanted, ldap3.SUBTREE)
        if len(entries) != 1 or not entries[0]["dn"]:
            return None
        return entries[0]["dn"], self._addresses(entries[0]) if options.addresses else None

    def _entries(self, connection: Any, base: str, wanted: str, scope: str) -> list[dict[str, Any]]:  # noqa: ANN401
        attributes = list(self._options.addresses) or ldap3.NO_ATTRIBUTES
        connection.search(
            base, wanted, scope, attributes=attributes, size_limit=2, time_limit=math.ceil(self._options.timeout)
        )
        # 4 is sizeLimitExceeded: there are several, and which of them is meant is not for us to say.
        if connection.result["result"] not in {_SUCCESS, 4}:
            raise LoginUnavailable("search")
        return [entry for entry in connection.response or () if entry.get("type") == "searchResEntry"]

    def _addresses(self, entry: dict[str, Any]) -> tuple[str, ...]:
        return tuple(islice(addresses_in(entry, self._options.addresses), _MOST_VALUES))

    def _connection(self, user: str, password: str) -> AbstractContextManager[Any]:
        options = self._options
        return connected(options.url, options.ca_file, options.timeout, user, password)


@contextmanager
def connected(url: str, ca_file: Path | None, timeout: float, user: str, password: str) -> Iterator[Any]:
    """Give a connection that is bound, or None if the directory refuses this user and password.

    `timeout` in seconds for each step. Raises `LoginUnavailable`, and whatever `translated` knows.
    """
    secure, tls = url.startswith("ldaps://"), _Tls(ca_file)
    server = ldap3.Server(url, use_ssl=secure, tls=tls, connect_timeout=timeout, get_info=ldap3.NONE)
    made = ldap3.Connection(
        server,
        user=user or None,
        password=password or None,
        authentication=ldap3.SIMPLE if user else ldap3.ANONYMOUS,
        auto_referrals=False,  # a referral would take the password elsewhere
        receive_timeout=math.ceil(timeout),  # it takes whole seconds
        read_only=True,
        check_names=False,
    )
    try:
        _open(made, tls, secure=secure)
        made.bind(read_server_info=False)
        result = made.result["result"]
        if result not in {_SUCCESS, *_NO}:
            raise LoginUnavailable("bind")
        yield made if result == _SUCCESS else None
    finally:
        with suppress(LDAPException, OSError):
            made.unbind()
        if made.socket is not None:  # ldap3 leaves one open that did not come to be
            made.socket.close()


def found_by(bound: Any, base: str, wanted: str, attributes: Iterable[str]) -> Iterator[dict[str, Any]]:  # noqa: ANN401
    """Yield all entries below `base` that a filter finds, page by page (RFC 2696); raises `LDAPException`."""
    found = bound.extend.standard.paged_search(
        base,
        wanted,
        ldap3.SUBTREE,
        attributes=list(attributes),
        paged_size=_PAGE,
        generator=True,
    )
    yield from (entry for entry in found if entry.get("type") == "searchResEntry")
    if bound.result["result"] != _SUCCESS:  # a directory that tells less than all
        raise LoginUnavailable("search")


def entry_of(bound: Any, name: str, attributes: Iterable[str]) -> dict[str, Any] | None:  # noqa: ANN401
    """Return one entry by its name, None if there is none."""
    bound.search(name, "(objectClass=*)", ldap3.BASE, attributes=list(attributes))
    if bound.result["result"] not in {_SUCCESS, *_NO}:
        raise LoginUnavailable("search")
    return next((one for one in bound.response or () if one.get("type") == "searchResEntry"), None)


def addresses_in(of: dict[str, Any], attributes: Iterable[str]) -> Iterator[str]:
    """Yield the addresses in an entry; Active Directory writes smtp: before those in proxyAddresses."""
    for attribute in attributes:
        for raw in values_in(of, attribute):
            value = re.sub(r"(?i)\Asmtp:", "", raw.decode("utf-8", "replace"))
            if "@" in value and is_pattern(value):
                yield value


def _open(made: Any, tls: _Tls, *, secure: bool) -> None:  # noqa: ANN401
    """Open a connection under TLS; raises `LoginUnavailable` with what failed."""
    try:
        made.open(read_server_info=False)
    except (LDAPException, OSError):
        raise LoginUnavailable("tls" if tls.failed else "connect") from None
    if secure:
        return
    try:
        started = made.start_tls(read_server_info=False)
    except (LDAPException, OSError):
        raise LoginUnavailable("tls") from None
    if not started:
        raise LoginUnavailable("tls")


def values_in(of: dict[str, Any], attribute: str) -> list[bytes]:
    """Return the values of an attribute; how its name is written does not count (RFC 4512 2.5)."""
    for name, found in (of.get("raw_attributes") or {}).items():
        if name.lower() == attribute.lower():
            return [value for value in found if isinstance(value, bytes)]
    return []


@contextmanager
def translated() -> Iterator[None]:
    """Turn what ldap3 and the network do into `LoginUnavailable`, without names, entries or passwords."""
    try:
        yield
    except (LDAPException, OSError, ValueError) as error:
        name = type(error).__name__.removeprefix("LDAP").removesuffix("Error").lower()
        raise LoginUnavailable(name or "ldap") from None
