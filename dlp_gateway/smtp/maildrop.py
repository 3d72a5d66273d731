"""An embedded next MTA for trials and the demo: takes every mail and keeps a copy for each recipient in a Maildir.

It stands where the real MTA would: each copy has on top the Return-Path and Delivered-To fields that a final MTA writes
(RFC 5321 4.4), so that a reader sees who received what.
"""

import asyncio
import mailbox
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


class Maildrop:
    """Listens on one address from `start` to `stop`."""

    def __init__(self, folder: Path) -> None:
        self._maildir = mailbox.Maildir(folder, create=True)
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen on `host`:`port` (0: a free one) and return the port; raises OSError if it cannot be had."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, hostname="mta.example", ident="ESMTP", enable_SMTPUTF8=True), host, port
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's
        """Keep one copy for each recipient."""
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            trace = f"Return-Path: {envelope.mail_from}\r\nDelivered-To: {recipient}\r\n".encode()
            self._maildir.add(trace + content)
        return "250 2.0.0 kept"
