"""Parameters of MIME fields: each reading, in linear time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.parameters import read
from tests.work import LINEAR, growth


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"text/plain; charset=x", "text/plain"),
        (b"TEXT/HTML", "text/html"),
        (b"(comment) text/html (other); a=b", "text/html"),
        (b'"text/html"', "text/html"),
        (b"text/html charset=x", "text/html"),
        (b"text / html", "text/html"),
        (b'"text/ html"', "text/html"),
        (b"text/(y)html", "text/html"),
        (b"text(a;b (c))/\thtml(;)", "text/html"),
        (b"text/html (unclosed", "text/html"),
        (b"; a=b", ""),
        (b"", ""),
    ],
)
def test_value(body: bytes, value: str) -> None:
    """The value without comments, in lower case."""
    assert value == read(body).value


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (b"x; boundary=a", ["a"]),
        (b'x; boundary="a b"', ["a b"]),
        (b"x;boundary = a ;c=d", ["a"]),
        (b"x; BOUNDARY=a; boundary=b", ["a", "b"]),
        (b"x; boundary=a; boundary*0=b; boundary*1=c", ["bc", "a"]),
        (b"x; boundary*1=c; boundary*0=b", ["bc"]),
        (b"x; boundary*=utf-8''%61", ["a"]),
        (b'x; boundary="a', ["a"]),
        (b'x; note="; boundary=a"; boundary=b', ["b"]),
        (b"x; (y) boundary=(z)a", ["a"]),
        (b'x; (y;") boundary=a; b="("', ["a"]),
        (b'x; boundary="a(b)"', ["a(b)"]),
        (b"x; boundary=a(b)", ["a(b)", "a"]),
        (b"x; boundary", []),
        (b"x; *=a", []),
        (b"x; boundary*99999999999999999999=a", ["a"]),
    ],
)
def test_readings(body: bytes, values: list[str]) -> None:
    """All values that a client may take, the likeliest first."""
    assert values == read(body).parameters.get("boundary", [])


@given(st.binary(max_size=100))
def test_never_raises(body: bytes) -> None:
    """Any octets are a field body."""
    assert isinstance(read(body).first("charset"), str)


@pytest.mark.parametrize(
    "unit", [b";", b"; ", b";a", b";a=", b';a="', b";a*0=b", b"(", b"( ", b'"', b";a*1*='''", b"\\"]
)
def test_takes_linear_time(unit: bytes) -> None:
    """Half a megabyte of any unit costs no more than its length (the standard library: half a minute for 37 kB)."""
    assert growth(read, lambda count: b"text/plain" + unit * count, 500_000 // len(unit)) < LINEAR
