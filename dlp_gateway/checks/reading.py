"""What of the system helps to read files, and what stays unread without it."""

from collections.abc import Iterator

from dlp_gateway.checks.remark import Remark, ok, warning


def libraries() -> Iterator[Remark]:
    """Yield whether archives such as RAR, and text in pictures, can be read."""
    from dlp_gateway.content import foreign_archive, ocr, picture  # noqa: PLC0415  slow to load, for this alone

    if foreign_archive.is_installed():
        yield ok("archives", "RAR, CAB, LHA and disc images are read.")
    else:
        yield warning(
            "archives",
            "RAR, CAB, LHA and disc images are not read (they are `unreadable.archive`), for libarchive is not "
            "installed: apt-get install libarchive13 (libarchive13t64 since Debian 13), then restart.",
        )
    if ocr.engine() is not None and picture.reads_heif():
        yield ok("pictures", "Text in pictures is read.")
    else:
        yield warning(
            "pictures",
            "Text in pictures is not read, or not in all of them (they are `unreadable.picture`): install the extra "
            "`ocr` with pip, and Tesseract's data with apt-get install tesseract-ocr-eng, then restart.",
        )
