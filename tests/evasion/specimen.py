"""A hiding place: a mail with an identifier in one place, its twin with nothing there, and how to make both."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

LICENCE = "Driving licence no. MORGA657054SM9IJ"
CLEAN = "Order of chairs no. ABCDE-12"
CARD = "Card 4539148803436467"
CLEAN_CARD = "Room 45"

Make = Callable[[str], bytes]


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """One hiding place. `expected` is "found", or the reason for which it is unreadable; so is `twin_expected`."""

    name: str
    mail: bytes
    twin: bytes
    expected: str = "found"
    twin_expected: str = ""
    needs: str = ""  # a library of the system, without which nobody can look
    also: str = ""  # a reason beside what was found


def attached(content: bytes, name: str = "", media_type: str = "application/octet-stream") -> bytes:
    """Return a mail that carries one file."""
    named = f'; name="{name}"' if name else ""
    disposition = f'Content-Disposition: attachment; filename="{name}"\r\n' if name else ""
    head = (
        "From: Ann <ann@corp.example>\r\nTo: ben@bakery.example\r\nSubject: Files\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="=_b"\r\n\r\n--=_b\r\nContent-Type: text/plain\r\n\r\nPlease see.\r\n'
        f"--=_b\r\nContent-Type: {media_type}{named}\r\n{disposition}Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head.encode() + base64.encodebytes(content).replace(b"\n", b"\r\n") + b"--=_b--\r\n"


def file(
    name: str, make: Make, filename: str = "", media_type: str = "application/octet-stream", *, card: bool = False
) -> Specimen:
    """Return a mail with a file that `make` makes of a text."""
    return Specimen(
        name=name,
        mail=attached(make(CARD if card else LICENCE), filename, media_type),
        twin=attached(make(CLEAN_CARD if card else CLEAN), filename, media_type),
    )


def mail(head: str, body: bytes, subject: str = "Hello") -> bytes:
    """Return a mail with these fields beside its own."""
    return (
        f"From: Ann <ann@corp.example>\r\nTo: ben@bakery.example\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n{head}\r\n".encode()
        + body
    )


#: What clients show in ways of their own is held for that alone, so the twins of these are orderly mails.
AMBIGUOUS = frozenset(
    (
        *("structure-two-boundaries-first", "structure-two-boundaries-last", "structure-prefix", "structure-two-types"),
        *("structure-part-behind-the-end", "structure-two-encodings", "reading-boundary-other-case"),
        *("reading-encoding-after-list", "reading-multipart-under-base64", "reading-two-types-multipart-last"),
        *("quirk-boundary-without-semicolon", "quirk-boundary-in-apostrophes"),
    )
)


def plain(name: str, make: Callable[[str], tuple[str, bytes]]) -> Specimen:
    """Return a mail whose fields and body `make` makes of a text."""
    if name in AMBIGUOUS:
        twin = mail("Content-Type: multipart/mixed; boundary=b\r\n", f"--b\r\n\r\n{CLEAN}\r\n--b--\r\n".encode())
        return Specimen(name=name, mail=mail(*make(LICENCE)), twin=twin, also="ambiguous")
    return Specimen(name=name, mail=mail(*make(LICENCE)), twin=mail(*make(CLEAN)))
