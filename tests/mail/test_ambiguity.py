"""Mails that clients show differently, and ordinary ones that look a little like them."""

import pytest

from dlp_gateway.mail.message import Defect
from tests.mail.test_parse import parsed

PART = "Content-Type: text/plain\n\n"
NESTED = "Content-Type: multipart/alternative; boundary=b-inner\n\n--b-inner\n\nx\n--b-inner--\n"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        pytest.param(
            "boundary=b", f"This is a multi-part message in MIME format.\n--b\n{PART}x\n--b--\n", id="preamble"
        ),
        pytest.param("boundary=b", f"--b\n{PART}x\n--b--\n\n-- \nTo leave the list, write to us.\n", id="footer"),
        pytest.param("boundary=b", f"--b\n{PART}x\n", id="no end"),
        pytest.param("boundary=b", f"--b\n{PART}x\n--b--\n--b--\n", id="two ends"),
        pytest.param("boundary=b", f"--b\n{NESTED}\n--b--\n", id="a boundary within that begins alike"),
        pytest.param("boundary=b", "Only a text.\n", id="no parts at all"),
        pytest.param("boundary=b\nMIME-Version: 1.0\nMIME-Version: 1.0", f"--b\n{PART}x\n--b--\n", id="two versions"),
        pytest.param(
            "boundary=b\nContent-Type: multipart/mixed; boundary=b", f"--b\n{PART}x\n--b--\n", id="said twice"
        ),
        pytest.param("boundary=b\nContent-Type: multipart/related; boundary=b", f"--b\n{PART}x\n--b--\n", id="related"),
        pytest.param(
            "boundary=b\nContent-Transfer-Encoding: quoted-printable", f"--b\n{PART}x=3D\n--b--\n", id="encoding"
        ),
        pytest.param(
            "boundary=b\nContent-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: 8bit", "x", id="no encoding"
        ),
        pytest.param(
            "boundary=b", "--b\nContent-Type: text/plain\nContent-Type: text/html\n\nx\n--b--\n", id="no markup in it"
        ),
        pytest.param(
            "boundary=b", "--b\nContent-Type: text/plain; charset=utf-8; charset=us-ascii\n\nx\n--b--\n", id="charsets"
        ),
    ],
)
def test_what_ordinary_mailers_write_is_not_ambiguous(fields: str, body: str) -> None:
    """Sloppy is not hostile: every client shows the same."""
    assert Defect.AMBIGUOUS not in parsed(f"Content-Type: multipart/mixed; {fields}\n\n{body}").defects


ENCODED = "Content-Transfer-Encoding: base64\n\neA==\n"


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        pytest.param("boundary=b; boundary=c", f"--b\n{PART}x\n--b--\n--c\n{PART}y\n--c--\n", id="two boundaries"),
        pytest.param("boundary=a; boundary=c", f"--c\n{PART}y\n--c--\n", id="a boundary that divides nothing"),
        pytest.param("boundary=b\nContent-Type: multipart/mixed; boundary=c", f"--c\n{PART}y\n--c--\n", id="two types"),
        pytest.param(
            "boundary=b\nContent-Type: multipart/alternative; boundary=b", f"--b\n{PART}y\n--b--\n", id="shown?"
        ),
        pytest.param("boundary=b\nContent-Type: text/plain", f"--b\n{PART}y\n--b--\n", id="parts or none"),
        pytest.param("boundary=b", f"--b\n{PART}x\n--b--\n--b\n{PART}y\n--b--\n", id="a part behind the end"),
        pytest.param("boundary=b", f"--b\n{PART}x\n--bc\n{PART}y\n--b--\n", id="a line that begins alike"),
        pytest.param("x=y", f"--b\n{ENCODED}--b--\n", id="no boundary"),
        pytest.param("boundary=b", f"--b\nContent-Transfer-Encoding: 7bit\n{ENCODED}--b--\n", id="two encodings"),
        pytest.param("boundary=b", "--b\nContent-Transfer-Encoding: 7bit, base64\n\neA==\n--b--\n", id="a list"),
        pytest.param(
            "boundary=b", "--b\nContent-Type: text/plain\nContent-Type: text/html\n\n<p>x\n--b--\n", id="text or page"
        ),
        pytest.param(
            "boundary=b",
            "--b\nContent-Type: text/plain; charset=us-ascii; charset=utf-7\n\n+AGE-\n--b--\n",
            id="charsets",
        ),
    ],
)
def test_what_clients_show_differently_is_ambiguous(fields: str, body: str) -> None:
    """Each reading is read, and that there are several is said."""
    message = parsed(f"Content-Type: multipart/mixed; {fields}\n\n{body}")
    assert Defect.AMBIGUOUS in message.defects
    assert any(Defect.AMBIGUOUS in part.defects for part in message.parts)
