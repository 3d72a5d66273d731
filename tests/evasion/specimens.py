"""Hiding places: each a mail with an identifier in one place, and its twin with nothing in the same place."""

import base64
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tests.evasion.layouts import layouts
from tests.evasion.quirks import quirks
from tests.evasion.specimen import CLEAN, LICENCE, Specimen, attached, file, mail, plain
from tests.evasion.written import written
from tests.formats import archives, documents, foreign_archives, legacy, pictures, sealed


def specimens() -> Iterator[Specimen]:
    """Yield every specimen."""
    yield from _documents()
    yield from _mail_files()
    yield from _archives()
    yield from _foreign_archives()
    yield from _sealed()
    yield from _texts()
    yield from _structure()
    yield from _pictures()
    yield from _phone_pictures()
    yield from _ambiguities()
    yield from quirks()
    yield from layouts()
    yield from written()


def _reason(
    name: str, content: bytes, twin: bytes, reason: str, filename: str = "", twin_expected: str = ""
) -> Specimen:
    return Specimen(
        name=name,
        mail=attached(content, filename),
        twin=attached(twin, filename),
        expected=reason,
        twin_expected=twin_expected,
    )


def _documents() -> Iterator[Specimen]:
    places = "body table deleted hidden field textbox picture-description form symbols header footer footnotes endnotes"
    for place in (
        *places.split(),
        "comments",
        "title",
        "custom-property",
        "link",
        "glossary",
        "unnamed",
        "utf-16",
        "entity",
    ):
        yield file(f"docx-{place}", lambda text, place=place: documents.docx(text, place), "a.docx")
    places = "cell hidden-sheet hidden-row columns inline formula orphan comment threaded-comment header prompt drawing"
    for place in (*places.split(), "defined-name"):
        yield file(f"xlsx-{place}", lambda text, place=place: documents.xlsx(text, place), "a.xlsx")
    yield file("xlsx-number", lambda text: documents.xlsx(text, "number"), "a.xlsx", card=True)
    for place in ("slide", "table", "alternative", "notes", "master", "diagram", "chart", "comment"):
        yield file(f"pptx-{place}", lambda text, place=place: documents.pptx(text, place), "a.pptx")
    for place in ("body", "table", "hidden-sheet", "annotation", "note", "description", "link", "header", "title"):
        yield file(f"odt-{place}", lambda text, place=place: documents.opendocument(text, place), "a.odt")
    yield file(
        "ods-number", lambda text: documents.opendocument(text, "number", kind="spreadsheet"), "a.ods", card=True
    )
    yield file("fodt", documents.flat_opendocument, "a.fodt")
    places = "page compressed hidden hexadecimal pieces backwards white note link form title metadata bookmark"
    for place in places.split():
        yield file(f"pdf-{place}", lambda text, place=place: documents.pdf(text, place), "a.pdf", "application/pdf")
    for place in ("body", "escaped", "unicode", "hidden", "runs", "header", "footnote", "annotation", "title"):
        yield file(f"rtf-{place}", lambda text, place=place: documents.rtf(text, place), "a.rtf")
    yield file("rtf-as-text", documents.rtf, "", "text/plain")
    yield file("doc-wide", legacy.doc, "a.doc")
    yield file("doc-narrow", lambda text: legacy.doc(text, wide=False), "a.doc")
    yield file("ppt-wide", legacy.ppt, "a.ppt")
    yield file("ppt-narrow", lambda text: legacy.ppt(text, wide=False), "a.ppt")
    yield file("docx-in-pdf", lambda text: documents.pdf("", "none", files={"a.docx": documents.docx(text)}), "a.pdf")
    yield file(
        "xlsx-in-docx", lambda text: documents.docx("", "none", files={"a.xlsx": documents.xlsx(text)}), "a.docx"
    )
    yield file("docx-in-rtf", lambda text: documents.rtf("", file=("a.docx", documents.docx(text))), "a.rtf")
    yield file(
        "text-in-object-in-docx",
        lambda text: documents.docx("", "none", files={"o.bin": legacy.ole_object("a.txt", text.encode())}),
        "a.docx",
    )
    yield file("docx-named-txt", documents.docx, "a.txt", "text/plain")
    yield file("pdf-named-png", documents.pdf, "a.png", "image/png")
    yield file("docx-without-name", documents.docx)
    for extension in ("csv", "tsv", "json", "xml", "vcf", "ics", "html", "txt", "svg", "log", "unknown"):
        yield file(f"text-{extension}", lambda text, kind=extension: _structured(text, kind), f"a.{extension}")
    for charset in ("utf-16", "utf-16-le", "utf-32", "cp037"):
        yield file(
            f"txt-{charset}",
            lambda text, charset=charset: text.encode(charset),
            "a.txt",
            f"text/plain; charset={charset.removesuffix('-le')}",
        )
    yield file(
        "vcf-quoted-printable",
        lambda text: (
            b"BEGIN:VCARD\r\nNOTE;ENCODING=QUOTED-PRINTABLE:" + text.replace("o", "=6F").encode() + b"\r\nEND:VCARD\r\n"
        ),
        "a.vcf",
    )
    yield file(
        "ics-attachment",
        lambda text: (
            b"BEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64:" + base64.b64encode(text.encode()) + b"\r\nEND:VCALENDAR\r\n"
        ),
        "a.ics",
        "text/calendar",
    )


