"""Labels of charsets."""

import codecs
import sys

import pytest

from dlp_gateway.mail.charset import codec


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("utf-8", "utf_8"),
        ("UTF8", "utf_8"),
        ("ISO_8859-1", "cp1252"),
        ("gb2312", "gb18030"),
        ("cp-850", "cp850"),
        ("", ""),
        ("no-such-charset", ""),
        ("idna", ""),
        ("hex", ""),
        ("unicode_escape", ""),
        ("rot13", ""),
        ("a" * 100_000, ""),
        ("ks_c_5601-1987", "cp949"),
        ("windows-874", "cp874"),
        ("windows-31j", "cp932"),
        ("KOI8-U", "koi8_u"),
        ("ansi", "cp1252"),
        ('"iso-8859-1"', "cp1252"),
        ("zlib", ""),
        ("punycode", ""),
        ("raw-unicode-escape", ""),
        ("undefined", ""),
        ("../../etc/passwd", ""),
        ("utf-8\x00", "utf_8"),
        ("ü", ""),
    ],
)
def test_labels_lead_to_charsets_only(label: str, expected: str) -> None:
    """A label names one of a closed list of charsets, or nothing."""
    assert expected == codec(label)


def test_unknown_labels_import_nothing() -> None:
    """No label makes Python look for a codec by a name that came with the mail."""
    asked: list[str] = []

    def ask(name: str) -> None:
        asked.append(name)

    codecs.register(ask)
    try:
        before = set(sys.modules)
        found = [codec(f"no-such-charset-{number}") for number in range(50)]
        assert found == [""] * 50
        assert asked == []
        assert set(sys.modules) == before
    finally:
        codecs.unregister(ask)
