"""Mail that is signed, compressed or encrypted: CMS and OpenPGP, written by hand, with keys that nobody has."""

import base64
import zlib

SIGNED = bytes.fromhex("2a864886f70d010702")
ENVELOPED = bytes.fromhex("2a864886f70d010703")
AUTH_ENVELOPED = bytes.fromhex("2a864886f70d0109100117")
COMPRESSED = bytes.fromhex("2a864886f70d0109100109")
DATA = bytes.fromhex("2a864886f70d010701")
ZLIB = bytes.fromhex("2a864886f70d0109100308")


def der(tag: int, *inner: bytes) -> bytes:
    """Return one value in DER."""
    content = b"".join(inner)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def ber(tag: int, *inner: bytes) -> bytes:
    """Return one value of indefinite length, as programs write it that stream."""
    return bytes((tag, 0x80)) + b"".join(inner) + b"\0\0"


def signed(entity: bytes, *, streamed: bool = False, detached: bool = False) -> bytes:
    """Return SignedData about `entity`, without certificates and signatures."""
    wrap = ber if streamed else der
    pieces = (der(0x04, entity[at : at + 10]) for at in range(0, len(entity), 10))
    octets = ber(0x24, *pieces) if streamed else der(0x04, entity)
    content = der(0x06, DATA) + (b"" if detached else wrap(0xA0, octets))
    data = wrap(0x30, der(0x02, b"\x01"), der(0x31), wrap(0x30, content), der(0x31))
    return wrap(0x30, der(0x06, SIGNED), wrap(0xA0, data))


def compressed(entity: bytes) -> bytes:
    """Return CompressedData of `entity`."""
    content = der(0x30, der(0x06, DATA), der(0xA0, der(0x04, zlib.compress(entity))))
    data = der(0x30, der(0x02, b"\0"), der(0x30, der(0x06, ZLIB)), content)
    return der(0x30, der(0x06, COMPRESSED), der(0xA0, data))


def enveloped(kind: bytes = ENVELOPED) -> bytes:
    """Return something encrypted."""
    content = der(0x30, der(0x06, DATA), der(0x80, bytes(range(64))))
    return der(0x30, der(0x06, kind), der(0xA0, der(0x30, der(0x02, b"\0"), der(0x31), content)))


def _packet(kind: int, body: bytes, *, partial: bool = False) -> bytes:
    if partial:
        pieces = [body[at : at + 16] for at in range(0, len(body), 16)]
        *whole, last = pieces
        return bytes((0xC0 | kind,)) + b"".join(b"\xe4" + piece for piece in whole) + bytes((len(last),)) + last
    return bytes((0xC0 | kind, 0xFF)) + len(body).to_bytes(4, "big") + body


def pgp_literal(content: bytes, *, partial: bool = False) -> bytes:
    """Return a message that is neither signed nor encrypted."""
    return _packet(11, b"b\x05a.txt\0\0\0\0" + content, partial=partial)


def pgp_signed(content: bytes, *, squeeze: bool = False) -> bytes:
    """Return a signed message, compressed as programs do it."""
    packets = (
        _packet(4, b"\x03\0\x08\x01" + bytes(8) + b"\x01") + pgp_literal(content) + _packet(2, b"\x04" + bytes(20))
    )
    return _packet(8, b"\x02" + zlib.compress(packets)) if squeeze else packets


def pgp_encrypted() -> bytes:
    """Return an encrypted message."""
    return _packet(1, b"\x03" + bytes(range(40))) + _packet(18, b"\x01" + bytes(range(60)))


def pgp_armour(packets: bytes) -> bytes:
    """Return a message in armour."""
    lines = base64.encodebytes(packets).replace(b"\n", b"\r\n")
    return b"-----BEGIN PGP MESSAGE-----\r\nComment: x\r\n\r\n" + lines + b"=AAAA\r\n-----END PGP MESSAGE-----\r\n"
