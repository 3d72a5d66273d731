"""More hiding places: what single clients and programs do that no standard has, and what hardly anybody thinks of."""

import base64
import binascii
import json
import plistlib
import struct
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from PIL import Image, ImageOps

from tests.evasion.specimen import Specimen, attached, file, plain
from tests.formats import archives, documents, legacy, pictures, sealed

TEXT = "Content-Type: text/plain; charset=utf-8\r\n"
HTML = "Content-Type: text/html; charset=utf-8\r\n"
MIXED = "Content-Type: multipart/mixed"

Made = tuple[str, str]


def quirks() -> Iterator[Specimen]:
    """Yield each of them."""
    for name, make in {**_headers(), **_bodies(), **_pages()}.items():
        yield plain(f"quirk-{name}", lambda text, make=make: (make(text)[0], make(text)[1].encode()))
    for name, (filename, make_file) in {**_office(), **_portable(), **_files(), **_images()}.items():
        yield file(f"quirk-{name}", make_file, filename)


def _b64(text: str, charset: str = "utf-8") -> str:
    return base64.b64encode(text.encode(charset)).decode()


def _halves(text: str) -> tuple[str, str]:
    return text[:-8], text[-8:]


def _parts(*parts: str, boundary: str = "b") -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def _headers() -> dict[str, Callable[[str], Made]]:
    """Fields that clients read in ways of their own."""
    encoded = "Content-Transfer-Encoding: base64\r\n\r\n"
    return {
        "boundary-name-in-capitals": lambda text: (f"{MIXED}; BOUNDARY=b\r\n", _parts(f"\r\n{text}")),
        "boundary-extended": lambda text: (f"{MIXED}; boundary*=us-ascii'en'%62\r\n", _parts(encoded + _b64(text))),
        "boundary-behind-empty-parameters": lambda text: (f"{MIXED};; ; boundary=b;\r\n", _parts(encoded + _b64(text))),
        "boundary-without-semicolon": lambda text: (f"{MIXED} boundary=b\r\n", _parts(encoded + _b64(text))),
        "boundary-in-apostrophes": lambda text: (f"{MIXED}; boundary='b'\r\n", _parts(encoded + _b64(text))),
        "boundary-with-colon-unquoted": lambda text: (
            f"{MIXED}; boundary=a:b/c\r\n",
            _parts(encoded + _b64(text), boundary="a:b/c"),
        ),
        "boundary-folded": lambda text: (f"{MIXED};\r\n\tboundary\r\n =\r\n b\r\n", _parts(encoded + _b64(text))),
        "boundary-in-latin": lambda text: (f'{MIXED}; boundary="bé"\r\n', _parts(encoded + _b64(text), boundary="bé")),
        "field-with-blank-before-colon": lambda text: ("Content-Transfer-Encoding : base64\r\n", _b64(text)),
        "type-in-mixed-case": lambda text: (
            "cOnTeNt-TyPe: MulTiPart/MiXed; bOuNdArY=b\r\n",
            _parts(encoded + _b64(text)),
        ),
        "encoding-quoted": lambda text: ('Content-Transfer-Encoding: "base64"\r\n', _b64(text)),
        "encoding-as-word": lambda text: ("Content-Transfer-Encoding: =?us-ascii?q?base64?=\r\n", _b64(text)),
        "encoding-with-parameter": lambda text: ("Content-Transfer-Encoding: base64; x=y\r\n", _b64(text)),
        "encoding-of-outlook": lambda text: ("Content-Transfer-Encoding: X-base64\r\n", _b64(text)),
        "subject-of-words-without-blanks": lambda text: (
            f"Comments: =?utf-8?q?{text[:9].replace(' ', '_')}?==?utf-8?q?{text[9:].replace(' ', '_')}?=\r\n",
            "Hi",
        ),
        "words-with-blanks-in-them": lambda text: (f"Comments: =?utf-8?q?{text}?=\r\n", "Hi"),
        "words-cut-in-an-octet": lambda text: (
            f"Comments: =?utf-8?b?{_b64(text)[:17]}?=\r\n =?utf-8?b?{_b64(text)[17:]}?=\r\n",
            "Hi",
        ),
        "words-with-language": lambda text: (f"Comments: =?utf-8*en-GB?q?{text.replace(' ', '_')}?=\r\n", "Hi"),
        "words-in-utf-7": lambda text: (
            f"Comments: =?utf-7?q?+{_b64(text[:3], 'utf-16-be').rstrip('=')}-{text[3:].replace(' ', '_')}?=\r\n",
            "Hi",
        ),
        "words-without-end": lambda text: (f"Comments: =?utf-8?q?{text.replace(' ', '_')}\r\n", "Hi"),
        "name-of-group": lambda text: (f"Cc: {text}: c@bakery.example;\r\n", "Hi"),
        "comment-behind-address": lambda text: (f"Reply-To: ann@corp.example ({text})\r\n", "Hi"),
        "keywords": lambda text: (f"Keywords: {text}\r\n", "Hi"),
        "mailer": lambda text: (f"X-Mailer: {text}\r\n", "Hi"),
        "name-of-list": lambda text: (f"List-Id: {text} <staff.corp.example>\r\n", "Hi"),
        "phrase-of-answer": lambda text: (f"In-Reply-To: {text} <1@corp.example>\r\n", "Hi"),
        "comment-behind-date": lambda text: (f"Date: Sat, 28 Nov 2026 10:00:00 +0000 ({text})\r\n", "Hi"),
        "unknown-field": lambda text: (f"X-Note: {text}\r\n", "Hi"),
        "name-in-sections-with-charset": lambda text: (
            (
                f"Content-Disposition: attachment; filename*0*=utf-8''{text[:10].replace(' ', '%20')};"
                f' filename*1="{text[10:]}"\r\n'
            ),
            "Hi",
        ),
        "name-in-utf-16": lambda text: (
            "Content-Disposition: attachment; filename*=utf-16be''"
            + "".join(f"%{octet:02X}" for octet in text.encode("utf-16-be"))
            + "\r\n",
            "Hi",
        ),
        "form-field": lambda text: (
            "Content-Type: multipart/form-data; boundary=b\r\n",
            _parts(f'Content-Disposition: form-data; name="{_halves(text)[0]}"\r\n\r\n{text}'),
        ),
    }


