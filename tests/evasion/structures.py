"""Hiding places between the parts of a mail, and where clients read them in ways of their own."""

import base64
from collections.abc import Callable, Iterator

from tests.evasion.papers import enclosed
from tests.evasion.specimen import Specimen, file, plain
from tests.evasion.texts import uuencoded
from tests.formats import pictures


def structures() -> Iterator[Specimen]:
    """Yield every specimen."""
    yield from _structure()
    yield from _ambiguities()


def _structure() -> Iterator[Specimen]:
    part = "Content-Type: text/plain\r\n\r\n"
    bodies: dict[str, tuple[str, Callable[[str], str]]] = {
        "preamble": ("boundary=b", lambda text: f"{text}\r\n--b\r\n{part}x\r\n--b--\r\n"),
        "epilogue": ("boundary=b", lambda text: f"--b\r\n{part}x\r\n--b--\r\n{text}\r\n"),
        "part-behind-the-end": ("boundary=b", lambda text: f"--b\r\n{part}x\r\n--b--\r\n--b\r\n{part}{text}\r\n"),
        "unclosed": ("boundary=b", lambda text: f"--b\r\n{part}{text}\r\n"),
        "no-boundary": ("", lambda text: f"--b\r\n{part}{text}\r\n--b--\r\n"),
        "empty-boundary": ('boundary=""', lambda text: f"--\r\n{part}{text}\r\n----\r\n"),
        "two-boundaries-first": (
            "boundary=b; boundary=c",
            lambda text: f"--b\r\n{part}{text}\r\n--b--\r\n--c\r\n{part}x\r\n--c--\r\n",
        ),
        "two-boundaries-last": (
            "boundary=c; boundary=b",
            lambda text: f"--b\r\n{part}{text}\r\n--b--\r\n--c\r\n{part}x\r\n--c--\r\n",
        ),
        "prefix": ("boundary=b", lambda text: f"--bcd\r\n{part}{text}\r\n--bcd--\r\n"),
        "header-without-blank-line": ("boundary=b", lambda text: f"--b\r\n{text}\r\n--b--\r\n"),
        "nested": (
            "boundary=b",
            lambda text: (
                f"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n{part}{text}\r\n--c--\r\n--b--\r\n"
            ),
        ),
        "nested-same": (
            "boundary=b",
            lambda text: (
                f"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{part}{text}\r\n--b--\r\n--b--\r\n"
            ),
        ),
        "two-types": (
            "boundary=b",
            lambda text: (
                f"--b\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\n{'<b></b>'.join(text)}\r\n--b--\r\n"
            ),
        ),
        "two-encodings": (
            "boundary=b",
            lambda text: (
                f"--b\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64.b64encode(text.encode()).decode()}\r\n--b--\r\n"
            ),
        ),
        "digest": ("boundary=b", lambda text: f"--b\r\n\r\nSubject: x\r\n\r\n{text}\r\n--b--\r\n"),
        "spaces-behind": ("boundary=b", lambda text: f"--b  \t\r\n{part}{text}\r\n--b-- \r\n"),
        "message-under-base64": (
            "boundary=b",
            lambda text: (
                f"--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64.b64encode(enclosed(text)).decode()}\r\n--b--\r\n"
            ),
        ),
        "unknown-multipart": (
            "boundary=b",
            lambda text: (
                f"--b\r\nContent-Type: multipart/x-other; boundary=c\r\n\r\n--c\r\n\r\n{text}\r\n--c--\r\n--b--\r\n"
            ),
        ),
        "alternative": (
            "boundary=b",
            lambda text: (
                f"--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c\r\nContent-Type: text/html\r\n\r\n<p>{text}</p>\r\n--c--\r\n--b--\r\n"
            ),
        ),
        "uuencode-inline": (
            "boundary=b",
            lambda text: (
                f"--b\r\n{part}Hi\r\nbegin 644 a.txt\r\n{uuencoded(text.encode()).decode()}`\r\nend\r\n--b--\r\n"
            ),
        ),
    }
    for name, (parameter, make) in bodies.items():
        kind = "digest" if name == "digest" else "mixed"
        yield plain(
            f"structure-{name}",
            lambda text, parameter=parameter, make=make, kind=kind: (
                f"Content-Type: multipart/{kind}; {parameter}\r\n",
                make(text).encode(),
            ),
        )
    for path in ("octet", "nothing", "wrong"):
        declared = {"octet": "application/octet-stream", "nothing": "", "wrong": "image/png"}[path]
        yield file(f"type-{path}", lambda text: text.encode(), "", declared or "x")


