"""Signs that a part is encrypted: its type, its armour, or what its format says at a known place."""

import re
from typing import Final

_SMIME: Final = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
#: The content types of CMS that are no secret, as DER object identifiers (RFC 5652 4, RFC 3274): signed, compressed.
_OPEN_CONTENT: Final = (
    bytes.fromhex("06092a864886f70d010702"),
    bytes.fromhex("060b2a864886f70d0109100109"),
)
_CONTENT_TYPE_WITHIN: Final = 32
_ARMOUR: Final = re.compile(rb"^(?:> ?)*+-----BEGIN PGP MESSAGE-----[ \t\r]*+$", re.MULTILINE)
#: The stream that holds an encrypted Office document (MS-OFFCRYPTO 2.3.4.4), as its directory names it.
_OFFICE_STREAM: Final = "EncryptedPackage".encode("utf-16-le")
_OLE: Final = b"\xd0\xcf\x11\xe0"
_ZIP: Final = b"PK\x03\x04"


def is_sealed(media_type: str, filename: str, content: bytes) -> bool:
    """Return whether the part is meant to be opened with a key: PGP/MIME, S/MIME or a PGP message within text.

    What S/MIME holds is told by the content, not by the smime-type parameter; what is neither signed nor compressed
    counts as encrypted (RFC 8551 3.2.2).
    """
    if media_type == "application/pgp-encrypted":  # RFC 3156 4: the control part of multipart/encrypted
        return True
    name = filename.lower()
    if media_type in _SMIME or name.endswith(".p7m"):
        return not any(identifier in content[:_CONTENT_TYPE_WITHIN] for identifier in _OPEN_CONTENT)
    if name.endswith((".pgp", ".gpg")):
        return True
    return b"-----BEGIN PGP MESSAGE-----" in content and _ARMOUR.search(content) is not None


def is_locked(content: bytes) -> bool:
    """Return whether a document or an archive asks for a password: ZIP, PDF, and Office since 2007."""
    if content.startswith(_ZIP):
        return len(content) > 6 and bool(content[6] & 1)  # general purpose flag, bit 0 (APPNOTE 4.4.4)
    if content.startswith(b"%PDF"):
        return b"/Encrypt" in content  # the trailer's entry (ISO 32000-1 7.6.1)
    return content.startswith(_OLE) and _OFFICE_STREAM in content
