"""More hiding places: what single clients and programs do that no standard has, and what hardly anybody thinks of."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote

from tests.evasion.document_quirks import document_quirks
from tests.evasion.file_quirks import file_quirks
from tests.evasion.specimen import Specimen, file, plain

TEXT = "Content-Type: text/plain; charset=utf-8\r\n"
HTML = "Content-Type: text/html; charset=utf-8\r\n"
MIXED = "Content-Type: multipart/mixed"

Made = tuple[str, str]


def quirks() -> Iterator[Specimen]:
    """Yield each of them."""
    for name, make in {**_headers(), **_bodies(), **_pages()}.items():
        yield plain(f"quirk-{name}", lambda text, make=make: (make(text)[0], make(text)[1].encode()))
    for name, (filename, make_file) in {**document_quirks(), **file_quirks()}.items():
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
