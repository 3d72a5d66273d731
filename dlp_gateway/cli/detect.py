"""`dlp-gateway detect`: identifiers in texts, JSON lines in and out; the way to measure the detectors on samples."""

import codecs
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

import click

from dlp_gateway.cli import options, streams
from dlp_gateway.mail.reply import printable

_LONGEST_LINE: Final = 64_000_000  # bytes
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@click.command("detect")
@click.argument("source", metavar="FILE.jsonl|-")
@options.as_json
@click.option("--min-score", type=click.FloatRange(0, 1), default=0.6, show_default=True, help="The least score shown.")
def command(*, source: str, as_json: bool, min_score: float) -> None:
    """Find identifiers in texts: read {"id", "text"} lines; --json writes {"id", "spans", "solicitation", "ms"} lines.

    A span has start and end in code points, type, country and score; never the text. Scores of 0.6 and more are of
    medium confidence, which is what holds a mail by default. `solicitation` tells whether the text asks its readers
    for an identity document. With `-` reads standard input.

    \b
    Example:
      echo '{"id": 1, "text": "IBAN DE89 3704 0044 0532 0130 00"}' | dlp-gateway detect -
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway import packs
    from dlp_gateway.detect.base import CONFIDENCE
    from dlp_gateway.detect.identifier_rules import load_rules
    from dlp_gateway.detect.identifiers import IdentifierDetector
    from dlp_gateway.detect.solicitation import likelihood
    from dlp_gateway.detect.words import load_words

    with options.problems_shown(as_json=as_json):
        detector = IdentifierDetector(load_rules(packs.builtin()))
        words = load_words(packs.builtin())
    texts = told = 0
    with _progress(source) as progress:
        for number, line in enumerate(streams.lines(source, longest=_LONGEST_LINE), 1):
            progress.update(len(line))
            if not line.strip():
                continue
            entry = _entry(source, number, line)
            texts += 1
            begun = time.perf_counter()
            found = [span for span in detector.spans(entry["text"]) if span.score >= min_score]
            spent = round((time.perf_counter() - begun) * 1000, 3)
            asked = likelihood(words, entry["text"]) >= CONFIDENCE["medium"]
            if as_json:
                shown = [
                    {
                        "start": span.start,
                        "end": span.end,
                        "type": span.type,
                        "country": span.country,
                        "score": round(span.score, 3),
                    }
                    for span in found
                ]
                options.print_json({"id": entry["id"], "spans": shown, "solicitation": asked, "ms": spent})
            else:
                told += asked + len(found)
                if asked:
                    click.echo(f"{printable(str(entry['id']))}  asks for an identity document")
                for span in found:
                    place = f"{printable(str(entry['id']))}:{span.start}-{span.end}"
                    click.echo(f"{place}  {span.type} {span.country}  {span.score:.2f}  {span.why}")
    if not as_json and not told:
        click.echo(f"Nothing found in {texts} text{'s' if texts != 1 else ''}.")


def _progress(source: str) -> Any:  # noqa: ANN401  click's progress bar has no public type
    """Return a progress bar on standard error, hidden unless that is a terminal and the size is known."""
    with streams.told_of(source):
        size = Path(source).stat().st_size if source != streams.STANDARD else 0
    hidden = source == streams.STANDARD or not streams.on_terminal(sys.stderr)
    return click.progressbar(length=size, label="detect", file=sys.stderr, hidden=hidden)


def _no_json(_name: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def _entry(source: str, number: int, line: bytes) -> dict[str, Any]:
    """Return one line's object; a `FileError` names the line and the character (from 1), never its text."""
    place = f"{source}:{number}"
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        if line.startswith(_UTF_16):
            raise streams.FileError(place, "this is UTF-16; write it as UTF-8") from None
        raise streams.FileError(
            f"{place}:{error.start + 1}", "this octet is not UTF-8; write the file as UTF-8"
        ) from None
    try:
        entry = json.loads(text, parse_constant=_no_json)
    except json.JSONDecodeError as error:
        what = f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise streams.FileError(f"{place}:{error.pos + 1}", what) from None
    except (ValueError, RecursionError):
        raise streams.FileError(place, "this is not JSON that can be read: too deep, or a number too long") from None
    match entry:
        case {"id": _, "text": str()}:
            return dict(entry)
        case dict():
            raise streams.FileError(place, 'needs "id" and a string "text"')
    raise streams.FileError(place, 'not a JSON object; each line needs one with "id" and "text"')
