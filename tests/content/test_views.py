"""Documents with changes, hidden text and asides are read in each way in which somebody sees them."""

import pytest

from dlp_gateway.content import office, opendocument, rtf, views
from dlp_gateway.content.text import Account
from tests.formats.documents import W, packed
from tests.work import LINEAR, growth

TEXT = 'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
OFFICE = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
STYLE = 'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'


def _run(text: str, properties: str = "") -> str:
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


def _deleted(text: str) -> str:
    return f"<w:del><w:r><w:delText>{text}</w:delText></w:r></w:del>"


def _docx(body: str) -> str:
    document = f"<w:document {W}><w:body><w:p>{body}</w:p></w:body></w:document>"
    content = packed({"[Content_Types].xml": "<Types/>", "word/document.xml": document})
    return "\n".join(piece for piece in office.read(content, Account()) if isinstance(piece, str))


def _odt(body: str, styles: str = "") -> str:
    content = (
        f"<office:document {OFFICE} {TEXT} {STYLE}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document>"
    )
    return "\n".join(piece for piece in opendocument.read_flat(content.encode(), Account()) if isinstance(piece, str))


def _rtf(body: str) -> str:
    return "\n".join(
        piece for piece in rtf.read(rf"{{\rtf1 {body}}}".encode("latin-1"), Account()) if isinstance(piece, str)
    )


def _field(code: str, result: str) -> str:
    return (
        f'<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>{code}</w:instrText></w:r>'
        f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{_run(result)}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        pytest.param(
            f"{_run('no. 45')}{_deleted('99')}<w:ins>{_run('39')}</w:ins>{_run(' 11')}",
            ["no. 459939 11", "no. 4539 11", "no. 4599 11"],
            id="deleted and inserted",
        ),
        pytest.param(
            f"{_run('no. 45')}<w:moveFrom>{_run('77')}</w:moveFrom>{_run('39')}", ["457739", "4539"], id="moved away"
        ),
        pytest.param(
            f"{_run('no. 45')}<w:moveTo>{_run('77')}</w:moveTo>{_run('39')}", ["457739", "4539"], id="moved here"
        ),
        pytest.param(
            f"{_run('no. 45')}<w:ins>{_deleted('77')}{_run('39')}</w:ins>{_run('11')}",
            ["45773911", "453911", "4511"],
            id="deleted within what was inserted",
        ),
        pytest.param(
            f"{_run('no. 45')}{_run('77', '<w:vanish/>')}{_run('39')}", ["no. 457739", "no. 4539"], id="hidden"
        ),
        pytest.param(
            f"{_run('no. 45')}{_run('77', '<w:dstrike/>')}{_run('39')}", ["no. 457739", "no. 4539"], id="struck out"
        ),
        pytest.param(f"{_run('no. 45 ')}{_field('QUOTE 7', '39')}", ["QUOTE 739", "no. 45 39"], id="code of a field"),
        pytest.param(
            f"{_run('no. 45')}<w:r><w:txbxContent><w:p>{_run('77')}</w:p></w:txbxContent></w:r>{_run('39')}",
            ["4577", "no. 4539"],
            id="a text box that is anchored in a number",
        ),
        pytest.param(
            f"{_run('no. 45')}{_deleted('77')}{_run('88', '<w:vanish/>')}{_run('39')}",
            ["45778839", "457739", "4539"],
            id="hidden beside what was deleted",
        ),
        pytest.param(
            f"<w:pPr><w:rPr><w:del/></w:rPr></w:pPr>{_run('no. 45')}</w:p><w:p>{_run('39')}",
            ["no. 45\n39", "no. 4539"],
            id="the end of a paragraph that was deleted",
        ),
    ],
)
def test_word(body: str, seen: list[str]) -> None:
    """The text as written, with the changes accepted, with them rejected; and without what is hidden."""
    found = _docx(body)
    assert all(one in found for one in seen)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(_run("no. 45") + _run("39", '<w:vanish w:val="0"/>'), id="a property that is off"),
        pytest.param(f"{_run('See ')}{_run('the other page', '<w:vanish/>')}{_run(', 45')}", id="hidden beside words"),
        pytest.param(
            f"<w:pPr><w:rPr><w:vanish/></w:rPr></w:pPr>{_run('no. 45')}</w:p><w:p>{_run('39')}",
            id="a paragraph's end that is hidden",
        ),
        pytest.param(f"{_run('no. 45')}<w:r><w:sym w:char='0010'/></w:r>{_run('39')}", id="a mark of the text's own"),
    ],
)
def test_what_tears_no_word_is_read_once(body: str) -> None:
    """Nothing is read twice where nobody sees anything else within a word."""
    assert _docx(body).count("45") == 1


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (r"no. 45{\deleted 99}{\revised 39} 11", ["no. 459939 11", "no. 4539 11", "no. 4599 11"]),
        (r"no. 45{\v 77}39", ["no. 457739", "no. 4539"]),
        (r"no. 45\v 77\v0 39", ["no. 457739", "no. 4539"]),
        (r"no. 45\v 77\plain 39", ["no. 457739", "no. 4539"]),
        (r"no. 45\v\'37\u55 7\v0 39", ["no. 457739", "no. 4539"]),
        (r"no. 45{\strike 77}39", ["no. 457739", "no. 4539"]),
        (r"no. 45{\*\unheard 77}39", ["no. 457739", "no. 4539"]),
        (r"no. 45{\*\annotation 77}39", ["77", "no. 4539"]),
        (r"no. 45{\footnote 77}39", ["77", "no. 4539"]),
        (r"no. 45 {\field{\*\fldinst QUOTE 7}{\fldrslt 39}}", ["QUOTE 7", "no. 45 39"]),
        (r"no. 45{\v 77}39 and \'0e 11\'11", ["no. 457739 and  11", "no. 4539 and  11"]),
    ],
)
def test_rich_text(body: str, seen: list[str]) -> None:
    """The same in RTF."""
    found = _rtf(body)
    assert all(one in found for one in seen)
    assert not any(sign < " " and sign != "\n" for sign in found)