def _bodies() -> dict[str, Callable[[str], Made]]:
    """Bodies within bodies, and text that is not what it says."""
    return {
        "delivery-status": lambda text: (
            "Content-Type: multipart/report; boundary=b\r\n",
            _parts(
                f"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nDiagnostic-Code: smtp; {text}"
            ),
        ),
        "returned-header": lambda text: (
            "Content-Type: multipart/report; boundary=b\r\n",
            _parts(f"Content-Type: text/rfc822-headers\r\n\r\nSubject: {text}"),
        ),
        "global-message": lambda text: (
            f"{MIXED}; boundary=b\r\n",
            _parts(
                f"Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\n{_b64(f'Subject: x{chr(10)}{chr(10)}{text}')}"
            ),
        ),
        "related-root-last": lambda text: (
            'Content-Type: multipart/related; boundary=b; start="<r>"; type="text/html"\r\n',
            _parts("\r\nx", f"Content-ID: <r>\r\n{HTML}\r\n<p>{text}</p>"),
        ),
        "alternative-for-watches": lambda text: (
            "Content-Type: multipart/alternative; boundary=b\r\n",
            _parts(f"{TEXT}\r\nx", f"Content-Type: text/watch-html\r\n\r\n<b>{text[:20]}</b>{text[20:]}"),
        ),
        "flowed-without-blanks": lambda text: (
            "Content-Type: text/plain; format=flowed; delsp=yes\r\n",
            f"{text[:-9]} \r\n{text[-9:]}\r\n",
        ),
        "markdown": lambda text: ("Content-Type: text/markdown\r\n", f"{text[:-8]}**{text[-8:-4]}**{text[-4:]}\r\n"),
        "enriched": lambda text: (
            "Content-Type: text/enriched\r\n",
            f"{text[:-8]}<bold>{text[-8:-4]}</bold>{text[-4:]}\r\n",
        ),
        "qp-under-base64": lambda text: (
            "Content-Transfer-Encoding: base64\r\n",
            _b64("".join(f"={octet:02X}" for octet in text.encode())),
        ),
        "base64-under-qp": lambda text: (
            "Content-Transfer-Encoding: quoted-printable\r\n",
            _b64(text).replace("=", "=3D"),
        ),
        "base64-with-headers-again": lambda text: (
            TEXT,
            f"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n{_b64(text)}\r\n",
        ),
        "source-of-a-mail-in-text": lambda text: (
            TEXT,
            f"Hi\r\n\r\n--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n{_b64(text)}\r\n--b--\r\n",
        ),
        "clear-signed-with-dashes": lambda text: (
            TEXT,
            (
                f"-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\n- {text}\r\n-----BEGIN PGP SIGNATURE-----\r\n\r\nx\r\n"
                "-----END PGP SIGNATURE-----\r\n"
            ),
        ),
        "uuencoded-without-backticks": lambda text: (
            TEXT,
            f"begin 666 a.txt\r\n{binascii.b2a_uu(text.encode()).decode().rstrip()}\r\nend\r\n",
        ),
        "calendar-page": lambda text: (
            "Content-Type: text/calendar; method=REQUEST\r\n",
            (
                f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nX-ALT-DESC;FMTTYPE=text/html:<p>{text[:20]}<b>{text[20:24]}</b>\r\n {text[24:]}</p>\r\n"
                "END:VEVENT\r\nEND:VCALENDAR\r\n"
            ),
        ),
        "charset-mac": lambda text: (
            "Content-Type: text/plain; charset=x-mac-roman\r\nContent-Transfer-Encoding: base64\r\n",
            _b64(f"é {text}", "mac-roman"),
        ),
        "charset-ebcdic-1047": lambda text: (
            "Content-Type: text/plain; charset=ibm1047\r\nContent-Transfer-Encoding: base64\r\n",
            _b64(text, "cp500"),
        ),
        "charset-utf-16-unsaid": lambda text: (
            f"{TEXT}Content-Transfer-Encoding: base64\r\n",
            _b64(text, "utf-16-le"),
        ),
        "charset-utf-32-unsaid": lambda text: (
            f"{TEXT}Content-Transfer-Encoding: base64\r\n",
            _b64(text, "utf-32-be"),
        ),
        "letters-as-flags-and-circles": lambda text: (
            TEXT,
            "".join(chr(0x1F150 + ord(sign) - 65) if "A" <= sign <= "Z" else sign for sign in text),
        ),
        "letters-with-accents-on-top": lambda text: (
            TEXT,
            "".join(f"{sign}\u0301" if sign.isdecimal() else sign for sign in text),
        ),
        "tags-of-unicode-between": lambda text: (TEXT, "\U000e0061".join(text)),
        "variation-selectors-between": lambda text: (TEXT, "\ufe0f".join(text)),
        "fillers-between": lambda text: (TEXT, "\u3164".join(text)),
        "roman-digits-of-other-scripts": lambda text: (
            TEXT,
            "".join(chr(0x966 + int(sign)) if sign.isdecimal() else sign for sign in text),
        ),
        "digits-of-seven-segments": lambda text: (
            TEXT,
            "".join(chr(0x1FBF0 + int(sign)) if sign.isdecimal() else sign for sign in text),
        ),
        "no-break-blanks": lambda text: (TEXT, text.replace(" ", "\u00a0\u2007")),
        "columns-of-text": lambda text: (TEXT, "Name\tNumber\r\n" + "\t".join(text.rsplit(" ", 1)) + "\r\n"),
        "quoted-and-wrapped": lambda text: (TEXT, "> ".join(f"{word}\r\n" for word in f" {text}".split(" "))),
    }


