"""Hands mail to a listener of the running gateway as a mail client would, with TLS and login where it asks for them."""

import smtplib
import ssl
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from dlp_gateway.checks.machine import reachable
from dlp_gateway.mail.reply import printable
from dlp_gateway.settings import Listener

_PATIENCE: Final = 120.0  # seconds for one reply: inspection and the smarthost stand behind it


class RefusedError(Exception):
    """The gateway cannot be reached, or will have no mail from us at all; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Under which name mail is handed over; "" for none."""

    name: str = ""
    password: str = field(default="", repr=False)


class Submission:
    """One session after EHLO, TLS and login; raises `RefusedError`."""

    def __init__(self, listener: Listener, host_name: str, login: Login) -> None:
        self._listener = listener
        host, port = reachable(listener.address)
        try:
            self._client = self._connected(host, port, host_name)
            self._own = str(self._client.sock.getsockname()[0]) if self._client.sock is not None else ""
            if login.name:
                self._client.login(login.name, login.password)
        except smtplib.SMTPAuthenticationError as error:
            raise RefusedError(f"The gateway refuses the login of {login.name}: {_said(error)}") from error
        except smtplib.SMTPResponseException as error:
            raise RefusedError(f"The gateway turns us away at {listener.address}: {_said(error)}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise RefusedError(f"Mail cannot be handed over at {listener.address}: {_why(error)}") from error

    @property
    def client(self) -> str:
        """The address as which the gateway sees us."""
        return self._own

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._client.close()

    def send(self, reverse_path: str, recipients: tuple[str, ...], content: bytes) -> str:
        """Run one mail transaction and return the reply that ended it."""
        client = self._client
        try:
            code, words = client.mail(reverse_path, ["BODY=8BITMIME"] if client.has_extn("8bitmime") else [])
            for recipient in recipients:
                if code == 250:
                    code, words = client.rcpt(recipient)
            if code == 250:
                code, words = client.data(content)
            else:
                client.rset()
        except smtplib.SMTPDataError as error:
            return _said(error)
        except (smtplib.SMTPException, OSError) as error:
            raise RefusedError(f"The gateway broke off: {_why(error)}") from error
        return printable(f"{code} {words.decode('utf-8', 'replace')}")

    def _connected(self, host: str, port: int, host_name: str) -> smtplib.SMTP:
        listener = self._listener
        if listener.tls == "none":
            client = smtplib.SMTP(host, port, host_name, _PATIENCE)
        elif listener.tls == "implicit":
            return smtplib.SMTP_SSL(host, port, host_name, timeout=_PATIENCE, context=self._pinned())
        else:
            client = smtplib.SMTP(host, port, host_name, _PATIENCE)
            client.starttls(context=self._pinned())
        client.ehlo()
        return client

    def _pinned(self) -> ssl.SSLContext:
        """Return a context that trusts the listener's own certificate and no other, by whatever name it is reached."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cafile=self._listener.certificate)
        return context


def _said(error: smtplib.SMTPResponseException) -> str:
    words = error.smtp_error
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return printable(f"{error.smtp_code} {text}")


def _why(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate is not accepted: {printable(error.verify_message, 150)}."
        case ConnectionRefusedError():
            return "nobody listens there. Is the gateway running (`dlp-gateway healthcheck`)?"
        case TimeoutError():
            return "no answer in time."
        case smtplib.SMTPNotSupportedError():
            return "it offers no login there; leave --login out, or name another listener with --listener."
        case _:
            return f"{printable(getattr(error, 'strerror', None) or str(error) or type(error).__name__, 150)}."
