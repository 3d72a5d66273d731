"""Line ends and leading dots, found by arrays as by expressions."""

from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.smtp import line_ends

OCTETS = st.lists(st.sampled_from([b"\r\n", b"\r\n", b"\r", b"\n", b".", b"x", b"\xff"]), max_size=16).map(b"".join)


def in_crlf_only(octets: bytes) -> bool:
    """The rule octet by octet."""
    rest = octets.replace(b"\r\n", b"")
    return b"\r" not in rest and b"\n" not in rest


@given(before=OCTETS, octets=OCTETS)
def test_arrays_tell_what_expressions_tell(before: bytes, octets: bytes) -> None:
    """Between places that part no CRLF, few octets and many are judged alike."""
    whole = bytearray(before.rstrip(b"\r") + octets.rstrip(b"\r").lstrip(b"\n"))
    start = len(before.rstrip(b"\r"))
    few = line_ends.are_crlf(whole, start, len(whole))
    many = line_ends._are_pairs(*line_ends._ends(whole, start, len(whole)))
    assert few == many == in_crlf_only(bytes(whole[start:]))


@given(before=st.sampled_from([b"", b"x", b"\r\n", b"\r\n.", b".\r\n", b"\r\n.."]), octets=OCTETS)
def test_what_is_plain_has_no_line_with_a_dot(before: bytes, octets: bytes) -> None:
    """Nor does it go on with a line that began with one, so that its next CRLF could end a message."""
    whole = bytearray(before + octets.rstrip(b"\r").lstrip(b"\n"))
    start = len(before)
    if line_ends.are_plain(whole, start, len(whole)):
        assert b"\n." not in whole[max(0, start - 3) :]
        assert b"\r\n.\r\n" not in whole[max(0, start - 4) :]
        assert in_crlf_only(bytes(whole[start:]))
    elif b"\n." not in whole:
        assert not in_crlf_only(bytes(whole[start:]))