def _pages() -> dict[str, Callable[[str], Made]]:
    """What styles and old elements of HTML make of a text."""

    def columns(text: str, style: str, *, backwards: bool = False) -> str:
        label, value = text.rsplit(" ", 1)
        signs = [value[at : at + 4] for at in range(0, len(value), 4)]
        return (
            f"<p>{label} "
            + "".join(f"<span style='{style}'>{one}</span>" for one in (signs[::-1] if backwards else signs))
            + "</p>"
        )

    def ordered(text: str) -> str:
        label, value = text.rsplit(" ", 1)
        pieces = [(at, value[at : at + 4]) for at in range(0, len(value), 4)]
        return f"<div style='display:flex'><i style='order:-9'>{label} </i>" + "".join(
            f"<i style='order:{at}'>{one}</i>" for at, one in reversed(pieces)
        )

    bodies: dict[str, Callable[[str], str]] = {
        "float": lambda text: columns(text, "float:right", backwards=True),
        "row-reverse": lambda text: (
            f"{text.rsplit(' ', 1)[0]} <div style='display:flex;flex-direction:row-reverse'>"
            + "".join(f"<i>{sign}</i>" for sign in reversed(text.rsplit(" ", 1)[1]))
            + "</div>"
        ),
        "order": ordered,
        "override": lambda text: f"<p style='unicode-bidi:bidi-override;direction:rtl'>{text[::-1]}</p>",
        "mirror": lambda text: f"<p style='transform:scaleX(-1)'>{text[::-1]}</p>",
        "hidden-by-a-class": lambda text: (
            f"<style>.q {{ display : none }}</style><p>{text[:-5]}<i class=q>77</i>{text[-5:]}</p>"
        ),
        "hidden-for-outlook": lambda text: f"<p>{text[:-5]}<span style='mso-hide:all'>77</span>{text[-5:]}</p>",
        "added-by-attribute": lambda text: (
            f"<style>b:before{{content:attr(data-x)}}</style><p><b data-x='{text}'></b></p>"
        ),
        "added-in-pieces": lambda text: (
            "<style>"
            + "".join(f".c{at}:after{{content:'\\{ord(sign):x} '}}" for at, sign in enumerate(text))
            + "</style><p>"
            + "".join(f"<i class=c{at}></i>" for at in range(len(text)))
        ),
        "column-of-digits": lambda text: (
            f"<p>{text.rsplit(' ', 1)[0]}</p>" + "".join(f"<div>{sign}</div>" for sign in text.rsplit(" ", 1)[1])
        ),
        "for-outlook-only": lambda text: f"<p>{text[:-5]}<!--[if mso]>{text[-5:-2]}<![endif]-->{text[-2:]}</p>",
        "data-attribute": lambda text: f"<p data-note='{text}'>x</p>",
        "json-for-gmail": lambda text: f'<script type="application/ld+json">{json.dumps({"note": text})}</script>',
        "drawing-in-a-style": lambda text: (
            f"<p style=\"background:url('data:image/svg+xml,{quote(f'<svg><text>{text}</text></svg>')}')\">x</p>"
        ),
        "sheet-in-a-link": lambda text: (
            f"<style>@import url(data:text/css;base64,{_b64(f'p:after {{content: {chr(34)}{text}{chr(34)}}}')});</style><p>x</p>"
        ),
        "sent-elsewhere": lambda text: f'<meta http-equiv=refresh content="0;url=data:text/html,{quote(text)}">',
        "pieces-in-cells": lambda text: (
            f"<p>{text.rsplit(' ', 1)[0]}</p><table><tr>"
            + "".join(f"<td>{text[at : at + 4]}</td>" for at in range(len(text) - 16, len(text), 4))
            + "</tr></table>"
        ),
        "pieces-in-a-grid": lambda text: (
            f"<p>{text.rsplit(' ', 1)[0]}</p><div style='display:grid'>"
            + "".join(f"<div>{text[at : at + 4]}</div>" for at in range(len(text) - 16, len(text), 4))
            + "</div>"
        ),
        "math": lambda text: f"<math><mtext>{text[:20]}</mtext><mtext>{text[20:]}</mtext></math>",
        "ruby": lambda text: f"<ruby>{text[:-5]}<rp>(</rp><rt></rt><rp>)</rp></ruby>{text[-5:]}",
        "marquee-and-blink": lambda text: f"<marquee>{text[:-5]}<blink>{text[-5:]}</blink></marquee>",
        "datalist": lambda text: f"<datalist><option value='{text}'></datalist>",
        "inputs-of-one-sign": lambda text: (
            f"<p>{text.rsplit(' ', 1)[0]} "
            + "".join(f"<input value='{sign}' size=1>" for sign in text.rsplit(" ", 1)[1])
        ),
        "video-poster": lambda text: f"<video poster='https://www.example.com/p?{text.replace(' ', '+')}'></video>",
        "frame-in-frame": lambda text: (
            f"<iframe srcdoc=\"<iframe srcdoc='<p>{text[:9]}&lt;b&gt;{text[9:]}&lt;/b&gt;</p>'></iframe>\"></iframe>"
        ),
        "entities-without-semicolons": lambda text: (
            "".join(f"&#{ord(sign)}" if sign.isdigit() else sign for sign in text).replace("&#", " &#", 0) + " "
        ),
    }
    return {f"html-{name}": (lambda text, make=make: (HTML, make(text))) for name, make in bodies.items()}


