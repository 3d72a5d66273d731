"""Hiding places in what is text: zones for machines, scripts, drawings, encodings that nothing tells of."""

import base64
import json
import sqlite3
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from html import escape

from tests.evasion.specimen import Specimen, attached, file, mail, plain
from tests.formats import documents, zones

#: Two lines that look like a zone, and are a label of a parcel.
_PARCEL = ("ORDER<<K4403217<<TIDEWELL<<<<<<<<<<<<<<<<<<<", "CHAIRS<3<OF<5<<KEEP<DRY<<<<<<<<<<<<<<<<<<<<<")


def written() -> Iterator[Specimen]:
    """Yield every specimen."""
    yield from _zones()
    for name, make in _pages().items():
        yield file(f"page-{name}", lambda text, make=make: make(text).encode(), "a.html", "text/html")
    for name, make in _drawings().items():
        yield file(f"drawing-{name}", lambda text, make=make: make(text).encode(), "a.svg", "image/svg+xml")
    for name, make in _encodings().items():
        yield plain(f"encoded-{name}", lambda text, make=make: ("Content-Type: text/plain\r\n", make(text).encode()))
    yield file("encoded-document-in-json", _in_json, "a.json", "application/json")
    yield file("boxes-csv", lambda text: ",".join(_boxed(text)).encode(), "a.csv")
    yield file("boxes-docx", lambda text: documents.docx("\t".join(_boxed(text))), "a.docx")
    yield file("drawing-in-docx", _with_drawing, "a.docx")
    yield plain("encoded-in-field", lambda text: (f"X-Data: {base64.b64encode(text.encode()).decode()}\r\n", b"Hi"))
    yield file("encoded-file-b64", lambda text: base64.encodebytes(text.encode()), "a.b64")
    yield file("encoded-file-hex", lambda text: (text.encode().hex() + "\n").encode(), "a.hex")
    yield file("database", _database, "a.db")
    yield file("database-in-json", lambda text: json.dumps([base64.b64encode(_database(text)).decode()]).encode(), "a")
    yield file("docx-page-within", _with_page, "a.docx")
    yield file("encoded-smuggled-in-script", _smuggled, "a.html", "text/html")
    for name, made in _lone_returns().items():
        yield plain(f"return-{name}", made)


def _zones() -> Iterator[Specimen]:
    for name, make in {
        "docx": lambda lines: attached(documents.docx("\n".join(lines)), "a.docx"),
        "body": lambda lines: mail("", "\r\n".join(lines).encode()),
        "quoted": lambda lines: mail("", "\r\n".join(f"> {line}" for line in lines).encode()),
        "wrapped": lambda lines: mail("", "\r\n".join(textwrap.wrap(" ".join(lines), 30)).encode()),
        "page": lambda lines: mail("Content-Type: text/html\r\n", escape("<br>".join(lines)).encode()),
        "pdf": lambda lines: attached(documents.pdf(" ".join(lines), "page"), "a.pdf", "application/pdf"),
    }.items():
        yield Specimen(name=f"zone-{name}", mail=make(zones.passport()), twin=make(_PARCEL))


def _pages() -> dict[str, Callable[[str], str]]:
    def script(source: str) -> str:
        return f"<html><p>Note</p><script>{source}</script></html>"

    return {
        "script": lambda text: script(f"document.write({json.dumps(text)})"),
        "script-sum": lambda text: script(
            f"document.write({'+'.join(map(json.dumps, textwrap.wrap(text, 9, drop_whitespace=False)))})"
        ),
        "script-names": lambda text: script(
            f"var a={json.dumps(text[:20])};var b={json.dumps(text[20:])};document.write(a+b)"
        ),
        "script-escapes": lambda text: script("alert('" + "".join(f"\\x{ord(sign):02x}" for sign in text) + "')"),
        "script-atob": lambda text: script(f"document.write(atob('{base64.b64encode(text.encode()).decode()}'))"),
        "script-codes": lambda text: script(
            f"document.write(String.fromCharCode({','.join(map(str, map(ord, text)))}))"
        ),
        "script-per-cent": lambda text: script(
            f"document.write(unescape('{''.join(f'%{ord(sign):02X}' for sign in text)}'))"
        ),
        "script-list": lambda text: script(f"document.write({json.dumps(list(text))}.join(''))"),
        "script-reversed": lambda text: script(
            f"document.write({json.dumps(text[::-1])}.split('').reverse().join(''))"
        ),
        "script-data": lambda text: script(f"var data = {{note: {json.dumps(text)}}};"),
        "link": lambda text: f"<html><a href=\"javascript:alert('{text[:20]}'+'{text[20:]}')\">Note</a></html>",
        "entities-twice": lambda text: f"<html>{''.join(f'&amp;#{ord(sign)};' for sign in text)}</html>",
        "handler": lambda text: f'<html><body onload="document.title=&quot;{text}&quot;">Note</body></html>',
        "boxes-beside-label": _boxes,
    }


