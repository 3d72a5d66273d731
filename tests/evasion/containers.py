"""Hiding places in archives, and what nobody can open."""

import base64
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.evasion.specimen import CLEAN, LICENCE, Specimen, attached, file
from tests.formats import archives, documents, foreign_archives, legacy, sealed


def containers() -> Iterator[Specimen]:
    """Yield every specimen."""
    yield from _archives()
    yield from _foreign_archives()
    yield from _sealed()


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
