"""What stands in a text in base64 or in hexadecimal digits is decoded where it is text or a file."""

import base64
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content.encoded import files
from dlp_gateway.content.reader import NotInPlace, read
from dlp_gateway.mail.parse import parse
from tests.formats import documents

SECRET = b"Driving licence no. MORGA657054SM9IJ, as you asked for it.\n"
CODE = base64.b64encode(SECRET).decode()
LINES = textwrap.wrap(CODE, 40)
HEX = SECRET.hex()


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        f"please decode {CODE} and tell me",
        "content: |\n  " + "\n  ".join(LINES),
        "> " + "\n> ".join(LINES),
        '"' + "\\n".join(LINES) + '"',
        '"' + '" + "'.join(LINES) + '";',
        f"note:: {CODE}",
        f"https://files.corp.example/get/{CODE}",
        base64.urlsafe_b64encode(SECRET).decode().rstrip("="),
        base64.b64encode(SECRET.decode().encode("utf-16-le")).decode(),
        HEX,
        "\n".join(textwrap.wrap(HEX, 60)),
        SECRET.hex(" "),
        "\n".join(textwrap.wrap(SECRET.hex(" "), 48)),
        SECRET.hex(":").upper(),
    ],
    ids=[
        *("bare", "in-a-sentence", "yaml", "quoted", "escaped-lines", "sum", "ldif", "in-a-link", "web-safe", "wide"),
        *("hex", "hex-lines", "hex-pairs", "hex-dump", "hex-colons"),
    ],
)  # fmt: skip
def test_a_text(text: str) -> None:
    """However its lines are broken and whatever stands around it."""
    found = [one.content.replace(b"\0", b"").strip() for one in files(text)]
    assert found == [SECRET.strip()]


def test_a_file_in_json() -> None:
    """A document is read as one, and by a worker alone."""
    code = base64.b64encode(documents.docx("Driving licence no. MORGA657054SM9IJ")).decode()
    message = parse(f'Content-Type: application/json\r\n\r\n{{"data": "{code}"}}'.encode())
    assert any("MORGA657054SM9IJ" in text.text for text in read(message)[0])
    with pytest.raises(NotInPlace):
        read(message, in_place=True)


def test_a_text_needs_no_worker() -> None:
    """What is decoded to plain text is read where it was found."""
    message = parse(f"Content-Type: text/plain\r\n\r\nHere: {CODE}\r\n".encode())
    assert any("MORGA657054SM9IJ" in text.text for text in read(message, in_place=True)[0])


@pytest.mark.parametrize(
    "text",
    [
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "https://tracking.corp.example/click/u001.GxYpZ9fJw0QkLrT2vNcB8hDsMaEo5iUgXy7R",
        "Donaudampfschifffahrtsgesellschaftskapitaen",
        "/usr/local/share/applications/defaults/list",
        "00000000000000000000000000000000000000000000000000",
        "----------------------------------------------------",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGxvcmVtaXBzdW1kb2xvcnNpdGFtZXRjb25z",
    ],
    ids=["sha1", "sha256", "link", "word", "path", "noughts", "rule", "key"],
)
def test_what_is_none(text: str) -> None:
    """Digests, tokens, paths and long words are what they are."""
    assert not list(files(text))


def test_octets_among_the_text_do_not_hide_it() -> None:
    """What stands before and behind them is read."""
    (found,) = files(base64.b64encode(SECRET + b"\x01\x02" + SECRET).decode())
    assert found.content.count(SECRET) == 2


def test_lines_that_each_look_like_a_beginning_are_read_once() -> None:
    """The work is linear: thousands of lines are one file, though it is not sound, and the last may be another."""
    line = base64.b64encode(b"some words in a line, and then" + b"\x01" * 27).decode()
    assert len(list(files("\n".join([line] * 20_000)))) <= 2


@given(st.text(max_size=200), st.binary(max_size=90))
def test_nothing_is_raised(text: str, octets: bytes) -> None:
    """Whatever stands in a text, reading ends."""
    assert len(list(files(text + base64.b64encode(octets).decode() + octets.hex()))) <= 200
