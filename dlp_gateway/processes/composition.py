"""Settings → the parts that they describe: the one place where settings, policy and parts are put together."""

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import make_url

from dlp_gateway import authorities
from dlp_gateway.detect.base import Detector
from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.inspection.fork_server import ForkServer
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.journal import Generation, SqlJournal, SqlLedger, open_journal, open_ledger
from dlp_gateway.login import AttemptLimits, Attempts, Dovecot, DovecotOptions, UsersFile
from dlp_gateway.login import file as users_file
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.observe import log
from dlp_gateway.policy.model import Policy
from dlp_gateway.ports import Authenticator, LoginFailures
from dlp_gateway.processes import certificates
from dlp_gateway.processes.policies import recipe
from dlp_gateway.settings import Listener, Settings, is_host_name
from dlp_gateway.settings.login import Ldap as LdapSettings
from dlp_gateway.settings.login import Login
from dlp_gateway.smtp import smarthost as way_out
from dlp_gateway.smtp.admission import Admission, Tenant
from dlp_gateway.smtp.identity import Identity
from dlp_gateway.smtp.listener import ListenerOptions, Security
from dlp_gateway.smtp.smarthost import Smarthost, SmarthostOptions, Unavailable
from quarantine import crypto
from quarantine.crypto import PrivateKey, PublicKey
from quarantine.opening import is_empty, open_store
from quarantine.sql import SqlStore

if TYPE_CHECKING:
    from dlp_gateway.login.members import MembersOptions

_SHORTEST_SECRET: Final = 16  # characters; what is shorter can be guessed by sending mails
_DOVECOT_REQUESTS: Final = 50  # it answers many at a time over one connection
_HERE: Final = Path()  # urls in settings are absolute already


# --- what every part needs --------------------------------------------------------------------------------------------


def hostname(settings: Settings) -> str:
    """Return our name for greetings and trace fields; raises `ConfigurationError` if the machine's is none for mail."""
    name = settings.host_name()
    if is_host_name(name):
        return name
    message = "The name of this machine cannot be used in mail (letters, digits, dots, hyphens); write `hostname:`."
    raise ConfigurationError.of("gateway.yaml", message)


def verify(settings: Settings, name: str) -> tuple[Identity | None, ...]:
    """Return the TLS identities of the listeners.

    Raises `ConfigurationError` if a certificate, a key, a secret file, a users' file or a network cannot be used.
    """
    identities = certificates.identities(settings)
    for listener, identity in zip(settings.listeners, identities, strict=True):
        listener_options(settings, listener, name, identity.context() if identity else None)
    smarthost(settings, name)
    if settings.login is not None:
        authenticator(settings.login)
        if settings.login.backend == "users":
            users_file.load(settings.login.users_file)
    team_directory(settings)
    return identities


# --- inspection, the way in and the way out ---------------------------------------------------------------------------


def inspector(
    settings: Settings,
    policy: Policy,
    forks: ForkServer | None = None,
    detectors: tuple[Detector, ...] | None = None,
) -> Inspector:
    """Return the inspector of the message path; it still has to be started. See there for `forks` and `detectors`."""
    costs = settings.inspection
    return Inspector(
        recipe(policy),
        InspectorOptions(
            deadline=costs.deadline.total_seconds(),
            in_place_bytes=costs.in_place,
            memory_bytes=costs.memory,
            workers=costs.workers,
        ),
        forks,
        detectors,
    )


def listener_options(
    settings: Settings,
    listener: Listener,
    name: str,
    context: ssl.SSLContext | None,
    inside: DomainSet = DomainSet(()),  # noqa: B008  a value
) -> ListenerOptions:
    """Return what one listener offers and bears; raises `ConfigurationError` if that cannot be.

    `context` for TLS; `inside` are the policy's domains, for `reverse_path: inside`.
    """
    admission = _admission(listener, inside)
    try:
        return _listener_options(settings, listener, name, context, admission)
    except ValueError as error:
        problem = Problem(source=f"listener {listener.address}", line=0, column=0, message=f"{error}.")
        raise ConfigurationError([problem]) from error


