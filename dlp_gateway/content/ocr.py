"""A picture → the text that is printed or photographed in it; with the extra `ocr` only (the door to tesserocr)."""

import os
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageOps

from dlp_gateway.content import machine_readable_zone

os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # one message, one core
try:
    import tesserocr
except ImportError:  # the extra `ocr` is not installed
    tesserocr = None

#: Where distributions put the language data; the newest first.
_FOLDERS: Final = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/share/tesseract/tessdata",
    "/usr/local/share/tessdata",
)
_LANGUAGE: Final = "eng"
_MILLISECONDS: Final = 8_000
_SHORTEST: Final = 100
#: Pixels of the longer side that are read: a card fills it with letters of some forty pixels.
_LONG_SIDE: Final = 1_800
_ENLARGED: Final = 3.0
#: Below this confidence the picture may stand on its side or on its head.
_SURE: Final = 60
_MIXED: Final = re.compile(r"\b(?=[A-Z0-9|l]*\d)[A-Z0-9|l]{5,}(?![a-km-z])")
_DIGITS: Final = re.compile(r"(?<![A-Za-z])(?=[\dOoIlSB-]*\d[\dOoIlSB-]*\d)[\dOoIlSB-]{4,}(?![A-Za-z])")
_AS_DIGITS: Final = str.maketrans("OoIlSB", "001158")
_SKEWS: Final = range(-14, 15, 2)
_SKEW_SIDE: Final = 400


@lru_cache(maxsize=1)
def engine() -> Any:  # noqa: ANN401 - tesserocr has no types
    """Return the engine, None if the extra or its language data is not installed; made once in each process."""
    if tesserocr is None:
        return None
    folders = (os.environ.get("TESSDATA_PREFIX", ""), *_FOLDERS)
    folder = next((one for one in folders if one and Path(one, f"{_LANGUAGE}.traineddata").is_file()), None)
    return folder and tesserocr.PyTessBaseAPI(path=folder, lang=_LANGUAGE, psm=tesserocr.PSM.AUTO)


def text(picture: Image.Image, seconds: float) -> str:
    """Return what can be read in a picture, lying or standing; call only where there is an engine.

    Little is begun after so many `seconds`.
    """
    end = time.monotonic() + seconds
    grey = _scaled(ImageOps.autocontrast(picture.convert("L")))
    best, sure = _read(_straight(grey), end)
    for turn in (Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270):
        if sure >= _SURE or machine_readable_zone.found(best) or time.monotonic() > end:
            break
        other, other_sure = _read(_straight(grey.transpose(turn)), end)
        if other_sure > sure and len(other) > len(best) // 4:
            best, sure = other, other_sure
    return "\n".join((best, *_corrected(best)))


def _corrected(found: str) -> list[str]:
    """Return lines as they may have been meant: an I is easily taken for an l, an O among digits for a nought."""
    meant = (
        _MIXED.sub(lambda token: token[0].replace("l", "I").replace("|", "I"), found),
        _MIXED.sub(lambda token: token[0].replace("l", "1").replace("I", "1").replace("|", "1"), found),
        _DIGITS.sub(lambda token: token[0].translate(_AS_DIGITS), found),
    )
    lines = dict.fromkeys(line for other in meant for line in other.splitlines())
    return [line for line in lines if line not in set(found.splitlines())]


def _read(picture: Image.Image, end: float) -> tuple[str, int]:
    api = engine()
    api.SetImage(picture)
    api.SetSourceResolution(300)
    try:
        left = max(_SHORTEST, int(1_000 * (end - time.monotonic())))
        if not api.Recognize(min(left, _MILLISECONDS)):
            return "", 0
        return str(api.GetUTF8Text()).strip(), int(api.MeanTextConf())
    finally:
        api.Clear()


def _scaled(picture: Image.Image) -> Image.Image:
    factor = min(_ENLARGED, _LONG_SIDE / max(picture.size))
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _straight(picture: Image.Image) -> Image.Image:
    """Turn a picture so that its lines are level: rows of ink and rows of paper differ most then."""
    small = picture.copy()
    small.thumbnail((_SKEW_SIDE, _SKEW_SIDE))
    paper = int(np.median(np.asarray(small)))

    def sharpness(angle: float) -> float:
        rows = np.asarray(small.rotate(angle, fillcolor=paper), dtype=np.float32).mean(axis=1)
        return float(np.square(np.diff(rows)).sum())

    level = sharpness(0)
    angle: float = max(_SKEWS, key=sharpness)
    angle = max((angle + step / 2 for step in range(-3, 4)), key=sharpness)
    if not angle or sharpness(angle) < 1.15 * level:
        return picture
    return picture.rotate(angle, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
