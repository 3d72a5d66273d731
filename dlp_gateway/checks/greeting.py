"""What a mail server says first, asked for as any client would."""

import socket
import ssl
from dataclasses import dataclass
from typing import Final

from dlp_gateway.mail.reply import printable

_PATIENCE: Final = 5.0  # seconds
_LONGEST: Final = 1_000  # octets of a greeting (RFC 5321 4.5.3.1.5: 512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """The first line of a server, printable, and the name by which it calls itself in it (RFC 5321 4.2), or ""."""

    line: str
    host: str


def greet(host: str, port: int, *, implicit_tls: bool) -> Greeting | None:
    """Return the greeting of the mail server at `host`:`port`, None if nothing greets there like one; never raises."""
    try:
        with socket.create_connection((host, port), timeout=_PATIENCE) as connection:
            line = _tls_line(connection) if implicit_tls else _line(connection)
    except OSError:  # ssl.SSLError too
        return None
    text = printable(line.decode("utf-8", "replace").strip(), 200)
    code, _, rest = text.replace("-", " ", 1).partition(" ")
    if len(code) != 3 or not code.isdecimal():
        return None
    return Greeting(line=text, host=rest.partition(" ")[0])


def _tls_line(connection: socket.socket) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # asked who it is, not trusted with anything
    context.verify_mode = ssl.CERT_NONE
    with context.wrap_socket(connection) as wrapped:
        return _line(wrapped)


def _line(connection: socket.socket) -> bytes:
    """Return what came up to the first line end; ends politely, so that nobody logs a fault."""
    line = b""
    while b"\n" not in line and len(line) < _LONGEST:
        chunk = connection.recv(_LONGEST)
        if not chunk:
            break
        line += chunk
    connection.sendall(b"QUIT\r\n")
    return line.partition(b"\n")[0]
