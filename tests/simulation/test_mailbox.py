"""Filed mail is found where it lies, in order of time, and read as it came over the wire."""

import mailbox as standard
import os
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.simulation import comparison, mailbox
from tests.simulation.conftest import MONDAY, mail

LARGE = 10_000_000


def read(place: Path) -> dict[str, bytes]:
    """Return every mail of a place by its name."""
    return {one.name: mailbox.content(one, LARGE) or b"" for one in mailbox.found(place)}


def wire(raw: bytes) -> bytes:
    """Return a mail with the line ends of SMTP."""
    return raw.replace(b"\n", b"\r\n")


def test_a_maildir_and_its_folders(maildir: Path) -> None:
    """What is delivered, read or not, in folders below too; neither what is being written nor other files."""
    (maildir / ".Sent" / "cur").mkdir(parents=True)
    (maildir / ".Sent" / "new").mkdir()
    places = ("cur/1.host:2,S", "new/2.host", ".Sent/cur/3.host:2,S")
    for number, place in enumerate((*places, "tmp/4.host", "dovecot.index")):
        (maildir / place).write_bytes(mail("bob@shop.example", number=number))
    assert read(maildir) == {
        place: wire(mail("bob@shop.example", number=number)) for number, place in enumerate(places)
    }


def test_a_folder_of_eml_files(tmp_path: Path) -> None:
    """However deep, with the line ends of any system; links are not followed."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "One.EML").write_bytes(wire(mail("bob@shop.example")))
    (tmp_path / "two.eml").write_bytes(mail("eve@shop.example"))
    (tmp_path / "three.txt").write_bytes(mail("eve@shop.example"))
    (tmp_path / "four.eml").symlink_to(tmp_path / "two.eml")
    assert read(tmp_path) == {
        "a/b/One.EML": wire(mail("bob@shop.example")),
        "two.eml": wire(mail("eve@shop.example")),
    }
    assert list(read(tmp_path / "two.eml")) == ["two.eml"]


def test_an_mbox_as_the_standard_library_writes_it(tmp_path: Path) -> None:
    """Mails whose text has lines that begin with From are whole, and quoted ones lose their mark."""
    path = tmp_path / "sent.mbox"
    box = standard.mbox(path)
    texts = ("Hello\n", "Dear all,\n\nFrom here on\nFrom me\n", "no end of line", "\n\n", ">From quoted\n")
    for number, text in enumerate(texts):
        box.add(mail("bob@shop.example", number=number, text=text))
    box.close()
    found = read(path)
    assert list(found) == [f"sent.mbox:{number}" for number in range(1, 6)]
    for number, raw in enumerate(found.values()):
        got = message_from_bytes(raw)
        assert got["Message-ID"] == f"<m{number}@corp.example>"
        assert b"\nFrom - " not in raw
    assert b"\r\nFrom here on\r\nFrom me\r\n" in found["sent.mbox:2"]


@given(
    st.lists(
        st.lists(
            st.sampled_from((b"", b"From me\n", b"\nFrom me\n", b">From me\n", b"x" * 70_000 + b"\n", b"Hello\n")),
            max_size=5,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_an_mbox_tells_as_many_mails_as_were_put_in(texts: list[list[bytes]]) -> None:
    """Whatever their texts hold, and however long their lines are."""
    import tempfile  # noqa: PLC0415  a folder for each example

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "box"
        box = standard.mbox(path)
        for number, parts in enumerate(texts):
            box.add(mail("bob@shop.example", number=number) + b"".join(parts))
        box.close()
        got = [message_from_bytes(raw)["Message-ID"] for raw in read(path).values()]
    assert got == [f"<m{number}@corp.example>" for number in range(len(texts))]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", MONDAY),
        ("Received: from a by b; Tue, 03 Nov 2026 10:00:00 +0100\n", datetime(2026, 11, 3, 9, tzinfo=UTC)),
        ("Received: from a by b; nonsense\n", MONDAY),
        ("Received: from a by b\n", MONDAY),
    ],
)
def test_the_time_is_that_of_the_last_hop_or_of_the_author(tmp_path: Path, fields: str, expected: datetime) -> None:
    """The first Received field, then Date."""
    path = tmp_path / "one.eml"
    path.write_bytes(mail("bob@shop.example", fields=fields))
    (one,) = mailbox.found(path)
    assert one.at == expected


@pytest.mark.parametrize("date", ["", "Date: \n", "Date: 99 Foo 99999 99:99:99 +9999\n", "Date: " + "(" * 500 + "\n"])
def test_without_a_date_the_file_tells(tmp_path: Path, date: str) -> None:
    """When it was last written."""
    path = tmp_path / "one.eml"
    path.write_bytes(f"From: ann@corp.example\n{date}\nHello\n".encode())
    os.utime(path, (MONDAY.timestamp(),) * 2)
    (one,) = mailbox.found(path)
    assert one.at == MONDAY


def test_the_newest_come_oldest_first(tmp_path: Path) -> None:
    """Whatever their names and the order of their files."""
    for number in range(6):
        (tmp_path / f"{9 - number}.eml").write_bytes(mail("bob@shop.example", number=number))
    assert [one.name for one in comparison.newest(tmp_path, limit=3)] == ["6.eml", "5.eml", "4.eml"]
    since = MONDAY + timedelta(hours=4)
    assert [one.name for one in comparison.newest(tmp_path, limit=3, since=since)] == ["5.eml", "4.eml"]


def test_what_is_too_large_or_gone_is_none(tmp_path: Path) -> None:
    """Nothing is read beyond the bound."""
    path = tmp_path / "one.eml"
    path.write_bytes(mail("bob@shop.example"))
    (one,) = mailbox.found(path)
    assert mailbox.content(one, 10) is None
    path.unlink()
    assert mailbox.content(one, LARGE) is None


def test_a_place_that_is_none(tmp_path: Path) -> None:
    """A sentence that names it."""
    with pytest.raises(mailbox.NotMailError, match="there is no such file or folder"):
        list(mailbox.found(tmp_path / "missing"))
