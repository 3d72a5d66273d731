"""Who logged in in one session: what is offered, what is asked before MAIL, and logging in (RFC 4954)."""

from ipaddress import IPv4Address, IPv6Address
from typing import assert_never

from dlp_gateway.mail.author import may_send
from dlp_gateway.mail.reply import Reply
from dlp_gateway.networks import network_of
from dlp_gateway.ports import Denial, Login
from dlp_gateway.smtp import replies
from dlp_gateway.smtp.door import Door
from dlp_gateway.smtp.mechanisms import MECHANISMS, Credentials
from dlp_gateway.smtp.replies import Refusal


class Authentication:
    """The login of one session; `login` is None before it, and again after STARTTLS."""

    def __init__(self, door: Door) -> None:
        self._wanted = door.options.login
        self._logins = door.logins
        self.login: Login | None = None

    @property
    def name(self) -> str:
        """The login's name, "" if there is none."""
        return "" if self.login is None else self.login.name

    @property
    def bound_to(self) -> tuple[str, ...] | None:
        """To what the login is bound, None for a login that is not, and for none."""
        return None if self.login is None else self.login.bound_to

    def offer(self, *, tls: bool) -> tuple[str, ...]:
        """Return what EHLO says of it: nothing where it would be refused (RFC 4954 3)."""
        return (f"AUTH {MECHANISMS}",) if self._wanted and tls and self.login is None else ()

    def demand(self, *, tls: bool) -> Reply | None:
        """Return what MAIL is told before a login, None if it may go on."""
        if not self._wanted or self.login is not None:
            return None
        return replies.LOGIN_FIRST if tls else replies.TLS_FIRST

    def objection(self, reverse_path: str) -> Reply | None:
        """Return what MAIL is told about a reverse-path that is not the login's, None if it is."""
        return None if may_send(reverse_path, self.bound_to) else replies.NOT_YOUR_ADDRESS

    def refusal(self, *, tls: bool, extended: bool, transaction: bool) -> Reply | None:
        """Return why AUTH cannot be said now, None if it can."""
        if not self._wanted:
            return replies.NOT_OFFERED
        if not tls:
            return replies.LOGIN_NEEDS_TLS
        if not extended:
            return replies.HELLO_FIRST
        if self.login is not None:
            return replies.LOGIN_ALREADY
        return replies.LOGIN_BETWEEN if transaction else None

    async def log_in(self, credentials: Credentials, client: IPv4Address | IPv6Address) -> Reply | Refusal:
        """Ask who knows the passwords; return what the client is told."""
        if self._logins is None:  # no door that asks for a login opens without
            return replies.LOGIN_UNAVAILABLE
        outcome = await self._logins.attempt(
            credentials.name, credentials.password, client=str(client), network=network_of(client)
        )
        match outcome:
            case Login():
                self.login = outcome
                return replies.LOGGED_IN
            case Denial.WRONG:
                return replies.LOGIN_WRONG
            case Denial.UNAVAILABLE:  # never 535: mail clients would ask their users for new passwords
                return replies.LOGIN_UNAVAILABLE
            case Denial.CUT_OFF | Denial.CROWDED:
                return replies.TOO_MANY_LOGINS
            case _:
                assert_never(outcome)
