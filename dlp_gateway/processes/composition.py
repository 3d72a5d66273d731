"""Settings → the parts that they describe: the one place where settings, policy and parts are put together."""

import os
import socket
import ssl
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from dlp_gateway.errors import ConfigurationError, Problem
from dlp_gateway.inspection.inspector import Inspector, InspectorOptions
from dlp_gateway.journal import Generation, SqlJournal, SqlLedger, open_journal, open_ledger
from dlp_gateway.observe import log
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes.policies import recipe
from dlp_gateway.settings import Listener, Settings, is_host_name
from dlp_gateway.smtp import smarthost as way_out
from dlp_gateway.smtp.listener import ListenerOptions, Security
from dlp_gateway.smtp.smarthost import Smarthost, SmarthostOptions, Unavailable
from quarantine import crypto
from quarantine.crypto import PrivateKey, PublicKey
from quarantine.opening import is_empty, open_store
from quarantine.sql import SqlStore

_HERE: Final = Path()  # urls in settings are absolute already


# --- what every part needs --------------------------------------------------------------------------------------------


def hostname(settings: Settings) -> str:
    """Return our name for greetings and trace fields; raises `ConfigurationError` if the machine's is none for mail."""
    name = settings.host_name()
    if is_host_name(name):
        return name
    message = "The name of this machine cannot be used in mail (letters, digits, dots, hyphens); write `hostname:`."
    raise ConfigurationError([Problem(source="gateway.yaml", line=0, column=0, message=message)])


def verify(settings: Settings, name: str) -> None:
    """Raise `ConfigurationError` if a certificate, a key, a password file or a network of `settings` cannot be used."""
    for listener in settings.listeners:
        listener_options(settings, listener, name)
    smarthost(settings, name)


# --- inspection, the way in and the way out ---------------------------------------------------------------------------


def inspector(settings: Settings, policy: Policy) -> Inspector:
    """Return the inspector of the message path; it still has to be started."""
    costs = settings.inspection
    return Inspector(
        recipe(policy),
        InspectorOptions(
            deadline=costs.deadline.total_seconds(),
            in_place_bytes=costs.in_place,
            memory_bytes=costs.memory,
            workers=costs.workers,
        ),
    )


def listener_options(settings: Settings, listener: Listener, name: str) -> ListenerOptions:
    """Return what one listener offers and bears; raises `ConfigurationError` if its certificate cannot be used."""
    context: ssl.SSLContext | None = None
    if listener.certificate is not None and listener.key is not None and listener.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(listener.certificate, listener.key)
        except (OSError, ssl.SSLError) as error:
            message = f"The certificate or its key cannot be used: {getattr(error, 'reason', '') or error.strerror}."
            problem = Problem(source=str(listener.certificate), line=0, column=0, message=message)
            raise ConfigurationError([problem]) from error
    try:
        return _listener_options(settings, listener, name, context)
    except ValueError as error:
        problem = Problem(source=f"listener {listener.address}", line=0, column=0, message=f"{error}.")
        raise ConfigurationError([problem]) from error


def _listener_options(
    settings: Settings, listener: Listener, name: str, context: ssl.SSLContext | None
) -> ListenerOptions:
    limits = settings.limits
    return ListenerOptions(
        hostname=name,
        networks=listener.networks,
        security=Security(listener.tls),
        tls_context=context,
        message_size=limits.message_size,
        recipients=limits.recipients,
        connections=limits.connections,
        connections_per_client=limits.connections_per_client,
        idle=limits.idle.total_seconds(),
    )


def smarthost(settings: Settings, name: str) -> Smarthost:
    """Return the way to the next hop; nothing is connected yet. Raises `ConfigurationError` for unusable files."""
    host = settings.smarthost
    return Smarthost(
        SmarthostOptions(
            host=host.host,
            port=host.port,
            security=way_out.Security(host.tls),
            tls_context=_authorities(host.ca_file),
            user=host.user or "",
            password=_secret(host.password_file),
            hostname=name,
            connections=host.connections,
            connect=host.timeouts.connect.total_seconds(),
            command=host.timeouts.command.total_seconds(),
            final_dot=host.timeouts.final_dot.total_seconds(),
        )
    )


async def smarthost_ready(host: Smarthost) -> str:
    """Return "" if a session with the smarthost can be opened, else in a word why not."""
    try:
        await host.probe()
    except Unavailable as trouble:
        return f"unreachable: {trouble.why}"
    return ""


def _authorities(path: Path | None) -> ssl.SSLContext | None:
    """Return a context that trusts the authorities of a file, or None for the system's."""
    if path is None:
        return None
    try:
        return ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError) as error:
        message = f"The authorities cannot be read: {error.strerror or 'this is no PEM file of certificates'}."
        raise ConfigurationError([Problem(source=str(path), line=0, column=0, message=message)]) from error


def _secret(path: Path | None) -> str:
    """Return a password from its file, without the newline that editors put at the end."""
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The password cannot be read: {getattr(error, 'strerror', '') or 'it is not UTF-8'}."
        raise ConfigurationError([Problem(source=str(path), line=0, column=0, message=message)]) from error


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
    key = crypto.load_or_create(key_file, store_is_empty=await is_empty(url, folder=_HERE))
    if crypto.lies_beside(key_file, Path(make_url(url).database or "")):
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


# --- systemd ----------------------------------------------------------------------------------------------------------


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)), if it started us: one datagram to the socket that it named."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier:
        notifier.connect("\0" + address[1:] if address.startswith("@") else address)
        notifier.sendall(state.encode())