def _office() -> dict[str, tuple[str, Callable[[str], bytes]]]:
    """Corners of documents."""
    types = "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>"

    def package(**members: bytes | str) -> bytes:
        return documents.packed(
            {"[Content_Types].xml": types, **{name.replace("__", "/"): one for name, one in members.items()}}
        )

    def word(body: str) -> str:
        return f"<w:document {documents.W}><w:body>{body}</w:body></w:document>"

    return {
        "docx-chunk-of-html": (
            "a.docx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "word/document.xml": word(""),
                    "word/afchunk.htm": f"<html><body>{text[:9]}<b>{text[9:]}</b></body></html>",
                }
            ),
        ),
        "docx-chunk-of-mht": (
            "a.docx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "word/document.xml": word(""),
                    "word/afchunk.mht": f"MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n{_b64(text)}",
                }
            ),
        ),
        "docx-custom-xml": (
            "a.docx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "word/document.xml": word(""),
                    "customXml/item1.xml": f"<data><note>{text}</note></data>",
                }
            ),
        ),
        "docx-simple-field": (
            "a.docx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "word/document.xml": word(f"<w:p><w:fldSimple w:instr={quoteattr(text)}/></w:p>"),
                }
            ),
        ),
        "docx-fallback": (
            "a.docx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "word/document.xml": word(
                        f"<mc:AlternateContent xmlns:mc='m'><mc:Fallback>{documents.paragraph(text)}</mc:Fallback></mc:AlternateContent>"
                    ),
                }
            ),
        ),
        "docx-math": (
            "a.docx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "word/document.xml": word(
                        f"<m:oMath xmlns:m='m'><m:r><m:t>{text[:9]}</m:t></m:r><m:r><m:t>{text[9:]}</m:t></m:r></m:oMath>"
                    ),
                }
            ),
        ),
        "docx-company": (
            "a.docx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "word/document.xml": word(""),
                    "docProps/app.xml": f"<Properties><Company>{text}</Company></Properties>",
                }
            ),
        ),
        "xlsx-number-format": (
            "a.xlsx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "xl/styles.xml": f"<styleSheet {documents.S}><numFmts><numFmt numFmtId='164' formatCode={quoteattr(chr(34) + text + chr(34))}/></numFmts></styleSheet>",
                }
            ),
        ),
        "xlsx-pivot-cache": (
            "a.xlsx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "xl/pivotCache/pivotCacheDefinition1.xml": f"<pivotCacheDefinition {documents.S}><sharedItems><s v={quoteattr(text)}/></sharedItems></pivotCacheDefinition>",
                }
            ),
        ),
        "xlsx-external-link": (
            "a.xlsx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "xl/externalLinks/externalLink1.xml": f"<externalLink {documents.S}><sheetDataSet><sheetData><row><cell t='str'><v>{escape(text)}</v></cell></row></sheetData></sheetDataSet></externalLink>",
                }
            ),
        ),
        "xlsx-rich-string": (
            "a.xlsx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "xl/sharedStrings.xml": f"<sst {documents.S}><si>"
                    + "".join(f"<r><t>{sign}</t></r>" for sign in text)
                    + "</si></sst>",
                    "xl/worksheets/sheet1.xml": f"<worksheet {documents.S}><sheetData><row><c t='s'><v>0</v></c></row></sheetData></worksheet>",
                }
            ),
        ),
        "pptx-tag": (
            "a.pptx",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "ppt/tags/tag1.xml": f"<p:tagLst {documents.P}><p:tag name='N' val={quoteattr(text)}/></p:tagLst>",
                }
            ),
        ),
        "xps-glyphs": (
            "a.oxps",
            lambda text: documents.packed(
                {
                    "[Content_Types].xml": types,
                    "Documents/1/Pages/1.fpage": f"<FixedPage><Glyphs UnicodeString={quoteattr(text)}/></FixedPage>",
                }
            ),
        ),
        "epub": (
            "a.epub",
            lambda text: documents.packed(
                {
                    "mimetype": "application/epub+zip",
                    "OEBPS/1.xhtml": f"<?xml version='1.0'?><html><body><p>{text[:9]}<i>{text[9:]}</i></p></body></html>",
                }
            ),
        ),
        "odt-object": (
            "a.odt",
            lambda text: documents.packed(
                {
                    "mimetype": "application/vnd.oasis.opendocument.text",
                    "content.xml": "<a/>",
                    "Object 1/content.xml": f"<office:document-content xmlns:office='o' xmlns:text='t'><text:p>{text}</text:p></office:document-content>",
                }
            ),
        ),
        "odt-variable": (
            "a.odt",
            lambda text: documents.packed(
                {
                    "mimetype": "application/vnd.oasis.opendocument.text",
                    "content.xml": f"<office:document-content xmlns:office='o' xmlns:text='t'><text:user-field-decl text:name='x' office:string-value={quoteattr(text)}/></office:document-content>",
                }
            ),
        ),
        "rtf-fallback-of-unicode": (
            "a.rtf",
            lambda text: b"{\\rtf1\\uc1 " + "".join(f"\\u{ord(sign)}?" for sign in text).encode() + b"}",
        ),
        "rtf-groups-within": (
            "a.rtf",
            lambda text: b"{\\rtf1 " + "".join(f"{{\\b {sign}}}" for sign in text).encode() + b"}",
        ),
        "rtf-variable": ("a.rtf", lambda text: b"{\\rtf1{\\*\\docvar {x}{" + text.encode() + b"}}Hello}"),
        "rtf-without-backslash-one": ("a.rtf", lambda text: b"{\\rt " + text.encode() + b"}"),
        "rtf-binary-between": (
            "a.rtf",
            lambda text: b"{\\rtf1 " + text[:20].encode() + b"{\\*\\x\\bin3 }}}}" + text[20:].encode() + b"}",
        ),
    }


