"""Documents of today with a text in one place: OOXML, OpenDocument, PDF, RTF. The same input makes the same octets."""

import binascii
import io
import zipfile
import zlib
from xml.sax.saxutils import escape, quoteattr

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def packed(members: dict[str, bytes | str], *, method: int = zipfile.ZIP_DEFLATED, comment: str = "") -> bytes:
    """Return a ZIP archive whose members all date from 1980."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else method
            archive.writestr(entry, content)
        archive.comment = comment.encode()
    return target.getvalue()


def _types() -> str:
    return f'{HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def _rels(target: str = "") -> str:
    inner = f'<Relationship Id="r1" TargetMode="External" Target={quoteattr(target)}/>' if target else ""
    return f'{HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{inner}</Relationships>'


def _core(title: str) -> str:
    return f'{HEAD}<cp:coreProperties xmlns:cp="x" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{escape(title)}</dc:title></cp:coreProperties>'


def paragraph(text: str) -> str:
    """Return a paragraph whose text is cut into runs of three characters."""
    runs = "".join(
        f'<w:r><w:t xml:space="preserve">{escape(text[at : at + 3])}</w:t></w:r>' for at in range(0, len(text), 3)
    )
    return f"<w:p>{runs}</w:p>"


def docx(text: str, place: str = "body", *, files: dict[str, bytes] | None = None) -> bytes:
    """Return a .docx with `text` in `place`."""
    body = paragraph("Dear Ann, please see below.")
    parts: dict[str, bytes | str] = {"[Content_Types].xml": _types(), "_rels/.rels": _rels()}
    named = {"header": "hdr", "footer": "ftr", "footnotes": "footnotes", "endnotes": "endnotes", "comments": "comments"}
    if place == "body":
        body += paragraph(text)
    elif place == "table":
        label, _, value = text.rpartition(" ")
        cells = "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in (label, value))
        body += f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
    elif place == "deleted":
        body += f"<w:p><w:del><w:r><w:delText>{escape(text)}</w:delText></w:r></w:del></w:p>"
    elif place == "hidden":
        body += f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>{escape(text)}</w:t></w:r></w:p>"
    elif place == "field":
        body += f"<w:p><w:r><w:instrText>{escape(text)}</w:instrText></w:r></w:p>"
    elif place == "textbox":
        body += f"<w:p><w:r><w:pict><w:txbxContent>{paragraph(text)}</w:txbxContent></w:pict></w:r></w:p>"
    elif place == "picture-description":
        body += f"<w:p><w:r><w:drawing><wp:docPr xmlns:wp='x' id='1' name='p' descr={quoteattr(text)}/></w:drawing></w:r></w:p>"
    elif place == "form":
        body += f"<w:p><w:r><w:fldChar><w:ffData><w:textInput><w:default w:val={quoteattr(text)}/></w:textInput></w:ffData></w:fldChar></w:r></w:p>"
    elif place == "symbols":
        signs = "".join(f'<w:sym w:font="x" w:char="{0xF000 + ord(sign):04X}"/>' for sign in text)
        body += f"<w:p><w:r>{signs}</w:r></w:p>"
    parts["word/document.xml"] = f"{HEAD}<w:document {W}><w:body>{body}</w:body></w:document>"
    if place in named:
        tag = named[place]
        parts[f"word/{place}1.xml"] = f"{HEAD}<w:{tag} {W}>{paragraph(text)}</w:{tag}>"
    if place == "title":
        parts["docProps/core.xml"] = _core(text)
    if place == "custom-property":
        parts["docProps/custom.xml"] = (
            f'{HEAD}<Properties xmlns:vt="v"><property name="x"><vt:lpwstr>{escape(text)}</vt:lpwstr></property></Properties>'
        )
    if place == "link":
        parts["word/_rels/document.xml.rels"] = _rels(f"https://www.example.com/?q={text}")
    if place == "glossary":
        parts["word/glossary/document.xml"] = f"{HEAD}<w:glossaryDocument {W}>{paragraph(text)}</w:glossaryDocument>"
    if place == "unnamed":
        parts["word/oddity.dat"] = f"{HEAD}<w:hdr {W}>{paragraph(text)}</w:hdr>"
    if place == "utf-16":
        whole = (
            f'<?xml version="1.0" encoding="UTF-16"?><w:document {W}><w:body>{paragraph(text)}</w:body></w:document>'
        )
        parts["word/document.xml"] = whole.encode("utf-16")
    if place == "entity":
        whole = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e "{text}">]><w:document {W}><w:p><w:t>&e;</w:t></w:p></w:document>'
        parts["word/document.xml"] = whole
    for name, content in (files or {}).items():
        parts[f"word/embeddings/{name}"] = content
    return packed(parts)


def xlsx(text: str, place: str = "cell", *, files: dict[str, bytes] | None = None) -> bytes:
    """Return an .xlsx with `text` in `place`."""
    label, _, value = text.rpartition(" ")
    strings = ["Item", "Chair"]
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>'
    hidden, extra, behind = "", "", ""
    parts: dict[str, bytes | str] = {"[Content_Types].xml": _types(), "_rels/.rels": _rels()}
    if place in {"cell", "hidden-sheet", "hidden-row"}:
        strings += [label, value]
        is_hidden = ' hidden="1"' if place == "hidden-row" else ""
        rows += f'<row r="2"{is_hidden}><c r="A2" t="s"><v>2</v></c><c r="B2" t="s"><v>3</v></c></row>'
        hidden = ' state="veryHidden"' if place == "hidden-sheet" else ""
    elif place == "columns":
        rows = f'<row r="1"><c r="A1" t="inlineStr"><is><t>Name</t></is></c><c r="C1" t="inlineStr"><is><t>{label}</t></is></c></row>'
        rows += f'<row r="2"><c r="A2" t="inlineStr"><is><t>Ann</t></is></c><c r="C2" t="inlineStr"><is><t>{value}</t></is></c></row>'
    elif place == "number":
        rows += (
            f'<row r="2"><c r="A2" t="inlineStr"><is><t>{label}</t></is></c><c r="B2"><v>{float(value)!r}</v></c></row>'
        )
    elif place == "inline":
        rows += (
            f'<row r="2"><c r="A2" t="inlineStr"><is><r><t>{text[:9]}</t></r><r><t>{text[9:]}</t></r></is></c></row>'
        )
    elif place == "formula":
        rows += f'<row r="2"><c r="A2" t="str"><f>"{escape(text[:9])}"&amp;"{escape(text[9:])}"</f><v>{escape(text)}</v></c></row>'
    elif place == "orphan":
        strings.append(text)
    elif place == "comment":
        parts["xl/comments1.xml"] = (
            f"{HEAD}<comments {S}><commentList><comment ref='A1'><text><r><t>{escape(text)}</t></r></text></comment></commentList></comments>"
        )
    elif place == "threaded-comment":
        parts["xl/threadedComments/threadedComment1.xml"] = (
            f"{HEAD}<ThreadedComments xmlns='x'><threadedComment ref='A1'><text>{escape(text)}</text></threadedComment></ThreadedComments>"
        )
    elif place == "header":
        behind = f"<headerFooter><oddHeader>&amp;L{escape(text)}</oddHeader></headerFooter>"
    elif place == "prompt":
        behind = f"<dataValidations><dataValidation prompt={quoteattr(text)}/></dataValidations>"
    elif place == "drawing":
        parts["xl/drawings/drawing1.xml"] = (
            f"{HEAD}<xdr:wsDr xmlns:xdr='x' {A}><a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p></xdr:wsDr>"
        )
    elif place == "defined-name":
        extra = f'<definedNames><definedName name="x">"{escape(text)}"</definedName></definedNames>'
    sheet_name = escape(text[:31]) if place == "sheet-name" else "Sheet"
    parts["xl/workbook.xml"] = (
        f'{HEAD}<workbook {S}><sheets><sheet name="{sheet_name}" sheetId="1"{hidden}/></sheets>{extra}</workbook>'
    )
    parts["xl/worksheets/sheet1.xml"] = f"{HEAD}<worksheet {S}><sheetData>{rows}</sheetData>{behind}</worksheet>"
    items = "".join(f"<si><t>{escape(one)}</t></si>" for one in strings)
    parts["xl/sharedStrings.xml"] = f"{HEAD}<sst {S}>{items}</sst>"
    for name, content in (files or {}).items():
        parts[f"xl/embeddings/{name}"] = content
    return packed(parts)


def pptx(text: str, place: str = "slide") -> bytes:
    """Return a .pptx with `text` in `place`."""
    shown = f"<a:p><a:r><a:t>{escape(text[:9])}</a:t></a:r><a:r><a:t>{escape(text[9:])}</a:t></a:r></a:p>"
    parts: dict[str, bytes | str] = {"[Content_Types].xml": _types(), "_rels/.rels": _rels()}
    slide = "<a:p><a:r><a:t>Agenda</a:t></a:r></a:p>"
    if place == "slide":
        slide += shown
    elif place == "table":
        label, _, value = text.rpartition(" ")
        cells = "".join(
            f"<a:tc><a:txBody><a:p><a:r><a:t>{escape(one)}</a:t></a:r></a:p></a:txBody></a:tc>"
            for one in (label, value)
        )
        slide += f"<a:tbl><a:tr>{cells}</a:tr></a:tbl>"
    elif place == "alternative":
        slide += f"<p:cNvPr id='1' name='p' descr={quoteattr(text)}/>"
    parts["ppt/slides/slide1.xml"] = f"{HEAD}<p:sld {P} {A}>{slide}</p:sld>"
    others = {
        "notes": "notesSlides/notesSlide1",
        "master": "slideMasters/slideMaster1",
        "diagram": "diagrams/data1",
        "chart": "charts/chart1",
    }
    if place in others:
        parts[f"ppt/{others[place]}.xml"] = f"{HEAD}<p:x {P} {A}>{shown}</p:x>"
    if place == "comment":
        parts["ppt/comments/comment1.xml"] = (
            f"{HEAD}<p:cmLst {P}><p:cm><p:text>{escape(text)}</p:text></p:cm></p:cmLst>"
        )
    return packed(parts)


def opendocument(text: str, place: str = "body", *, kind: str = "text", encrypted: bool = False) -> bytes:
    """Return an .odt or .ods with `text` in `place`."""
    label, _, value = text.rpartition(" ")
    spaces = 'xmlns:office="o" xmlns:text="t" xmlns:table="b" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:draw="d" xmlns:svg="s" xmlns:xlink="l"'
    inner = "<text:p>Dear Ann</text:p>"
    if place == "body":
        inner += f"<text:p>{escape(text[:9])}<text:span>{escape(text[9:])}</text:span></text:p>"
    elif place in {"table", "hidden-sheet"}:
        cells = "".join(
            f"<table:table-cell><text:p>{escape(one)}</text:p></table:table-cell>" for one in (label, value)
        )
        inner += f"<table:table table:name='x'><table:table-row>{cells}</table:table-row></table:table>"
    elif place == "number":
        inner += f"<table:table><table:table-row><table:table-cell><text:p>{escape(label)}</text:p></table:table-cell><table:table-cell office:value='{float(value)!r}'><text:p>4.1E+15</text:p></table:table-cell></table:table-row></table:table>"
    elif place == "annotation":
        inner += f"<text:p><office:annotation><text:p>{escape(text)}</text:p></office:annotation></text:p>"
    elif place == "note":
        inner += f"<text:note><text:note-body><text:p>{escape(text)}</text:p></text:note-body></text:note>"
    elif place == "description":
        inner += f"<draw:frame><svg:desc>{escape(text)}</svg:desc></draw:frame>"
    elif place == "link":
        inner += f"<text:p><text:a xlink:href={quoteattr('https://www.example.com/?q=' + text)}>here</text:a></text:p>"
    parts: dict[str, bytes | str] = {"mimetype": f"application/vnd.oasis.opendocument.{kind}"}
    parts["content.xml"] = (
        f"{HEAD}<office:document-content {spaces}><office:body>{inner}</office:body></office:document-content>"
    )
    if place == "header":
        parts["styles.xml"] = (
            f"{HEAD}<office:document-styles {spaces} xmlns:style='y'><style:header><text:p>{escape(text)}</text:p></style:header></office:document-styles>"
        )
    if place == "title":
        parts["meta.xml"] = (
            f"{HEAD}<office:document-meta {spaces}><dc:title>{escape(text)}</dc:title></office:document-meta>"
        )
    sealed = '<manifest:encryption-data manifest:checksum="x"/>' if encrypted else ""
    parts["META-INF/manifest.xml"] = (
        f"{HEAD}<manifest:manifest xmlns:manifest='m'><manifest:file-entry>{sealed}</manifest:file-entry></manifest:manifest>"
    )
    return packed(parts)


def flat_opendocument(text: str) -> bytes:
    """Return an .fodt."""
    return f'{HEAD}<office:document xmlns:office="o" xmlns:text="t"><office:body><text:p>{escape(text[:9])}<text:span>{escape(text[9:])}</text:span></text:p></office:body></office:document>'.encode()


def pdf_objects(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """Return a PDF of these objects, the first of them the catalogue."""
    found = b"%PDF-1.7\n"
    places = []
    for number, one in enumerate(objects, 1):
        places.append(len(found))
        found += b"%d 0 obj\n" % number + one + b"\nendobj\n"
    start = len(found)
    found += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    found += b"".join(b"%010d 00000 n \n" % place for place in places)
    return found + b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)


def pdf_stream(content: bytes, entries: bytes = b"", *, filtered: bool = False) -> bytes:
    """Return a stream object."""
    if filtered:
        content, entries = zlib.compress(content, 9), entries + b"/Filter/FlateDecode"
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), entries, content)


def _literal(text: str) -> bytes:
    return b"(" + text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").encode("latin-1") + b")"


def pdf(text: str, place: str = "page", *, files: dict[str, bytes] | None = None) -> bytes:
    """Return a PDF with `text` in `place`."""
    drawn = b"BT /F1 12 Tf 72 760 Td (Dear Ann) Tj ET\n"
    annotation, form, info, names = b"", b"", b"", b""
    later: list[bytes] = []
    if place in {"page", "compressed"}:
        drawn += b"BT /F1 12 Tf 72 700 Td %s Tj ET" % _literal(text)
    elif place == "hidden":
        drawn += b"BT /F1 12 Tf 3 Tr 72 700 Td %s Tj ET" % _literal(text)
    elif place == "hexadecimal":
        drawn += b"BT /F1 12 Tf 72 700 Td <%s> Tj ET" % binascii.hexlify(text.encode("latin-1"))
    elif place == "pieces":
        pieces = b" ".join(_literal(sign) + b" -5" for sign in text)
        drawn += b"BT /F1 12 Tf 72 700 Td [%s] TJ ET" % pieces
    elif place == "backwards":
        order = [*enumerate(text)][::-1]
        drawn += b"".join(b"BT /F2 12 Tf %d 700 Td %s Tj ET\n" % (72 + 7 * at, _literal(sign)) for at, sign in order)
    elif place == "white":
        drawn += b"1 1 1 rg BT /F1 12 Tf 72 700 Td %s Tj ET" % _literal(text)
    elif place == "note":
        annotation = b"<</Type/Annot/Subtype/Text/Rect[0 0 10 10]/Contents%s>>" % _literal(text)
    elif place == "link":
        target = _literal(f"https://www.example.com/?q={text}")
        annotation = b"<</Type/Annot/Subtype/Link/Rect[0 0 10 10]/A<</S/URI/URI%s>>>>" % target
    elif place == "form":
        label, _, value = text.rpartition(" ")
        annotation = b"<</Type/Annot/Subtype/Widget/FT/Tx/T%s/V%s/Rect[0 0 10 10]>>" % (
            _literal(label),
            _literal(value),
        )
        form = b"/AcroForm<</Fields[6 0 R]>>"
    elif place == "title":
        info = b"/Info 7 0 R"
    elif place == "metadata":
        packet = f'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:title xmlns:dc="d">{escape(text)}</dc:title></x:xmpmeta>'
        later.append(pdf_stream(packet.encode(), b"/Type/Metadata/Subtype/XML", filtered=True))
        form = b"/Metadata 8 0 R"
    elif place == "bookmark":
        form = b"/Outlines<</First 8 0 R/Last 8 0 R/Count 1>>"
        later.append(b"<</Title%s/Parent 1 0 R/Dest[3 0 R/Fit]>>" % _literal(text))
    for name, content in (files or {}).items():
        later.append(b"<</Type/Filespec/F%s/UF%s/EF<</F %d 0 R>>>>" % (_literal(name), _literal(name), 9 + len(later)))
        later.append(pdf_stream(content, b"/Type/EmbeddedFile", filtered=True))
        names = b"/Names<</EmbeddedFiles<</Names[%s %d 0 R]>>>>" % (_literal(name), 6 + len(later))
    annotations = b"/Annots[6 0 R]" if annotation else b""
    font = b"<</Type/Font/Subtype/Type1/BaseFont/%s>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R%s%s>>" % (form, names),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R/F2 %s>>>>%s>>"
        % (font % b"Courier", annotations),
        pdf_stream(drawn, filtered=place == "compressed"),
        font % b"Helvetica",
        annotation or b"null",
        b"<</Title%s>>" % _literal(text if place == "title" else "A letter"),
        *later,
    ]
    return pdf_objects(objects, info)


def rtf(text: str, place: str = "body", *, file: tuple[str, bytes] | None = None) -> bytes:
    """Return an RTF with `text` in `place`."""
    inner = r"Dear Ann\par "
    if place == "body":
        inner += text
    elif place == "escaped":
        inner += "".join(f"\\'{ord(sign):02x}" for sign in text)
    elif place == "unicode":
        inner += "".join(rf"\u{ord(sign)}?" for sign in text)
    elif place == "hidden":
        inner += rf"{{\v {text}}}"
    elif place == "runs":
        inner += "".join(rf"{{\b {text[at : at + 3]}}}" for at in range(0, len(text), 3))
    elif place == "header":
        inner += rf"{{\header {text}\par}}"
    elif place == "footnote":
        inner += rf"{{\footnote {text}}}"
    elif place == "annotation":
        inner += rf"{{\*\annotation {text}}}"
    elif place == "title":
        inner = rf"{{\info{{\title {text}}}}}" + inner
    if file:
        name, content = file
        label = name.encode() + b"\0"
        native = b"\x02\0" + label + label + b"\0\0\x03\0" + len(label).to_bytes(4, "little") + label
        native += len(content).to_bytes(4, "little") + content
        kind = b"Package\0"
        ole = b"\x01\x05\0\0\x02\0\0\0" + len(kind).to_bytes(4, "little") + kind + bytes(8)
        ole += len(native).to_bytes(4, "little") + native
        inner += r"{\object\objemb{\*\objdata " + ole.hex() + "}}"
    return ("{\\rtf1\\ansi " + inner + "}").encode("latin-1")
