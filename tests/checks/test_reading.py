"""What is told of the libraries that help to read files."""

import pytest

from dlp_gateway.checks import reading
from dlp_gateway.checks.remark import Level
from dlp_gateway.content import foreign_archive, ocr


def test_what_is_there_is_well() -> None:
    """A machine with everything has nothing to be told."""
    told = {one.about: one.level for one in reading.libraries()}
    assert told["archives"] is (Level.OK if foreign_archive.is_installed() else Level.WARNING)
    assert told["pictures"] is (Level.OK if ocr.engine() is not None else Level.WARNING)


def test_what_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is named, and the reason by which such mail is found."""
    monkeypatch.setattr(foreign_archive, "ffi", None)
    monkeypatch.setattr(ocr, "engine", lambda: None)
    archives, pictures = reading.libraries()
    assert archives.level is pictures.level is Level.WARNING
    assert "libarchive13" in archives.says
    assert "unreadable.archive" in archives.says
    assert "tesseract-ocr-eng" in pictures.says
