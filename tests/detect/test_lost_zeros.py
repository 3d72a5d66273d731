"""Columns of a spreadsheet that took numbers for amounts."""

import pytest

from tests.detect.identifiers import numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Name\tSSN\nAnn Weir\t45382917\nBen\t12345678\nCid\t61234567\n", ["45382917", "12345678", "61234567"]),
        ("name,ssn\nAnn Weir,45382917\nBen Weir,1234567\n", ["45382917", "1234567"]),
        ("name;ssn;start\nAnn Weir;536228726;4/1\nBen Weir;45382917;4/2\n", ["536228726", "45382917"]),
        ("| Name | Social Security Number |\n|---|---|\n| Ann | 45382917 |", ["45382917"]),
        ('"name","ssn"\n"Ann","45382917"', ["45382917"]),
    ],
)
def test_a_column_of_social_security_numbers_without_zeros(text: str, expected: list[str]) -> None:
    """A heading that names them says what eight digits are, or seven."""
    assert [number for kind, number in numbers(text) if kind == "US_SSN"] == expected


@pytest.mark.parametrize(
    "text",
    [
        "Name\tOrder\nAnn Weir\t45382917\nBen\t12345678",
        "Name\tSSN (last four)\nAnn Weir\t8726\nBen\t4399",
        "Name\tSSN\nAnn Weir\t04538291\nBen\t00000000",
        "Name\tSSN\nAnn Weir\t123456\nBen\t12345",
        "Name\tSSN\nAnn Weir\t45001234\nBen\t45380000",
        "Name\tSSN\tEmployee ID\nAnn Weir\ton file\t45382917\nBen\ton file\t1234567",
        "Name\tSSN\tPhone\nAnn Weir\tXXX-XX-8726\t5550123\nBen\tXXX-XX-4399\t5550124",
        "Our SSN policy: order 45382917 was cancelled.",
        "SSN: 45382917",
        "Hull\tSSN class\nSSN\t774\nOrder\t45382917",
    ],
)
def test_what_is_no_such_column(text: str) -> None:
    """Eight digits elsewhere, fewer digits, and what no number can be with its zeros."""
    assert not [number for kind, number in numbers(text) if kind == "US_SSN"]