def _boxes(text: str) -> str:
    label, _, value = text.rpartition(" ")
    cells = "".join(f"<td>{sign}</td>" for sign in value)
    return f"<html><table><tr><td>{label}</td>{cells}<td>end</td></tr></table></html>"


def _boxed(text: str) -> list[str]:
    label, _, value = text.rpartition(" ")
    return [label, *value]


def _with_drawing(text: str) -> bytes:
    return documents.docx("", "none", files={"image1.svg": _drawings()["letters"](text).encode()})


def _drawings() -> dict[str, Callable[[str], str]]:
    def drawn(places: list[str]) -> str:
        return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(reversed(places))}</svg>'

    return {
        "letters": lambda text: drawn(
            [f'<text x="{10 + 12 * at}" y="40">{sign}</text>' for at, sign in enumerate(text) if sign != " "]
        ),
        "words": lambda text: drawn(
            [f'<text x="{10 + 90 * at}" y="40">{word}</text>' for at, word in enumerate(text.split())]
        ),
        "spans": lambda text: (
            '<svg xmlns="http://www.w3.org/2000/svg"><text y="40">'
            + "".join(reversed([f'<tspan x="{10 + 90 * at}">{word}</tspan>' for at, word in enumerate(text.split())]))
            + "</text></svg>"
        ),
    }


def _encodings() -> dict[str, Callable[[str], str]]:
    def code(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    return {
        "base64": lambda text: f"Please decode this:\r\n\r\n{code(text)}\r\n\r\nRegards\r\n",
        "base64-lines": lambda text: "Please decode:\r\n" + "\r\n".join(textwrap.wrap(code(text * 3), 76)),
        "base64-quoted": lambda text: "> " + "\r\n> ".join(textwrap.wrap(code(text), 40)),
        "base64-twice": lambda text: f"x: {code(code(text))}",
        "base64-web-safe": lambda text: f"x={base64.urlsafe_b64encode(text.encode()).decode().rstrip('=')}",
        "hex": lambda text: f"hex {text.encode().hex()} end",
        "hex-in-c": lambda text: "{" + ", ".join(f"0x{ord(sign):02x}" for sign in text) + "};",
        "hex-pairs": lambda text: text.encode().hex(" "),
        "per-cent": lambda text: "".join(f"%{ord(sign):02X}" for sign in text),
        "entities": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
        "escapes": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    }


def _in_json(text: str) -> bytes:
    return json.dumps({"name": "a.docx", "data": base64.b64encode(documents.docx(text)).decode()}).encode()


def _database(text: str) -> bytes:
    label, _, value = text.rpartition(" ")
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE notes (name, label, value)")
        database.execute("INSERT INTO notes VALUES ('Ann', ?, ?)", (label, value))
        database.commit()
        return database.serialize()


def _with_page(text: str) -> bytes:
    """A document with a part that is a page, as programs write it that paste one (ECMA-376, 17.17.2)."""
    page = f"<!DOCTYPE html><html><head><meta charset=utf-8></head><body><p>{text}<br>end</body></html>"
    return documents.docx("", "none", files={"afchunk.htm": page.encode()})


def _smuggled(text: str) -> bytes:
    """A page whose script builds a file for its reader to save."""
    lines = textwrap.wrap(base64.b64encode(documents.docx(text)).decode(), 500)
    return f"<html><script>var file = {' + '.join(map(json.dumps, lines))}; save(atob(file));</script></html>".encode()


def _lone_returns() -> dict[str, Callable[[str], tuple[str, bytes]]]:
    def part(text: str, blank: str) -> bytes:
        encoded = base64.encodebytes(text.encode()).decode()
        return (
            f"--b\r\nContent-Type: text/plain\rContent-Transfer-Encoding: base64{blank}{encoded}\r\n--b--\r\n".encode()
        )

    head = "Content-Type: multipart/mixed; boundary=b\r\n"
    return {
        "in-part": lambda text: (head, part(text, "\r\r")),
        "before-blank-line": lambda text: (head, part(text, "\r\n\r\n")),
        "doubled": lambda text: (head, part(text, "\r\r\n\r\r\n")),
    }
