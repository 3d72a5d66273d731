"""Hiding places in documents, and in mail that lies in files."""

import base64
from collections.abc import Iterator

from tests.evasion.specimen import CLEAN, LICENCE, Specimen, attached, file
from tests.formats import documents, legacy


def papers() -> Iterator[Specimen]:
    """Yield every specimen."""
    yield from _documents()
    yield from _mail_files()


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


def enclosed(text: str) -> bytes:
    """Return a mail with this text, to lie in another one."""
    return b"From: a@corp.example\r\nSubject: Fwd\r\nContent-Type: text/plain\r\n\r\n" + text.encode() + b"\r\n"


def _mail_files() -> Iterator[Specimen]:
    yield file("eml", enclosed, "a.eml")
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
            + enclosed("Hello")
            + b"\r\nFrom a@b Thu Jan  1 00:00:00 1970\r\n"
            + enclosed(text)
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
    yield Specimen(name="message-in-message", mail=_forwarded(enclosed(LICENCE)), twin=_forwarded(enclosed(CLEAN)))
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
