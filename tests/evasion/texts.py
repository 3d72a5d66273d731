"""Hiding places in the text of a mail: charsets, encodings, markup."""

import base64
import binascii
from collections.abc import Callable, Iterator

from tests.evasion.specimen import CLEAN, LICENCE, Specimen, mail, plain


def texts() -> Iterator[Specimen]:
    """Yield every specimen."""
    yield from _texts()


def _texts() -> Iterator[Specimen]:
    encodings: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
        "base64": ("base64", base64.encodebytes),
        "base64-capitals": ("BASE64 ", base64.encodebytes),
        "base64-commented": ("(x) base64 (y)", base64.encodebytes),
        "base64-one-line": ("base64", base64.b64encode),
        "base64-junk": (
            "base64",
            lambda octets: b"!".join(base64.b64encode(octets)[at : at + 4] for at in range(0, 400, 4)).rstrip(b"!"),
        ),
        "base64-cut": ("base64", lambda octets: base64.b64encode(octets + b"  ").rstrip(b"=")[:-1]),
        "base64-padded": ("base64", lambda octets: base64.b64encode(octets[:10]) + base64.b64encode(octets[10:])),
        "base64-four-a-line": (
            "base64",
            lambda octets: b"\r\n".join(base64.b64encode(octets)[at : at + 4] for at in range(0, 400, 4)),
        ),
        "quoted-printable": ("quoted-printable", lambda octets: b"".join(b"=%02X" % octet for octet in octets)),
        "quoted-printable-lower": ("quoted-printable", lambda octets: b"".join(b"=%02x" % octet for octet in octets)),
        "quoted-printable-soft": (
            "Quoted-Printable",
            lambda octets: b"=\r\n".join(octets[at : at + 3] for at in range(0, len(octets), 3)),
        ),
        "quoted-printable-blanks": (
            "quoted-printable",
            lambda octets: b"= \t\r\n".join(octets[at : at + 5] for at in range(0, len(octets), 5)),
        ),
        "uuencode": ("x-uuencode", lambda octets: b"begin 644 a.txt\r\n" + uuencoded(octets) + b"`\r\nend\r\n"),
        "misspelt": ("base-64", base64.encodebytes),
        "seven-bit": ("7bit", bytes),
        "unknown": ("x-none", bytes),
    }
    for name, (encoding, encode) in encodings.items():
        yield plain(
            f"encoding-{name}",
            lambda text, encoding=encoding, encode=encode: (
                f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n",
                encode(text.encode()),
            ),
        )
    for charset in (
        "utf-8",
        "utf-16",
        "utf-16-be",
        "utf-32",
        "utf-7",
        "iso-2022-jp",
        "cp037",
        "shift_jis",
        "hz",
        "x-unknown",
    ):
        codec = "ascii" if charset == "x-unknown" else charset
        yield plain(
            f"charset-{charset}",
            lambda text, charset=charset, codec=codec: (
                f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n",
                base64.encodebytes(text.encode(codec)),
            ),
        )
    yield plain(
        "charset-utf-7-shifted",
        lambda text: (
            "Content-Type: text/plain; charset=utf-7\r\n",
            "".join(f"+{base64.b64encode(sign.encode('utf-16-be')).decode().rstrip('=')}-" for sign in text).encode(),
        ),
    )
    yield plain(
        "charset-full-width",
        lambda text: (
            "Content-Type: text/plain; charset=utf-8\r\n",
            "".join(chr(ord(sign) + 0xFEE0) if sign.isalnum() else sign for sign in text).encode(),
        ),
    )
    yield plain(
        "charset-full-width-iso-2022-jp",
        lambda text: (
            "Content-Type: text/plain; charset=iso-2022-jp\r\n",
            "".join(chr(ord(sign) + 0xFEE0) if sign.isalnum() else sign for sign in text).encode("iso-2022-jp"),
        ),
    )
    for name, sign in {
        "zero-width": "\u200b",
        "soft-hyphen": "\u00ad",
        "joiner": "\u2060",
        "bidi": "\u202d",
        "nul": "\0",
        "mark": "\ufeff",
    }.items():
        yield plain(
            f"unicode-{name}",
            lambda text, sign=sign: ("Content-Type: text/plain; charset=utf-8\r\n", sign.join(text).encode()),
        )
    yield plain(
        "unicode-math-digits",
        lambda text: (
            "Content-Type: text/plain; charset=utf-8\r\n",
            "".join(chr(0x1D7CE + int(sign)) if sign.isdecimal() else sign for sign in text).encode(),
        ),
    )
    yield plain(
        "unicode-arabic-digits",
        lambda text: (
            "Content-Type: text/plain; charset=utf-8\r\n",
            "".join(chr(0x660 + int(sign)) if sign.isdecimal() else sign for sign in text).encode(),
        ),
    )
    yield plain(
        "unicode-cyrillic",
        lambda text: (
            "Content-Type: text/plain; charset=utf-8\r\n",
            text.translate(str.maketrans("MOAo", "МОАо")).encode(),
        ),
    )
    markup: dict[str, Callable[[str], str]] = {
        "tags": lambda text: "".join(f"<b>{sign}</b>" for sign in text),
        "entities": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
        "entities-hexadecimal": lambda text: "".join(f"&#x{ord(sign):x}" for sign in text),
        "comments": lambda text: "<!-- x -->".join(text),
        "in-comment": lambda text: f"<p>Hello</p><!-- {text} -->",
        "hidden": lambda text: f'<div style="display:none">{text}</div>',
        "white": lambda text: f'<font color="#ffffff">{text}</font>',
        "tiny": lambda text: f'<span style="font-size:0">{text}</span>',
        "alt": lambda text: f'<img src="cid:x" alt="{text}">',
        "title": lambda text: f'<p title="{text}">x</p>',
        "link": lambda text: f'<a href="https://www.example.com/?q={text.replace(" ", "%20")}">x</a>',
        "input": lambda text: f'<input value="{text}">',
        "css-content": lambda text: f'<style>p::after{{content:"{text}"}}</style><p>x</p>',
        "table": lambda text: "<table><tr><td>{}</td><td>{}</td></tr></table>".format(*text.rsplit(" ", 1)),
        "columns": lambda text: (
            "<table><tr><th>Name</th><th>{}</th></tr><tr><td>Ann</td><td>{}</td></tr></table>".format(
                *text.rsplit(" ", 1)
            )
        ),
        "data-link": lambda text: (
            f'<iframe src="data:text/html;base64,{base64.b64encode(text.encode()).decode()}"></iframe>'
        ),
        "srcdoc": lambda text: f'<iframe srcdoc="{text}"></iframe>',
        "unclosed": lambda text: f"<p>Hello <!-- {text}",
        "wbr": lambda text: "<wbr>".join(text),
        "upper": lambda text: f"<HTML><BODY><P>{text}</BODY>",
        "nested-tables": lambda text: f"<table><tr><td><table><tr><td>{text}</td></tr></table></td></tr></table>",
        "svg": lambda text: f"<svg><text>{text}</text></svg>",
        "noscript": lambda text: f"<noscript>{text}</noscript>",
        "meta": lambda text: f'<meta name="description" content="{text}">',
        "details": lambda text: f"<details><summary>x</summary>{text}</details>",
        "placeholder": lambda text: f'<input placeholder="{text}">',
        "aria": lambda text: f'<p aria-label="{text}">x</p>',
    }
    for name, mark in markup.items():
        yield plain(
            f"html-{name}", lambda text, mark=mark: ("Content-Type: text/html; charset=utf-8\r\n", mark(text).encode())
        )
    words: dict[str, Callable[[str], str]] = {
        "plain": str,
        "base64": lambda text: f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?=",
        "quoted": lambda text: "=?utf-8?q?" + "".join(f"={octet:02X}" for octet in text.encode()) + "?=",
        "split": lambda text: "\r\n ".join(f"=?utf-8?q?{sign.replace(' ', '_')}?=" for sign in text),
        "utf-16": lambda text: f"=?utf-16?b?{base64.b64encode(text.encode('utf-16')).decode()}?=",
        "folded": lambda text: text.replace(" ", "\r\n "),
    }
    for name, word in words.items():
        yield Specimen(name=f"subject-{name}", mail=mail("", b"Hi", word(LICENCE)), twin=mail("", b"Hi", word(CLEAN)))
        yield plain(f"comments-{name}", lambda text, word=word: (f"Comments: {word(text)}\r\n", b"Hi"))
        yield plain(
            f"file-name-{name}",
            lambda text, word=word: (f'Content-Disposition: attachment; filename="{word(text)}"\r\n', b"Hi"),
        )
    yield plain(
        "file-name-2231",
        lambda text: (f"Content-Disposition: attachment; filename*=utf-8''{text.replace(' ', '%20')}\r\n", b"Hi"),
    )
    yield plain(
        "file-name-sections",
        lambda text: (
            "Content-Disposition: attachment; "
            + "; ".join(f'filename*{number}="{text[at : at + 5]}"' for number, at in enumerate(range(0, len(text), 5)))
            + "\r\n",
            b"Hi",
        ),
    )
    yield plain(
        "description",
        lambda text: (
            "Content-Type: multipart/mixed; boundary=b\r\n",
            f"--b\r\nContent-Description: {text}\r\n\r\nHi\r\n--b--\r\n".encode(),
        ),
    )
    yield plain("display-name", lambda text: (f'Cc: "{text}" <c@bakery.example>\r\n', b"Hi"))
    for size in (998, 64_000, 300_000):
        yield plain(
            f"behind-{size}",
            lambda text, size=size: ("Content-Type: text/plain\r\n", b"x " * (size // 2) + text.encode()),
        )
    yield plain("bare-lf", lambda text: ("Content-Type: text/plain\n", b"one\ntwo\n" + text.encode()))
    yield plain("bare-cr", lambda text: ("Content-Type: text/plain\r\n", b"one\rtwo\r" + text.encode()))
    yield plain(
        "flowed", lambda text: ("Content-Type: text/plain; format=flowed\r\n", text.replace(" ", " \r\n").encode())
    )
    yield plain("quoted-levels", lambda text: ("Content-Type: text/plain\r\n", b"> > " + text.encode()))


def uuencoded(octets: bytes) -> bytes:
    """Return the lines between "begin" and "end"."""
    return b"".join(binascii.b2a_uu(octets[at : at + 45]).replace(b"\n", b"\r\n") for at in range(0, len(octets), 45))