_INFO = "<office:change-info><creator>Ann</creator><date>2026-01-01</date></office:change-info>"


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        pytest.param(
            f"<text:tracked-changes><text:changed-region text:id='c'><text:deletion>{_INFO}<text:p>77</text:p>"
            "</text:deletion></text:changed-region></text:tracked-changes>"
            "<text:p>no. 45<text:change text:change-id='c'/>39</text:p>",
            ["Ann", "no. 457739", "no. 4539"],
            id="deleted",
        ),
        pytest.param(
            f"<text:tracked-changes><text:changed-region text:id='c'><text:insertion>{_INFO}</text:insertion>"
            "</text:changed-region></text:tracked-changes>"
            "<text:p>no. 45<text:change-start text:change-id='c'/>77<text:change-end text:change-id='c'/>39</text:p>",
            ["no. 457739", "no. 4539"],
            id="inserted",
        ),
        pytest.param(
            "<text:tracked-changes><text:changed-region text:id='c'><text:deletion><text:p>77</text:p></text:deletion>"
            "</text:changed-region></text:tracked-changes><text:p>no. 45</text:p>",
            ["77", "no. 45"],
            id="deleted nowhere",
        ),
        pytest.param(
            "<text:p>no. 45<office:annotation><text:p>77</text:p></office:annotation>39</text:p>",
            ["77", "no. 4539"],
            id="a comment",
        ),
        pytest.param(
            "<text:p>no. 45<text:note><text:note-body><text:p>77</text:p></text:note-body></text:note> 39</text:p>",
            ["77", "no. 45 39"],
            id="a note",
        ),
        pytest.param(
            "<text:p>no. 45<text:span text:style-name='h'>77</text:span>39</text:p>",
            ["no. 457739", "no. 4539"],
            id="hidden by a style",
        ),
        pytest.param(
            "<text:p>no. 45<text:span text:style-name='s'>77</text:span>39</text:p>",
            ["no. 457739", "no. 4539"],
            id="struck out",
        ),
    ],
)
def test_open_document(body: str, seen: list[str]) -> None:
    """The same in OpenDocument."""
    styles = (
        "<style:style style:name='h'><style:text-properties text:display='none'/></style:style>"
        "<style:style style:name='s'><style:text-properties style:text-line-through-style='solid'/></style:style>"
    )
    found = _odt(body, styles)
    assert all(one in found for one in seen)


def test_a_text_that_is_deleted_is_put_in_once() -> None:
    """However often its change is named."""
    named = "<text:change text:change-id='c'/>" * 100
    found = _odt(
        "<text:tracked-changes><text:changed-region text:id='c'><text:deletion><text:p>4539</text:p></text:deletion>"
        f"</text:changed-region></text:tracked-changes><text:p>a{named}b</text:p>"
    )
    assert found.count("4539") == 1


def test_long_texts_are_read_around_their_changes() -> None:
    """Of a book with one change, only what stands around it is read again."""
    book = "Some words of a book. " * 5_000
    found = views.readings(f"{book} no. 45{views.UNSEEN}77{views.END_UNSEEN}39 {book}")
    assert "no. 4539" in found
    assert len(found) < 2 * len(book) + 700


def test_a_long_text_with_changes_everywhere_is_read_once_more() -> None:
    """What stands around places that lie near each other is not read for each of them."""
    marked = f"Some words of a book, no. 45{views.UNSEEN}77{views.END_UNSEEN}39, to be read by everybody. " * 5_000
    assert len(views.readings(marked)) < 2 * len(marked)


def test_time_grows_with_the_text() -> None:
    """Thousands of changes, and of changes within each other, are a single pass for each way to see them."""
    change = f"45{views.UNSEEN}77{views.END_UNSEEN}39{views.DELETED}1{views.END_DELETED}{views.INSERTED}"
    assert growth(views.readings, lambda count: change * count, 20_000) < LINEAR