def _structured(text: str, kind: str) -> bytes:
    label, _, value = text.rpartition(" ")
    if kind in {"csv", "tsv"}:
        comma = "," if kind == "csv" else "\t"
        return f'Name{comma}"{label}"\r\nAnn{comma}="{value}"\r\n'.encode()
    if kind == "json":
        return ('[{"name": "Ann", "%s": "%s"}]' % (label, "".join(f"\\u{ord(sign):04x}" for sign in value))).encode()
    if kind == "xml":
        return f"<?xml version='1.0'?><list><item><name>{label}</name><value>{value}</value></item></list>".encode()
    if kind == "vcf":
        return f"BEGIN:VCARD\r\nFN:Ann\r\nNOTE:{text[:12]}\r\n {text[12:]}\r\nEND:VCARD\r\n".encode()
    if kind == "ics":
        return f"BEGIN:VCALENDAR\r\nDESCRIPTION:{text[:12]}\r\n {text[12:]}\r\nEND:VCALENDAR\r\n".encode()
    if kind == "html":
        return f"<table><tr><td>{label}</td><td>{value}</td></tr></table>".encode()
    if kind == "svg":
        return (
            f"<svg xmlns='http://www.w3.org/2000/svg'><text>{text[:9]}<tspan>{text[9:]}</tspan></text></svg>".encode()
        )
    return text.encode()


def _message(text: str) -> bytes:
    return b"From: a@corp.example\r\nSubject: Fwd\r\nContent-Type: text/plain\r\n\r\n" + text.encode() + b"\r\n"


def _mail_files() -> Iterator[Specimen]:
    yield file("eml", _message, "a.eml")
    yield file(
        "eml-base64",
        lambda text: (
            b"From: a@corp.example\r\nSubject: x\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.b64encode(text.encode())
        ),
        "a.eml",
    )
    yield file("eml-with-docx", lambda text: attached(documents.docx(text), "a.docx"), "a.eml")
    yield file(
        "eml-subject", lambda text: b"From: a@corp.example\r\nSubject: " + text.encode() + b"\r\n\r\nhi", "a.eml"
    )
    yield file(
        "mbox",
        lambda text: (
            b"From a@b Thu Jan  1 00:00:00 1970\r\n"
            + _message("Hello")
            + b"\r\nFrom a@b Thu Jan  1 00:00:00 1970\r\n"
            + _message(text)
        ),
        "a.mbox",
    )
    yield file("msg-body", lambda text: legacy.msg(body=text), "a.msg")
    yield file("msg-subject", lambda text: legacy.msg(text), "a.msg")
    yield file("msg-html", lambda text: legacy.msg(html=f"<p>{text}</p>".encode()), "a.msg")
    yield file("msg-rtf", lambda text: legacy.msg(rtf=legacy.compressed_rtf(documents.rtf(text))), "a.msg")
    yield file("msg-attachment", lambda text: legacy.msg(attachments={"a.docx": documents.docx(text)}), "a.msg")
    yield file("msg-in-msg", lambda text: legacy.msg(embedded=text), "a.msg")
    yield file("tnef-body", lambda text: legacy.tnef(text), "winmail.dat", "application/ms-tnef")
    yield file("tnef-subject", lambda text: legacy.tnef(subject=text), "winmail.dat", "application/ms-tnef")
    yield file(
        "tnef-html", lambda text: legacy.tnef(html=f"<p>{text}</p>".encode()), "winmail.dat", "application/ms-tnef"
    )
    yield file(
        "tnef-rtf",
        lambda text: legacy.tnef(rtf=legacy.compressed_rtf(documents.rtf(text))),
        "winmail.dat",
        "application/ms-tnef",
    )
    yield file(
        "tnef-attachment",
        lambda text: legacy.tnef(attachments={"a.xlsx": documents.xlsx(text)}),
        "winmail.dat",
        "application/ms-tnef",
    )
    yield Specimen(name="message-in-message", mail=_forwarded(_message(LICENCE)), twin=_forwarded(_message(CLEAN)))
    yield Specimen(
        name="zip-in-message-in-zip",
        mail=attached(
            documents.packed({"a.eml": attached(documents.packed({"a.pdf": documents.pdf(LICENCE)}), "a.zip")}), "b.zip"
        ),
        twin=attached(
            documents.packed({"a.eml": attached(documents.packed({"a.pdf": documents.pdf(CLEAN)}), "a.zip")}), "b.zip"
        ),
    )