def _portable() -> dict[str, tuple[str, Callable[[str], bytes]]]:
    """Corners of PDF."""

    def paged(text: str, filters: bytes, pack: Callable[[bytes], bytes]) -> bytes:
        drawn = pack(b"BT /F1 12 Tf 72 700 Td (%s) Tj ET" % text.encode())
        return documents.pdf_objects(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
                documents.pdf_stream(drawn, b"/Filter" + filters),
                b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            ]
        )

    def with_catalogue(entries: bytes, *objects: bytes) -> bytes:
        return documents.pdf_objects(
            [
                b"<</Type/Catalog/Pages 2 0 R" + entries + b">>",
                b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
                *objects,
            ]
        )

    def form_within(text: str) -> bytes:
        return documents.pdf_objects(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
                documents.pdf_stream(b"/X Do"),
                documents.pdf_stream(
                    b"BT /F1 12 Tf 72 700 Td (%s) Tj ET" % text.encode(),
                    b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</Font<</F1 6 0 R>>>>",
                ),
                b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            ]
        )

    return {
        "pdf-form-within": ("a.pdf", form_within),
        "pdf-ascii-85": (
            "a.pdf",
            lambda text: paged(text, b"/ASCII85Decode", lambda one: base64.a85encode(one) + b"~>"),
        ),
        "pdf-two-filters": (
            "a.pdf",
            lambda text: paged(
                text, b"[/ASCIIHexDecode/FlateDecode]", lambda one: binascii.hexlify(zlib.compress(one)) + b">"
            ),
        ),
        "pdf-script": (
            "a.pdf",
            lambda text: with_catalogue(b"/OpenAction<</S/JavaScript/JS(app.alert\\('%s'\\))>>" % text.encode()),
        ),
        "pdf-description": (
            "a.pdf",
            lambda text: with_catalogue(
                b"/StructTreeRoot 4 0 R", b"<</Type/StructTreeRoot/K<</S/Figure/Alt(%s)>>>>" % text.encode()
            ),
        ),
        "pdf-form-of-xml": (
            "a.pdf",
            lambda text: with_catalogue(
                b"/AcroForm<</Fields[]/XFA 4 0 R>>",
                documents.pdf_stream(
                    f"<xdp:xdp xmlns:xdp='x'><field><value>{text}</value></field></xdp:xdp>".encode(), filtered=True
                ),
            ),
        ),
        "pdf-behind-other-octets": ("a.pdf", lambda text: b"junk\r\n" * 20 + documents.pdf(text)),
        "pdf-older-version-within": (
            "a.pdf",
            lambda text: documents.pdf(text).replace(b"%%EOF", b"%%EOF\n") + documents.pdf("Hello"),
        ),
    }


