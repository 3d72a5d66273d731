"""Whose word about a server counts: TLS contexts for servers that we ask, the same on every Python."""

import ssl
from pathlib import Path


def trusting(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return a context that checks certificate and name by the authorities of a file, or by the system's.

    Not `ssl.create_default_context`: from Python 3.13 on it asks for all that RFC 5280 4.2.1 wants in certificates
    (VERIFY_X509_STRICT). Those of a company's own authority often lack some of it, mail servers do not ask for it, and
    mail must not stop because Python is newer. A file that cannot be used raises OSError, ssl.SSLError among them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks both, and speaks TLS 1.2 at least (RFC 8997 3)
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(cafile=ca_file)
    return context