def _forwarded(message: bytes) -> bytes:
    head = "From: Ann <ann@corp.example>\r\nTo: ben@bakery.example\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head.encode() + b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + message + b"\r\n--b--\r\n"


def _text_file(text: str) -> archives.Members:
    return {"a.txt": text.encode()}


def _archives() -> Iterator[Specimen]:
    methods = {
        "stored": zipfile.ZIP_STORED,
        "deflate": zipfile.ZIP_DEFLATED,
        "bzip2": zipfile.ZIP_BZIP2,
        "lzma": zipfile.ZIP_LZMA,
    }
    for name, method in methods.items():
        yield file(
            f"zip-{name}",
            lambda text, method=method: documents.packed({"a.txt": text}, method=method),
            "a.zip",
            "application/zip",
        )
    yield file("zip-comment", lambda text: documents.packed({"a.txt": "x"}, comment=text), "a.zip")
    yield file("zip-member-name", lambda text: documents.packed({f"{text}.txt": "x"}), "a.zip")
    yield file("zip-64", lambda text: archives.zip_wide("a.txt", text.encode()), "a.zip")
    yield file("zip-streamed", lambda text: archives.zip_streamed(_text_file(text)), "a.zip")
    yield file("zip-named-jpg", lambda text: documents.packed({"a.txt": text}), "a.jpg", "image/jpeg")
    for depth in (2, 5, 10):
        yield file(f"zip-nested-{depth}", lambda text, depth=depth: archives.zip_nested(text.encode(), depth), "a.zip")
    yield file("zip-of-docx", lambda text: documents.packed({"a/b/c.docx": documents.docx(text)}), "a.zip")
    yield file(
        "zip-of-many",
        lambda text: documents.packed({f"{number}.txt": "x" for number in range(300)} | {"last.txt": text}),
        "a.zip",
    )
    yield file("tar", lambda text: archives.tar(_text_file(text)), "a.tar")
    yield file("tar-link", lambda text: archives.tar({"a": b"x"}, links={"b": text}), "a.tar")
    yield file("tar-two", lambda text: archives.tar({"a": b"x"}) + archives.tar(_text_file(text)), "a.tar")
    yield file("gzip", lambda text: archives.gz(text.encode()), "a.gz")
    yield file("gzip-name", lambda text: archives.gz(b"x", text), "a.gz")
    yield file("gzip-two-streams", lambda text: archives.gz(b"x") + archives.gz(text.encode()), "a.gz")
    yield file("tgz", lambda text: archives.gz(archives.tar(_text_file(text))), "a.tgz")
    yield file("bzip2", lambda text: archives.bz(text.encode()), "a.bz2")
    yield file("xz", lambda text: archives.xz(text.encode()), "a.xz")
    yield file("lzma-alone", lambda text: archives.lzma_alone(text.encode()), "a.lzma")
    yield file("zstandard", lambda text: archives.zst(text.encode()), "a.zst")
    yield file("7z", lambda text: archives.seven_zip(_text_file(text)), "a.7z")
    yield file(
        "7z-of-zip",
        lambda text: archives.seven_zip({"a.zip": documents.packed({"a.rtf": documents.rtf(text)})}),
        "a.7z",
    )
    honest = documents.packed({"a.txt": CLEAN})
    hidden = {"b.txt": LICENCE.encode()}
    shown = {"a.txt": CLEAN.encode()}
    lies = {
        "zip-hidden-member": archives.zip_with_hidden_member(shown, hidden),
        "zip-two-names": archives.zip_with_two_names("a.txt", f"{LICENCE}.txt", b"x"),
        "zip-two-sizes": archives.zip_with_two_sizes("a.txt", (CLEAN + LICENCE).encode(), 10),
        "zip-wrong-count": archives.zip_with_wrong_count(shown | hidden, 1),
        "zip-flag-in-directory": archives.zip_said_to_be_encrypted("a.txt", LICENCE.encode(), where="directory"),
        "zip-flag-in-header": archives.zip_said_to_be_encrypted("a.txt", LICENCE.encode(), where="header"),
        "zip-then-zip": documents.packed({"a.txt": LICENCE}) + honest,
        "zip-before-zip": honest + documents.packed({"a.txt": LICENCE}),
        "png-then-zip": b"\x89PNG\r\n\x1a\n" + bytes(100) + documents.packed({"a.txt": LICENCE}),
        "pdf-then-zip": documents.pdf("Hello") + documents.packed({"a.txt": LICENCE}),
        "zip-then-junk": documents.packed({"a.txt": LICENCE}) + b"\0junk",
        "zip-without-directory": archives.zip_without_directory(hidden),
        "gzip-then-text": archives.gz(b"x") + LICENCE.encode(),
    }
    for name, content in lies.items():
        yield Specimen(name=name, mail=attached(content, "a.zip"), twin=attached(honest, "a.zip"))
    nothing = {"a.txt": b"Nothing but a list."}
    yield _reason(
        "zip-encrypted",
        archives.zip_encrypted(nothing),
        documents.packed({"a.txt": nothing["a.txt"]}),
        "encrypted.zip",
        "a.zip",
    )
    yield _reason(
        "7z-encrypted", archives.seven_zip(nothing, password="p"), archives.seven_zip(nothing), "encrypted.7z", "a.7z"
    )
    yield _reason(
        "7z-encrypted-names",
        archives.seven_zip(nothing, password="p", hidden_names=True),
        archives.seven_zip(nothing),
        "encrypted.7z",
        "a.7z",
    )
    yield _reason("zip-cut", documents.packed({"a.txt": bytes(range(256)) * 40})[:300], honest, "broken", "a.zip")
    yield _reason("gzip-cut", archives.gz(bytes(range(256)) * 40)[:200], archives.gz(b"x"), "broken", "a.gz")
    yield _reason("gzip-bomb", archives.gz(bytes(40_000_000)), archives.gz(bytes(4_000)), "bomb", "a.gz", "attachment")
    yield _reason("zip-overlapping", archives.zip_overlapping(50, b"x" * 9_000), honest, "bomb", "a.zip")
    yield _reason("zip-too-deep", archives.zip_nested(b"x", 30), archives.zip_nested(b"x", 3), "bomb", "a.zip")
    yield _reason("entities", _laughs(9), _laughs(1), "broken", "a.xml")
    yield _reason("arj", b"\x60\xea" + bytes(60), honest, "archive", "a.arj")
    yield _reason("virtual-disk", b"conectix" + bytes(600), honest, "archive", "a.vhd")
    yield _reason("udf", bytes(0x8001) + b"BEA01" + bytes(2_000) + b"NSR02", honest, "archive", "a.udf")
    yield _reason("doc-encrypted", legacy.doc("x", encrypted=True), legacy.doc("x"), "encrypted.office", "a.doc")
    yield _reason("ppt-encrypted", legacy.ppt("x", encrypted=True), legacy.ppt("x"), "encrypted.office", "a.ppt")
    yield _reason("docx-encrypted", legacy.sealed_office(), documents.docx("x"), "encrypted.office", "a.docx")
    yield _reason(
        "odt-encrypted",
        documents.opendocument("x", encrypted=True),
        documents.opendocument("x"),
        "encrypted.office",
        "a.odt",
    )
    yield _reason("pdf-encrypted", _locked_pdf(), documents.pdf("x"), "encrypted.pdf", "a.pdf")
    yield _reason("pdf-cut", documents.pdf("x" * 300, "compressed")[:420], documents.pdf("x"), "broken", "a.pdf")