def _listener_options(
    settings: Settings, listener: Listener, name: str, context: ssl.SSLContext | None, admission: Admission
) -> ListenerOptions:
    limits = settings.limits
    return ListenerOptions(
        hostname=name,
        networks=listener.networks,
        login=listener.auth == "required",
        security=Security(listener.tls),
        tls_context=context,
        admission=admission,
        message_size=limits.message_size,
        recipients=limits.recipients,
        connections=limits.connections,
        connections_per_client=limits.connections_per_client,
        proxies=listener.proxies,
        errors=limits.errors,
        junk_commands=limits.commands,
        session=limits.session.total_seconds(),
        idle=limits.idle.total_seconds(),
        data_total=limits.message_time.total_seconds(),
        data_rate=limits.data_rate,
    )


def _admission(listener: Listener, inside: DomainSet) -> Admission:
    """Return what a listener asks of senders beyond their network."""
    asked, told = listener.client_certificate, listener.tenant_header
    tenant = None
    if told is not None:
        secrets = None if told.value_file is None else _secrets(told.value_file)
        tenant = Tenant(
            name=told.name,
            values=secrets or tuple(value.encode() for value in told.values),
            exact=secrets is not None,
            removed=told.removed,
        )
    return Admission(
        certificate_names=() if asked is None else asked.names,
        tenant=tenant,
        inside=inside if listener.reverse_path == "inside" else None,
    )


def _secrets(path: Path) -> tuple[bytes, ...]:
    """Return the secrets of a file, one a line; several, so that they can be exchanged without a gap."""
    found = tuple(line.strip().encode() for line in _secret(path).splitlines() if line.strip())
    if found and all(len(secret) >= _SHORTEST_SECRET and secret.isascii() for secret in found):
        return found
    message = (
        f"Secrets of {_SHORTEST_SECRET} ASCII characters or more are needed here, one a line: `openssl rand -hex 20`."
    )
    raise ConfigurationError.of(path, message)


def smarthost(settings: Settings, name: str) -> Smarthost:
    """Return the way to the next hop; nothing is connected yet. Raises `ConfigurationError` for unusable files."""
    told = settings.smarthost
    context, password = _authorities(told.ca_file), _secret(told.password_file)
    return Smarthost(
        *(
            SmarthostOptions(
                host=hop.host,
                port=hop.port,
                priority=hop.priority,
                security=way_out.Security(told.tls),
                tls_context=context,
                user=told.user or "",
                password=password,
                hostname=name,
                connections=told.connections,
                connect=told.timeouts.connect.total_seconds(),
                command=told.timeouts.command.total_seconds(),
                final_dot=told.timeouts.final_dot.total_seconds(),
                failures=told.circuit.failures,
                probe=told.circuit.probe.total_seconds(),
                longest_probe=told.circuit.longest_probe.total_seconds(),
            )
            for hop in told.hops
        )
    )


async def smarthost_ready(host: Smarthost) -> str:
    """Return "" if a session with the smarthost can be opened, else in a word why not."""
    try:
        await host.probe()
    except Unavailable as trouble:
        return f"unreachable: {trouble.why}{f' ({trouble.detail})' if trouble.detail else ''}"
    return ""


def _authorities(path: Path | None) -> ssl.SSLContext | None:
    """Return a context that trusts the authorities of a file, or None for the system's."""
    if path is None:
        return None
    try:
        return authorities.trusting(path)
    except (OSError, ssl.SSLError) as error:
        message = f"The authorities cannot be read: {error.strerror or 'this is no PEM file of certificates'}."
        raise ConfigurationError.of(path, message) from error


def _secret(path: Path | None) -> str:
    """Return a password from its file, without the newline that editors put at the end."""
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The password cannot be read: {getattr(error, 'strerror', '') or 'it is not UTF-8'}."
        raise ConfigurationError.of(path, message) from error


# --- custody and journal ----------------------------------------------------------------------------------------------


async def prepared_custody(settings: Settings) -> PrivateKey:
    """Bring the tables up to date and return the private key, made new for an empty custody.

    Raises `StoreKeyError` if there are rows and no key for them, and `StoreError` if the database cannot be used.
    """
    from dlp_gateway.journal import migrations as journal_migrations  # noqa: PLC0415  receivers never migrate
    from quarantine import migrations  # noqa: PLC0415  as above

    url, key_file = settings.custody.url, settings.custody.key_file
    await migrations.migrate(url, folder=_HERE)
    await journal_migrations.migrate(url, folder=_HERE)
    empty, database = await is_empty(url, folder=_HERE), Path(make_url(url).database or "")
    if empty and key_file.exists():
        log.custody_began_empty(str(database))
    key = crypto.load_or_create(key_file, store_is_empty=empty)
    if crypto.lies_beside(key_file, database):
        log.key_beside_database()
    return key