def _files() -> dict[str, tuple[str, Callable[[str], bytes]]]:
    """Files that people open and filters do not."""

    def shortcut(text: str) -> bytes:
        return b"L\0\0\0\x01\x14\x02\0" + bytes(68) + text.encode("utf-16-le")

    def unicode_path(text: str) -> bytes:
        """A ZIP archive with another name in the extra field for Unicode (APPNOTE 4.6.9)."""
        told = text.encode()
        extra = struct.pack("<HHBI", 0x7075, 5 + len(told), 1, zlib.crc32(b"a.txt")) + told
        local = (
            struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, zlib.crc32(b"x"), 1, 1, 5, len(extra))
            + b"a.txt"
            + extra
            + b"x"
        )
        central = (
            struct.pack(
                "<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, zlib.crc32(b"x"), 1, 1, 5, len(extra), 0, 0, 0, 0, 0
            )
            + b"a.txt"
            + extra
        )
        return local + central + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)

    return {
        "property-list": ("a.webloc", lambda text: plistlib.dumps({"note": text}, fmt=plistlib.FMT_BINARY)),
        "shortcut": ("a.lnk", shortcut),
        "notebook": (
            "a.ipynb",
            lambda text: json.dumps(
                {"cells": [{"source": [text[:30], text[30:]], "outputs": [{"text": text}]}]}
            ).encode(),
        ),
        "svg-squeezed": ("a.svgz", lambda text: archives.gz(f"<svg><text>{text}</text></svg>".encode())),
        "spreadsheet-of-old": ("a.slk", lambda text: f'ID;PWXL\r\nC;Y1;X1;K"{text}"\r\nE\r\n'.encode()),
        "mhtml": (
            "a.mht",
            lambda text: (
                f"From: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>{text[:9]}=\r\n{text[9:]}</p>\r\n--b--\r\n".encode()
            ),
        ),
        "text-of-utf-16-without-mark": ("a.txt", lambda text: text.encode("utf-16-be")),
        "csv-of-excel": (
            "a.csv",
            lambda text: (
                "\ufeffName\tNumber\r\n".encode("utf-16-le") + f"{text[:-17]}\t{text[-16:]}\r\n".encode("utf-16-le")
            ),
        ),
        "card-of-outlook": (
            "a.vcf",
            lambda text: (
                f"BEGIN:VCARD\r\nVERSION:2.1\r\nNOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:{text[:20]}=\r\n{text[20:]}\r\nEND:VCARD\r\n".encode()
            ),
        ),
        "zip-name-in-unicode": ("a.zip", unicode_path),
        "song": (
            "a.mp3",
            lambda text: (
                b"ID3\x03\0\0\0\0\x01\0TIT2"
                + struct.pack(">IH", len(text) * 2 + 3, 0)
                + b"\x01\xff\xfe"
                + text.encode("utf-16-le")
                + bytes(200)
            ),
        ),
        "pages": ("a.pages", _pages_document),
        "song-with-its-title-behind": (
            "a.mp3",
            lambda text: b"\xff\xfb\x90\0" + bytes(300_000) + b"TAG" + text.encode() + bytes(89),
        ),
        "winmail-in-zip": ("a.zip", lambda text: documents.packed({"winmail.dat": legacy.tnef(text)})),
        "signed-in-message-in-zip": (
            "a.zip",
            lambda text: documents.packed(
                {"a.eml": attached(sealed.signed(b"\r\n" + text.encode()), "smime.p7m", "application/pkcs7-mime")}
            ),
        ),
        "tar-in-docx": (
            "a.docx",
            lambda text: documents.docx("", "none", files={"a.tar": archives.tar({"a": text.encode()})}),
        ),
        "html-named-doc": (
            "a.doc",
            lambda text: f"<html xmlns:o='x'><body><p>{text[:9]}<b>{text[9:]}</b></body></html>".encode(),
        ),
        "xml-named-xls": (
            "a.xls",
            lambda text: (
                f"<?xml version='1.0'?><Workbook><Row><Cell><Data>{text}</Data></Cell></Row></Workbook>".encode()
            ),
        ),
        "encoded-file-in-text-file": (
            "a.txt",
            lambda text: b"begin 644 b.txt\r\n" + binascii.b2a_uu(text.encode()) + b"`\r\nend\r\n",
        ),
    }