def _foreign_archives() -> Iterator[Specimen]:
    """Yield what the system's libarchive unpacks."""
    makers: dict[str, Callable[[str], bytes]] = {
        "rar-5": lambda text: foreign_archives.rar_5(_text_file(text)),
        "rar-4": lambda text: foreign_archives.rar_4(_text_file(text)),
        "rar-5-comment": lambda text: foreign_archives.rar_5({"a": b"x"}, comment=text),
        "rar-4-comment": lambda text: foreign_archives.rar_4({"a": b"x"}, comment=text),
        "rar-5-member-name": lambda text: foreign_archives.rar_5({f"{text}.txt": b"x"}),
        "rar-of-docx": lambda text: foreign_archives.rar_5({"a.docx": documents.docx(text)}),
        "rar-behind-program": lambda text: b"MZ" + bytes(500) + foreign_archives.rar_5(_text_file(text)),
        "rar-in-zip": lambda text: documents.packed({"a.rar": foreign_archives.rar_4(_text_file(text))}),
        "cab": lambda text: foreign_archives.cabinet(_text_file(text)),
        "cab-squeezed": lambda text: foreign_archives.cabinet(_text_file(text), squeezed=True),
        "iso": lambda text: foreign_archives.disc(_text_file(text)),
        "iso-for-windows": lambda text: foreign_archives.disc({"readme": b"x"}, _text_file(text)),
        "iso-not-for-windows": lambda text: foreign_archives.disc(_text_file(text), {"readme": b"x"}),
        "iso-of-xlsx": lambda text: foreign_archives.disc({"a.xlsx": documents.xlsx(text)}),
        "lha": lambda text: foreign_archives.lha(_text_file(text)),
        "cpio": lambda text: foreign_archives.cpio(_text_file(text)),
        "deb": lambda text: foreign_archives.ar(
            {"debian-binary": b"2.0\n", "data.tar.gz": archives.gz(archives.tar(_text_file(text)))}
        ),
        "xar": lambda text: foreign_archives.xar(_text_file(text)),
        "rpm": lambda text: foreign_archives.package(_text_file(text)),
        "compress": lambda text: foreign_archives.compressed(text.encode()),
        "lzip": lambda text: foreign_archives.lzip(text.encode()),
        "lz4": lambda text: foreign_archives.lz4(text.encode()),
    }
    for name, make in makers.items():
        yield replace(file(name, make), needs="libarchive")
    files, honest = {"a.txt": b"Nothing but a list."}, foreign_archives.rar_5({"a.txt": b"Nothing but a list."})
    hidden = _text_file(LICENCE)
    reasons = {
        "rar-5-encrypted": (foreign_archives.rar_5(files, password=True), "encrypted.rar"),
        "rar-5-encrypted-names": (foreign_archives.rar_5(files, hidden_names=True), "encrypted.rar"),
        "rar-4-encrypted": (foreign_archives.rar_4(files, password=True), "encrypted.rar"),
        "rar-4-encrypted-names": (foreign_archives.rar_4(files, hidden_names=True), "encrypted.rar"),
        "rar-volume": (foreign_archives.rar_5(files, volume=True), "ambiguous"),
        "rar-then-rar": (honest + foreign_archives.rar_5(hidden), "ambiguous"),
        "rar-cut": (foreign_archives.rar_5({"a.txt": bytes(range(256))})[:100], "broken"),
        "cab-cut": (foreign_archives.cabinet({"a.txt": bytes(range(256))})[:150], "broken"),
        "lzip-bomb": (foreign_archives.lzip(bytes(40_000_000)), "bomb"),
    }
    for name, (content, reason) in reasons.items():
        yield replace(_reason(name, content, honest, reason, "a.rar"), needs="libarchive")


