"""Names as American and British offices code them into numbers."""

import pytest

from dlp_gateway.detect.surnames import is_made_of, soundex


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Robert", "R163"),
        ("Rupert", "R163"),
        ("Ashcraft", "A261"),
        ("Tymczak", "T522"),
        ("Pfister", "P236"),
        ("Lee", "L000"),
    ],
)
def test_soundex(name: str, code: str) -> None:
    """The examples that the National Archives publish."""
    assert code == soundex(name)


@pytest.mark.parametrize(
    ("value", "text", "expected"),
    [
        ("S53044192207", "Ms Smith has {}", True),
        ("S53044192207", "Ms Jones has {}", False),
        ("MORGA657054SM9IJ", "Sarah Morgan: {}", True),
        ("FOX99657054SM9IJ", "{} (Fox)", True),
        ("12345678", "Ms Smith has {}", False),
    ],
)
def test_a_number_made_of_a_name_nearby(value: str, text: str, *, expected: bool) -> None:
    """A number that is not of the form has no name in it."""
    start = text.index("{}")
    assert is_made_of(value, text.format(value), start, start + len(value)) is expected