def _snappy(octets: bytes) -> bytes:
    """Pack octets as Snappy does: literals of up to sixty octets each."""
    packed = bytes((len(octets) & 0x7F | 0x80, len(octets) >> 7))
    for at in range(0, len(octets), 60):
        piece = octets[at : at + 60]
        packed += bytes(((len(piece) - 1) << 2,)) + piece
    return packed


def _pages_document(text: str) -> bytes:
    """A document as Pages writes it: objects in a packed archive."""
    value = text.encode()
    packed = _snappy(b"\x0a" + bytes((len(value),)) + value)
    return documents.packed({"Index/Document.iwa": b"\0" + len(packed).to_bytes(3, "little") + packed})


def _images() -> dict[str, tuple[str, Callable[[str], bytes]]]:
    """Pictures with more in them than is seen at once."""

    def qr(text: str) -> Image.Image:
        code = pictures.code(text, "QRCode")
        return code.resize((code.width * 2, code.height * 2))

    def second_frame(text: str) -> bytes:
        code = qr(text)
        return pictures.saved(Image.new("L", code.size, 255), "GIF", save_all=True, append_images=[code])

    def iptc(text: str) -> bytes:
        """A JPEG with a caption as agencies write it (IPTC-IIM 2:120 in Photoshop's resource 0404)."""
        data = b"\x1c\x02\x78" + struct.pack(">H", len(text)) + text.encode()
        block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)
        jpeg = pictures.saved(Image.new("L", (64, 64), 200), "JPEG")
        return jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]

    return {
        "code-inverted": ("a.png", lambda text: pictures.saved(ImageOps.invert(qr(text)))),
        "code-turned": ("a.png", lambda text: pictures.saved(qr(text).rotate(33, expand=True, fillcolor=255))),
        "code-of-matrix": ("a.png", lambda text: pictures.saved(pictures.code(text, "DataMatrix").resize((240, 240)))),
        "code-of-aztec": ("a.png", lambda text: pictures.saved(pictures.code(text, "Aztec").resize((240, 240)))),
        "code-in-second-frame": ("a.gif", second_frame),
        "code-in-webp": ("a.webp", lambda text: pictures.saved(qr(text), "WEBP", lossless=True)),
        "code-in-avif": ("a.avif", lambda text: pictures.saved(qr(text).convert("RGB"), "AVIF", quality=90)),
        "caption-of-agencies": ("a.jpg", iptc),
        "text-behind-picture": ("a.png", lambda text: pictures.saved(Image.new("L", (64, 64), 200)) + text.encode()),
        "text-behind-jpeg": (
            "a.jpg",
            lambda text: pictures.saved(Image.new("L", (64, 64), 200), "JPEG") + f"\n{text}\n".encode(),
        ),
        "notes-of-tiff": (
            "a.tif",
            lambda text: pictures.saved(Image.new("L", (64, 64), 200), "TIFF", description=text),
        ),
    }
