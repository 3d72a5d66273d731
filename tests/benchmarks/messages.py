"""The mails of the benchmarks: invented business prose, rows of numbers, and prose with an attachment, by size."""

import base64
import random
from typing import Final

_NAMES: Final = ("Priya", "Tom", "Lukas", "Aisha", "Kenji", "Sofia", "Omar", "Ines", "Mary", "Wei")
_SENTENCES: Final = (
    "{a} has looked at the offer and would like to see the figures for the {n}th of the month before {b} signs.",
    "The train to the site leaves at {n}:40, so let us meet in front of the station and walk over together.",
    "I am sending the plan once more, because page {n} was missing and {a} could not follow the second half.",
    "Order {number} is complete except for {n} brackets, which the supplier promised for the end of next week.",
    "Would you ask {b} whether the meeting room on floor {n} is free, or should we book one in the other house?",
    "We have paid {n},{m}.50 for the repair, and {a} thinks that half of it is covered by the warranty.",
    "The new version runs on {n} machines since yesterday, and so far nobody has complained about anything.",
    "Please call me on 020 7946 0{m} when you are back, it is about the invoice with the number {number}.",
)
_HEADER: Final = (
    "From: Ada <ada@corp.example>\r\nTo: Bob <bob@example.net>\r\nSubject: What we said on the telephone\r\n"
    "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
)


def prose(size: int) -> bytes:
    """Return a text/plain mail of about `size` bytes of prose."""
    return _plain(size, _prose(size))


def passed_on(size: int) -> bytes:
    """Return the same as an outsider wrote it: who of ours passes it on is remembered before it leaves."""
    return prose(size).replace(b"From: Ada <ada@corp.example>", b"From: Cleo <cleo@example.org>")


def numbers(size: int) -> bytes:
    """Return a text/plain mail of about `size` bytes of comma-separated numbers: the worst ordinary case."""
    chance = random.Random(2)
    rows = ["invoice,item,shelf,batch,quantity,price,parcel"]
    while sum(map(len, rows[-9:])) * len(rows) / 9 < size:
        digits = [str(chance.randrange(10 ** (width - 1), 10**width)) for width in (7, 8, 10, 11, 3, 5, 9)]
        rows.append(",".join(digits))
    return _plain(size, "\r\n".join(rows))


def export(size: int) -> bytes:
    """Return a text/plain mail of about `size` bytes, the export of a shop: headings that could be of identifiers."""
    chance = random.Random(4)
    rows = ["order,ordered on,client no,account,telephone,pieces,price,parcel"]
    while sum(map(len, rows[-9:])) * len(rows) / 9 < size:
        order, client, account, parcel = (chance.randrange(10 ** (width - 1), 10**width) for width in (6, 8, 10, 12))
        day = f"2026-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
        phone = f"555-{chance.randrange(200, 1000)}-{chance.randrange(1000, 10000)}"
        rows.append(
            f"ORD-{order},{day},{client},{account},{phone},{chance.randrange(1, 90)},{chance.random():.2f},{parcel}"
        )
    return _plain(size, "\r\n".join(rows))


def attached(size: int) -> bytes:
    """Return a mail of about `size` bytes: prose as text and as HTML, the rest a file in base64."""
    text = _prose(3000)
    html = "<html><body>" + "".join(f"<p>{line}</p>\r\n" for line in text.splitlines()) + "</body></html>"
    data = random.Random(3).randbytes(max(0, size - 8000) * 57 // 78)
    file = base64.encodebytes(data).decode().replace("\n", "\r\n")
    return (
        f'{_HEADER}Content-Type: multipart/mixed; boundary="outer"\r\n\r\n'
        '--outer\r\nContent-Type: multipart/alternative; boundary="inner"\r\n\r\n'
        f"--inner\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
        f"--inner\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}\r\n--inner--\r\n"
        '--outer\r\nContent-Type: application/octet-stream; name="plan.bin"\r\n'
        'Content-Disposition: attachment; filename="plan.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        f"{file}\r\n--outer--\r\n"
    ).encode()


def _plain(size: int, text: str) -> bytes:
    header = f"{_HEADER}Content-Type: text/plain; charset=utf-8\r\n\r\n"
    return f"{header}{text[: size - len(header) - 2]}\r\n".encode()


def _prose(size: int) -> str:
    chance = random.Random(1)
    lines: list[str] = ["Dear Bob,"]
    length = 0
    while length < size:
        a, b = chance.sample(_NAMES, 2)
        values = {"n": chance.randint(2, 28), "m": chance.randint(100, 999), "number": chance.randint(10_000, 99_999)}
        lines.append(chance.choice(_SENTENCES).format(a=a, b=b, **values))
        length += len(lines[-1]) + 2
    return "\r\n".join(lines)