def _ambiguities() -> Iterator[Specimen]:
    """Yield what clients read in a way of their own."""

    def b64(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    def divided(boundary: str, text: str) -> str:
        return f"--{boundary}\r\nContent-Transfer-Encoding: base64\r\n\r\n{b64(text)}\r\n--{boundary}--\r\n"

    mixed = "Content-Type: multipart/mixed"
    html = "Content-Type: text/html; charset=utf-8\r\n"
    simple = "Content-Type: text/plain; charset=utf-8\r\n"

    def inner(text: str, junk: str) -> str:
        return f"<p>{text[:-6]}{junk}{text[-6:]}</p>"

    makers: dict[str, Callable[[str], tuple[str, str]]] = {
        "external-body": lambda text: (
            "Content-Type: message/external-body; access-type=URL\r\n",
            f"Content-Description: {text}\r\n\r\n",
        ),
        "base64-of-base64": lambda text: ("Content-Transfer-Encoding: base64\r\n", b64(b64(text))),
        "encoding-after-list": lambda text: ("Content-Transfer-Encoding: 8bit, base64\r\n", b64(text)),
        "encoding-folded": lambda text: ("Content-Transfer-Encoding:\r\n base64\r\n", b64(text)),
        "encoding-semicolon": lambda text: ("Content-Transfer-Encoding: base64;\r\n", b64(text)),
        "two-types-multipart-last": lambda text: (
            f"Content-Type: text/plain\r\n{mixed}; boundary=b\r\n",
            divided("b", text),
        ),
        "type-in-comments": lambda text: (
            "Content-Type: (x) multipart/mixed (y); (z) boundary=b\r\n",
            divided("b", text),
        ),
        "type-without-blanks": lambda text: ("Content-Type:multipart/mixed;boundary=b\r\n", divided("b", text)),
        "boundary-half-quoted": lambda text: (f'{mixed}; boundary="b\r\n', divided("b", text)),
        "boundary-sections": lambda text: (f"{mixed}; boundary*0=a; boundary*1=b\r\n", divided("ab", text)),
        "boundary-escaped": lambda text: (f'{mixed}; boundary="a\\b"\r\n', divided("ab", text)),
        "boundary-other-case": lambda text: (f"{mixed}; boundary=AbC\r\n", divided("abc", text)),
        "boundary-encoded-word": lambda text: (f'{mixed}; boundary="=?us-ascii?Q?b?="\r\n', divided("b", text)),
        "boundary-blanks": lambda text: (f"{mixed}; boundary= b \r\n", divided("b", text)),
        "multipart-under-base64": lambda text: (
            f"{mixed}; boundary=b\r\nContent-Transfer-Encoding: base64\r\n",
            b64(f"--b\r\n\r\n{text}\r\n--b--\r\n"),
        ),
        "appledouble": lambda text: (
            "Content-Type: multipart/appledouble; boundary=b\r\n",
            f"--b\r\nContent-Type: application/applefile\r\n\r\nx\r\n{divided('b', text)}",
        ),
        "message-without-type": lambda text: (
            "Content-Type: application/octet-stream; name=x.eml\r\n",
            f"From: a@b\r\nSubject: y\r\nContent-Transfer-Encoding: base64\r\n\r\n{b64(text)}",
        ),
        "text-of-unknown-kind": lambda text: (
            "Content-Type: text/x-anything\r\nContent-Transfer-Encoding: base64\r\n",
            b64(text),
        ),
        "html-utf-7": lambda text: (
            "Content-Type: text/html; charset=utf-7\r\n",
            f"<p>+{base64.b64encode(text[:1].encode('utf-16-be')).decode().rstrip('=')}-{text[1:]}</p>",
        ),
        "html-hidden-within": lambda text: (html, inner(text, "<span style='display:none'>xx</span>")),
        "html-tiny-within": lambda text: (html, inner(text, "<font style='font-size: 0px'>999</font>")),
        "html-attribute-hidden-within": lambda text: (html, inner(text, "<b hidden>77</b>")),
        "html-instruction-within": lambda text: (html, inner(text, "<?xml x?>")),
        "html-backwards": lambda text: (html, f"<p><bdo dir=rtl>{text[::-1]}</bdo></p>"),
        "html-boxes": lambda text: (
            html,
            "<p>{}</p><table><tr>{}</tr></table>".format(
                text.rpartition(" ")[0], "".join(f"<td>{sign}</td>" for sign in text.rpartition(" ")[2])
            ),
        ),
        "html-inline-blocks": lambda text: (
            html,
            "".join(f"<span style='display:inline-block'>{sign}</span>" for sign in text.replace(" ", "\u00a0")),
        ),
        "html-textarea": lambda text: (html, f"<textarea>{text}</textarea>"),
        "html-option-label": lambda text: (html, f"<select><option label='{text}'></select>"),
        "html-cdata": lambda text: (html, f"<p><![CDATA[{text}]]></p>"),
        "html-template": lambda text: (html, f"<template>{text}</template>"),
        "html-noembed": lambda text: (html, f"<noembed>{text}</noembed>"),
        "html-mailto": lambda text: (html, f'<a href="mailto:x@y.example?subject={text.replace(" ", "%20")}">x</a>'),
        "html-svg-in-link": lambda text: (
            html,
            f'<img src="data:image/svg+xml;base64,{b64(f"<svg><text>{text}</text></svg>")}">',
        ),
        "html-svg-escaped-in-link": lambda text: (
            html,
            '<img src="data:image/svg+xml,%3Csvg%3E%3Ctext%3E' + text.replace(" ", "%20") + '%3C/text%3E%3C/svg%3E">',
        ),
        "html-picture-in-link": lambda text: (
            html,
            '<img src="data:image/png;base64,'
            + base64.b64encode(pictures.saved(pictures.code(text, "QRCode"))).decode()
            + '">',
        ),
        "amp-html": lambda text: ("Content-Type: text/x-amp-html\r\n", inner(text, "<b></b>")),
        "backwards": lambda text: (simple, f"\u202e{text[::-1]}\u202c"),
        "keycap-digits": lambda text: (
            simple,
            "".join(f"{sign}\ufe0f\u20e3" if sign.isdecimal() else sign for sign in text),
        ),
        "circled-digits": lambda text: (
            simple,
            "".join("⓪①②③④⑤⑥⑦⑧⑨"[int(sign)] if sign.isdecimal() else sign for sign in text),
        ),
        "superscript-digits": lambda text: (
            simple,
            "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(sign)] if sign.isdecimal() else sign for sign in text),
        ),
        "spaced-out": lambda text: (simple, " ".join((text.rpartition(" ")[0], *text.rpartition(" ")[2]))),
        "value-below": lambda text: (simple, "\r\n\r\n".join(text.rsplit(" ", 1))),
    }
    for name, make in makers.items():
        yield plain(f"reading-{name}", lambda text, make=make: (make(text)[0], make(text)[1].encode()))