def _laughs(levels: int) -> bytes:
    entities = "".join(f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' for level in range(1, levels + 1))
    return f'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a0 "lol">{entities}]><l>&a{levels};</l>'.encode()


def _locked_pdf() -> bytes:
    """A PDF that asks for a password: its encryption dictionary fits no empty one."""
    lock = b"<</Filter/Standard/V 1/R 2/P -4/O<%s>/U<%s>>>" % (b"41" * 32, b"42" * 32)
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>", lock]
    return documents.pdf_objects(objects, b"/Encrypt 3 0 R/ID[<41><41>]")


def _sealed() -> Iterator[Specimen]:
    def entity(text: str) -> bytes:
        return b"Content-Type: text/plain\r\n\r\n" + text.encode() + b"\r\n"

    smime = "application/pkcs7-mime"
    yield file("smime-opaque", lambda text: sealed.signed(entity(text)), "smime.p7m", smime)
    yield file("smime-opaque-streamed", lambda text: sealed.signed(entity(text), streamed=True), "smime.p7m", smime)
    yield file(
        "smime-opaque-with-docx",
        lambda text: sealed.signed(attached(documents.docx(text), "a.docx")),
        "smime.p7m",
        smime,
    )
    yield file(
        "smime-signed-twice",
        lambda text: sealed.signed(
            b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(sealed.signed(entity(text)))
        ),
        "smime.p7m",
        smime,
    )
    yield file("smime-compressed", lambda text: sealed.compressed(entity(text)), "smime.p7m", smime)
    yield file("smime-named-bin", lambda text: sealed.signed(entity(text)), "a.bin")
    yield file("pgp-literal", lambda text: sealed.pgp_literal(text.encode()), "a.gpg")
    yield file("pgp-partial", lambda text: sealed.pgp_literal(text.encode() * 3, partial=True), "a.gpg")
    yield file("pgp-signed", lambda text: sealed.pgp_signed(text.encode()), "a.gpg")
    yield file("pgp-signed-compressed", lambda text: sealed.pgp_signed(text.encode(), squeeze=True), "a.gpg")
    yield file("pgp-armoured", lambda text: sealed.pgp_armour(sealed.pgp_signed(text.encode(), squeeze=True)), "a.asc")
    yield file(
        "pgp-armoured-in-text",
        lambda text: b"Hello\r\n" + sealed.pgp_armour(sealed.pgp_signed(text.encode())),
        "",
        "text/plain",
    )
    signed = sealed.signed(entity("x"))
    yield _reason("smime-enveloped", sealed.enveloped(), signed, "encrypted.smime", "smime.p7m")
    yield _reason(
        "smime-auth-enveloped", sealed.enveloped(sealed.AUTH_ENVELOPED), signed, "encrypted.smime", "smime.p7m"
    )
    yield _reason(
        "smime-in-zip",
        documents.packed({"a.p7m": sealed.enveloped()}),
        documents.packed({"a.p7m": signed}),
        "encrypted.smime",
        "a.zip",
    )
    yield _reason("pgp-encrypted", sealed.pgp_encrypted(), sealed.pgp_literal(b"x"), "encrypted.pgp", "a.gpg")
    yield _reason(
        "pgp-encrypted-armoured",
        sealed.pgp_armour(sealed.pgp_encrypted()),
        sealed.pgp_armour(sealed.pgp_literal(b"x")),
        "encrypted.pgp",
        "a.asc",
    )


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
        "uuencode": ("x-uuencode", lambda octets: b"begin 644 a.txt\r\n" + _uu(octets) + b"`\r\nend\r\n"),
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


def _uu(octets: bytes) -> bytes:
    import binascii  # noqa: PLC0415 - for one specimen

    return b"".join(binascii.b2a_uu(octets[at : at + 45]).replace(b"\n", b"\r\n") for at in range(0, len(octets), 45))


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
                f"--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64.b64encode(_message(text)).decode()}\r\n--b--\r\n"
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
            lambda text: f"--b\r\n{part}Hi\r\nbegin 644 a.txt\r\n{_uu(text.encode()).decode()}`\r\nend\r\n--b--\r\n",
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


def _pictures() -> Iterator[Specimen]:
    def qr(text: str) -> bytes:
        return pictures.saved(pictures.code(text, "QRCode"))

    def licence(text: str) -> bytes:
        number = "D1234567" if text == LICENCE else ""
        return pictures.saved(pictures.code(pictures.aamva(number) if number else text))

    yield file("picture-code-of-licence", licence, "back.png", "image/png")
    yield file(
        "picture-code-in-pdf",
        lambda text: pictures.scanned_pdf(pictures.code(text, "QRCode").resize((400, 400))),
        "scan.pdf",
    )
    yield file("picture-qr", qr, "code.png", "image/png")
    yield file("picture-qr-in-docx", lambda text: documents.docx("", "none", files={"image1.png": qr(text)}), "a.docx")
    yield file("picture-qr-in-zip", lambda text: documents.packed({"a.png": qr(text)}), "a.zip")
    for place in ("png-text", "gif-comment", "jpeg-comment", "exif-description", "exif-comment", "exif-title"):
        yield file(
            f"picture-{place}", lambda text, place=place: pictures.with_notes(text, place), "a.jpg", "image/jpeg"
        )


def _phone_pictures() -> Iterator[Specimen]:
    """Yield what phones take; nobody who is free to be used can write it, so these are files."""
    folder = Path(__file__).parents[1] / "formats" / "heic"
    for name, shown, harmless in (("qr", "licence", "chairs"), ("note", "noted-licence", "noted-chairs")):
        files = {LICENCE: folder / f"{shown}.heic", CLEAN: folder / f"{harmless}.heic"}
        yield file(f"picture-heic-{name}", lambda text, files=files: files[text].read_bytes(), "a.heic", "image/heic")


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