async def custody(settings: Settings, public: PublicKey, private: PrivateKey | None) -> SqlStore:
    """Open custody: with the private key to read and deliver, without it to take only."""
    return await open_store(settings.custody.url, public, private, folder=_HERE)


async def journal(
    settings: Settings, public: PublicKey, private: PrivateKey | None, generation: Generation | None = None
) -> SqlJournal:
    """Open the journal: with the private key to read it, without it to write and remember only."""
    return await open_journal(settings.custody.url, public, private, folder=_HERE, generation=generation)


async def ledger(settings: Settings, private: PrivateKey) -> SqlLedger:
    """Open what was told to authors."""
    return await open_ledger(settings.custody.url, private, folder=_HERE)


# --- logins -----------------------------------------------------------------------------------------------------------


def logins(settings: Settings, failures: LoginFailures) -> Attempts | None:
    """Return whom sessions ask, None if no listener wants a login; failures are counted in `failures`."""
    if settings.login is None:
        return None
    limits = settings.login.limits
    return Attempts(
        authenticator(settings.login),
        failures,
        AttemptLimits(
            failures=limits.failures,
            cut_off=limits.cut_off,
            memory=limits.memory,
            delay=limits.delay.total_seconds(),
            longest_delay=limits.longest_delay.total_seconds(),
            delayed=limits.delayed,
            attempts=limits.attempts,
            checks=_checks(settings.login),
        ),
    )


def _checks(login: Login) -> int:
    """Return how many passwords can be looked at at a time: what waits beyond that is sorted by who asks."""
    if login.ldap is not None:
        return login.ldap.connections
    return _DOVECOT_REQUESTS if login.dovecot is not None else login.limits.hashes


def authenticator(login: Login) -> Authenticator:
    """Return who knows the passwords; nobody is asked yet. Raises `ConfigurationError` for what cannot be used."""
    if login.ldap is not None:
        return _directory(login.ldap)
    if login.dovecot is not None:
        dovecot = login.dovecot
        return Dovecot(
            DovecotOptions(
                socket=dovecot.socket,
                host=dovecot.address.host if dovecot.address else "",
                port=dovecot.address.port if dovecot.address else 0,
                own_address=dovecot.own_address,
                timeout=dovecot.timeout.total_seconds(),
            )
        )
    return UsersFile(login.users_file, hashes=login.limits.hashes)


def _directory(directory: LdapSettings) -> Authenticator:
    try:
        from dlp_gateway.login.ldap import Ldap, LdapOptions  # noqa: PLC0415  an extra, which few need
    except ImportError:
        message = "`backend: ldap` needs the extra `ldap`, which is not installed: pip install 'dlp-gateway[ldap]'."
        raise ConfigurationError.of("login", message) from None
    _authorities(directory.ca_file)
    return Ldap(
        LdapOptions(
            url=directory.url,
            ca_file=directory.ca_file,
            user=directory.user or "",
            base=directory.base or "",
            filter=directory.filter,
            bind_dn=directory.bind_dn or "",
            bind_password=_secret(directory.bind_password_file),
            addresses=directory.addresses,
            connections=directory.connections,
            timeout=directory.timeout.total_seconds(),
        )
    )


def team_directory(settings: Settings) -> "MembersOptions | None":
    """Return how teams are looked up, None if no directory is named; raises `ConfigurationError`."""
    directory = settings.directory
    if directory is None:
        return None
    try:
        from dlp_gateway.login.members import MembersOptions  # noqa: PLC0415  an extra, which few need
    except ImportError:
        message = "`directory:` needs the extra `ldap`, which is not installed: pip install 'dlp-gateway[ldap]'."
        raise ConfigurationError.of("directory", message) from None
    _authorities(directory.ca_file)
    return MembersOptions(
        url=directory.url,
        base=directory.base,
        addresses=directory.addresses,
        ca_file=directory.ca_file,
        bind_dn=directory.bind_dn or "",
        bind_password=_secret(directory.bind_password_file),
        timeout=directory.timeout.total_seconds(),
    )
