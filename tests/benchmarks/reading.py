"""What each reader reads in a second: `python -m tests.benchmarks.reading`.

Each line is a format: the size of a file with some three hundred pages of text in it, the milliseconds of CPU that the
best of some rounds took, and how many MB of text and of file that is in a second. Pictures follow, with the characters
that were read in them.
"""

import random
import time
from collections.abc import Callable
from pathlib import Path

from dlp_gateway.content import readers
from dlp_gateway.content.reader import read_all
from dlp_gateway.mail.message import Message, Part
from tests.formats import archives, documents, foreign_archives, legacy, pictures, sealed

_ROUNDS = 5
_WORDS = ("offer", "of", "chairs", "for", "your", "house", "until", "Monday", "please", "call", "about", "delivery")


def prose(lines: int) -> list[str]:
    """Return lines of words that mean little, always the same."""
    chance = random.Random(7)
    return [" ".join(chance.choices(_WORDS, k=14)) for _ in range(lines)]


def samples(lines: int) -> dict[str, bytes]:
    """Return a file of each format with so many lines of text."""
    text = prose(lines)
    whole = "\r\n".join(text)
    table = [line.split(maxsplit=5) for line in text]
    rows = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) + "</row>" for row in table
    )
    sheet = f'<worksheet xmlns="x"><sheetData>{rows}</sheetData></worksheet>'
    body = "".join(map(documents.paragraph, text))
    document = f"<?xml version='1.0'?><w:document {documents.W}><w:body>{body}</w:body></w:document>"
    return {
        "text": whole.encode(),
        "html": ("<html><body>" + "".join(f"<p>{line}</p>" for line in text)).encode(),
        "csv": "\r\n".join(",".join(row) for row in table).encode(),
        "xml": ("<?xml version='1.0'?><a>" + "".join(f"<b>{line}</b>" for line in text) + "</a>").encode(),
        "rtf": documents.rtf(r"\par ".join(text)),
        "docx": documents.packed({"[Content_Types].xml": "<Types/>", "word/document.xml": document}),
        "xlsx": documents.packed({"[Content_Types].xml": "<Types/>", "xl/worksheets/sheet1.xml": sheet}),
        "odt": documents.packed({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": _open(text)}),
        "pptx": documents.packed({"[Content_Types].xml": "<Types/>", "ppt/slides/slide1.xml": _slide(text)}),
        "json": ("[" + ",".join(f'{{"note": "{line}"}}' for line in text) + "]").encode(),
        "ics": ("BEGIN:VCALENDAR\r\n" + "".join(f"DESCRIPTION:{line}\r\n" for line in text)).encode(),
        "pdf": _pages(text),
        "doc": legacy.doc(whole),
        "msg": legacy.msg(body=whole),
        "eml": b"From: a@corp.example\r\nSubject: x\r\n\r\n" + whole.encode(),
        "mbox": b"".join(
            b"From a@b Thu Jan  1 00:00:00 1970\r\nSubject: x\r\n\r\n%s\r\n\r\n" % p for p in _thousands(text)
        ),
        "tnef": legacy.tnef(whole),
        "zip": documents.packed({"a.txt": whole}),
        "tgz": archives.gz(archives.tar({"a.txt": whole.encode()})),
        "7z": archives.seven_zip({"a.txt": whole.encode()}),
        "rar": foreign_archives.rar_5({"a.txt": whole.encode()}),
        "iso": foreign_archives.disc({"a.txt": whole.encode()}),
        "lzip": foreign_archives.lzip(whole.encode()),
        "smime": sealed.signed(b"Content-Type: text/plain\r\n\r\n" + whole.encode()),
        "pgp": sealed.pgp_literal(whole.encode()),
    }


def looked_at() -> dict[str, bytes]:
    """Return pictures: megapixels are what they cost."""
    card = pictures.drawn(pictures.CARD)
    return {
        "letters": pictures.saved(card),
        "turned": pictures.saved(pictures.drawn(pictures.CARD, angle=7)),
        "code": pictures.saved(pictures.code(pictures.aamva("D1234567"))),
        "jpeg": pictures.saved(card, "JPEG"),
        "heic": (Path(__file__).parents[1] / "formats" / "heic" / "card.heic").read_bytes(),
        "scan": pictures.scanned_pdf(card),
    }


def _thousands(text: list[str]) -> list[bytes]:
    return ["\r\n".join(text[at : at + 1_000]).encode() for at in range(0, len(text), 1_000)]


def _open(text: list[str]) -> str:
    body = "".join(f"<text:p>{line}</text:p>" for line in text)
    return f"<office:document-content xmlns:office='o' xmlns:text='x'>{body}</office:document-content>"


def _slide(text: list[str]) -> str:
    body = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in text)
    return f"<p:sld xmlns:p='p' xmlns:a='a'>{body}</p:sld>"


def _pages(text: list[str]) -> bytes:
    """A PDF with fifty lines a page."""
    pages = [text[at : at + 50] for at in range(0, len(text), 50)]
    kids = b" ".join(b"%d 0 R" % (4 + 2 * number) for number in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pages)),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number, lines in enumerate(pages):
        drawn = b"BT /F1 9 Tf 14 TL 40 760 Td " + b" ".join(b"(%s) '" % line.encode() for line in lines) + b" ET"
        objects += [
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
            % (5 + 2 * number),
            documents.pdf_stream(drawn, filtered=True),
        ]
    return documents.pdf_objects(objects)


def measured(content: bytes, rounds: int = _ROUNDS) -> tuple[float, int]:
    """Return the CPU seconds of the best round, and how many characters were read."""
    part = Part(path="1", media_type="", charset="utf-8", filename="", disposition="attachment", content=content)
    message = Message(raw=b"", fields=(), body_start=0, visible=(), parts=(part,), defects=())
    best, characters = float("inf"), 0
    for _ in range(rounds):
        begun = time.process_time()
        reading = read_all(message)
        best = min(best, time.process_time() - begun)
        characters = sum(len(text.text) for text in reading.texts)
    return best, characters


def compare(lines: int = 15_000, rounds: int = _ROUNDS, tell: Callable[[str], None] = print) -> None:
    """Print the table."""
    readers.load()
    tell(f"{'format':8}{'KB':>8}{'ms':>9}{'MB/s text':>12}{'MB/s file':>12}")
    for name, content in samples(lines).items():
        seconds, characters = measured(content, rounds)
        rates = (size / 1e6 / max(seconds, 1e-6) for size in (characters, len(content)))
        tell(f"{name:8}{len(content) / 1e3:8.0f}{seconds * 1e3:9.1f}" + "".join(f"{rate:12.1f}" for rate in rates))
    for name, content in looked_at().items():
        seconds, characters = measured(content, rounds)
        tell(f"{name:8}{len(content) / 1e3:8.0f}{seconds * 1e3:9.1f}{characters:6.0f} characters")


if __name__ == "__main__":
    compare()
