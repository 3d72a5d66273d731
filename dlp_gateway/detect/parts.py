"""How many files and pictures a message carries: what an answer to many carries decides how bad it is."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from dlp_gateway.detect.base import Finding, Material
from dlp_gateway.mail.message import Part

ATTACHMENT: Final = "parts.attachment"
PICTURE: Final = "parts.picture"

#: Octets below which a picture that is no attachment is taken for a logo or a smiley; photographs have more.
_LOGO: Final = 20_000
#: What is no file to anybody: the text itself, an invitation, signatures, reports of mail systems.
_NO_FILE: Final = frozenset(
    {"text/plain", "text/html", "text/enriched", "text/calendar", "text/x-amp-html", "text/rfc822-headers"}
    | {"application/pgp-signature", "application/pgp-encrypted", "application/pgp-keys"}
    | {"application/pkcs7-signature", "application/x-pkcs7-signature"}
    | {"message/delivery-status", "message/global-delivery-status", "message/feedback-report"}
    | {"message/disposition-notification", "message/global-disposition-notification", "message/global-headers"}
)
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")
_EXTENSIONS: Final = (".jpg", ".jpeg", ".png", ".gif", ".heic", ".heif", ".webp", ".avif", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsDetector:
    """Reports `parts.attachment` and `parts.picture`, each with the number of them."""

    @property
    def name(self) -> str:
        """Its name in findings: "parts"."""
        return "parts"

    @property
    def kinds(self) -> frozenset[str]:
        """Files, and pictures."""
        return frozenset((ATTACHMENT, PICTURE))

    def detect(self, material: Material) -> Iterator[Finding]:
        """Report both counts unless they are zero, at the first such part."""
        found = [(kind, part.path) for part in material.message.parts if (kind := _kind(part))]
        if not found:
            return
        first = dict(reversed(found))
        for kind, count in Counter(kind for kind, _ in found).items():
            yield Finding(kind=kind, detector=self.name, rule=kind, count=count, score=1.0, where=f"part:{first[kind]}")


def _kind(part: Part) -> str:
    """Return what a part is to those who get it, "" for what they take for the text or for decoration."""
    if not part.content:
        return ""
    if _is_picture(part):
        return PICTURE if part.disposition == "attachment" or len(part.content) >= _LOGO else ""
    if part.media_type in _NO_FILE and part.disposition != "attachment":
        return ""
    return ATTACHMENT


def _is_picture(part: Part) -> bool:
    """Whether it is a picture by its type or its name, or by its first octets, whatever it says it is."""
    if part.media_type.startswith("image/") or part.content.startswith(_PICTURES):
        return True
    is_webp = part.content.startswith(b"RIFF") and part.content[8:12] == b"WEBP"
    is_heif = part.content[4:8] == b"ftyp" and part.content[8:12] in {b"heic", b"heix", b"mif1", b"avif", b"msf1"}
    return is_webp or is_heif or any(name.endswith(_EXTENSIONS) for name in part.filename.lower().splitlines())
