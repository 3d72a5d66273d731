"""Hiding places in documents that single programs make, or hardly anybody thinks of."""

import base64
import binascii
import zlib
from collections.abc import Callable
from xml.sax.saxutils import escape, quoteattr

from tests.formats import documents


def document_quirks() -> dict[str, tuple[str, Callable[[str], bytes]]]:
    """Return by name what the file is called and what makes it of a text."""
    return {**_office(), **_portable()}


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
                    "word/afchunk.mht": f"MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64.b64encode(text.encode()).decode()}",
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
