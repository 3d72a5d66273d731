"""PDF: tables, forms and pictures, where they stand on the page."""

import pytest
from PIL import Image

from dlp_gateway.content import ocr, pdf
from dlp_gateway.content.text import Account, UnreadableReason
from tests.formats import documents, pages, pictures
from tests.formats.pages import Page, by_column, table

needs_ocr = pytest.mark.skipif(ocr.engine() is None, reason="the extra `ocr` or Tesseract's English data is missing")
HEAD = ("Name", "Driving licence no.", "Town")
PEOPLE = (("Gordon Ellsby", "F5731945", "York"), ("Lena Wren", "C5550123", "Hull"))
ROWS = (HEAD, *PEOPLE)
WRITTEN = "\n".join("\t".join(row) for row in ROWS)
LEFTS = (72, 220, 420)
LETTER = [(72, 760 - 14 * line, f"This is line {line} of a letter, as people write it.") for line in range(9)]


def seen(*sheets: Page) -> tuple[str, set[UnreadableReason]]:
    """Return the text of a document of these pages, and the reasons."""
    pieces = list(pdf.read(pages.pdf(sheets), Account()))
    reasons = {piece for piece in pieces if isinstance(piece, UnreadableReason)}
    return "\n".join(piece for piece in pieces if isinstance(piece, str) and piece not in reasons), reasons


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("order", [list, by_column])
def test_a_table_is_read_as_rows(rotate: int, order: type[list[pages.Words]]) -> None:
    """Without ruling, in whatever order it is drawn, on a page that is turned."""
    text, reasons = seen(Page(words=order(table(ROWS, LEFTS, top=500)), rotate=rotate))
    assert WRITTEN in text
    assert not reasons


def test_a_table_has_its_text_once() -> None:
    """Where rows are drawn one after the other, nothing is read twice."""
    assert seen(Page(words=table(ROWS, LEFTS)))[0].count("F5731945") == 1


@pytest.mark.parametrize("leading", [11, 18])
def test_lines_of_a_cell_belong_together(leading: float) -> None:
    """Heads and addresses are often too long for their column."""
    head = ("Name", "Driving\nlicence no.", "Town")
    people = (("Gordon Ellsby", "F5731945", "3 High Street\nYork"), ("Lena Wren", "C5550123", "Hull"))
    text, _ = seen(Page(words=table((head, *people), LEFTS, leading=leading)))
    assert "Name\tDriving licence no.\tTown\nGordon Ellsby\tF5731945\t3 High Street York\nLena Wren\tC5550123" in text


def test_lines_in_the_middle_of_a_row_belong_to_it() -> None:
    """A number may stand between the two lines of the address beside it."""
    words = [(72, 700, "Name"), (220, 706, "Driving"), (220, 694, "licence no."), (420, 700, "Town")]
    words += [(72, 660, "Gordon Ellsby"), (220, 660, "F5731945"), (420, 666, "3 High Street"), (420, 654, "York")]
    assert "Name\tDriving licence no.\tTown\nGordon Ellsby\tF5731945\t3 High Street York" in seen(Page(words=words))[0]


def test_numbers_on_the_right_of_their_column_belong_to_it() -> None:
    """Some are longer than others."""
    words = [(72, 700, "Name"), (200, 700, "Driving licence no."), (372, 700, "Town")]
    for row, (name, number, town) in enumerate((PEOPLE[0], ("Lena Wren", "C555012345", "Hull"))):
        words += [
            (72, 682 - 18 * row, name),
            (290 - 6 * len(number), 682 - 18 * row, number),
            (372, 682 - 18 * row, town),
        ]
    assert "Gordon Ellsby\tF5731945\tYork\nLena Wren\tC555012345\tHull" in seen(Page(words=words))[0]


def test_a_head_as_wide_as_its_columns_belongs_to_them() -> None:
    """Spreadsheets leave no more between two columns than between two words."""
    words = table((("Name of driver", "Driving licence no.", "Town"), *PEOPLE), (72, 151, 248))
    assert "Name of driver\tDriving licence no.\tTown\nGordon Ellsby\tF5731945\tYork" in seen(Page(words=words))[0]


def test_an_empty_cell_keeps_its_column() -> None:
    """The number is still below its head."""
    rows = (HEAD, ("Gordon Ellsby", "", "York"), ("", "C5550123", "Hull"))
    assert "Gordon Ellsby\t\tYork\n\tC5550123\tHull" in seen(Page(words=table(rows, LEFTS)))[0]


def test_a_table_goes_on_overleaf() -> None:
    """Its head is that of the page before; a table with a head of its own has that alone."""
    others = (("Pia Ott", "D1234567", "Leeds"), ("Max Roe", "D7654321", "Ayr"))
    text, _ = seen(Page(words=table(ROWS, LEFTS)), Page(words=table(others, LEFTS)))
    assert "\t".join(HEAD) + "\nPia Ott\tD1234567\tLeeds" in text
    assert text.count("D1234567") == 1
    orders = (("Article", "Order no.", "Price"), *others)
    text, _ = seen(Page(words=table(ROWS, LEFTS)), Page(words=table(orders, LEFTS)))
    assert text.count("\t".join(HEAD)) == 1


def test_prose_around_a_table_is_none_of_it() -> None:
    """It has no tabs in it."""
    long = "Best wishes and many thanks to all of the team in the north, who help us wherever they can."
    text, _ = seen(Page(words=[*LETTER, *table(ROWS, LEFTS, top=600), (72, 520, long), (72, 506, "Ann")]))
    assert {line.count("\t") for line in text.splitlines() if "This is line" in line or line in {long, "Ann"}} == {0}
    assert WRITTEN in text


def test_two_columns_of_prose_are_no_table() -> None:
    """Sentences go on below."""
    left = [
        "this is the first column of a page",
        "of running text, in which something",
        "is said of a driving licence no.",
    ]
    right = [
        "and here goes the second column of it",
        "in which we speak of order 1234567",
        "and of everything else as well",
    ]
    words = [(x, 700 - 14 * n, line) for x, column in ((60, left), (330, right)) for n, line in enumerate(column)]
    assert "\t" not in seen(Page(words=words))[0]
    assert "\n".join(left) in seen(Page(words=by_column(words)))[0]


@pytest.mark.parametrize(
    ("words", "field"),
    [
        pytest.param((72, 700, "Driving licence no.:"), (180, 695, 320, 713), id="beside"),
        pytest.param((72, 700, "Driving licence no.:"), (180, 697, 400, 707), id="low"),
        pytest.param((72, 700, "Driving licence no.: __________________"), (172, 695, 320, 713), id="on a line"),
        pytest.param((72, 720, "Driving licence no.:"), (72, 695, 272, 715), id="below"),
    ],
)
def test_the_value_of_a_field_stands_by_its_label(words: pages.Words, field: pages.Box) -> None:
    """What the field calls itself says nothing."""
    text = seen(Page(words=[words, (72, 640, "Town:")], fields=[(field, "F5731945"), ((172, 635, 320, 653), "York")]))[
        0
    ]
    assert "Driving licence no.: F5731945" in " ".join(text.split())
    assert "f0: F5731945" in text


def test_a_field_on_a_turned_page_stands_by_its_label() -> None:
    """Places are those of the page, whichever way it is held."""
    page = Page(words=[(72, 500, "Driving licence no.:")], fields=[((82, 190, 100, 390), "F5731945")], rotate=90)
    assert "Driving licence no.: F5731945" in " ".join(seen(page)[0].split())


def test_a_number_in_boxes_is_one() -> None:
    """A field for each character."""
    boxes = [((220 + 20 * place, 695, 238 + 20 * place, 713), sign) for place, sign in enumerate("F5731945")]
    assert "Driving licence no.\tF5731945" in seen(Page(words=[(72, 700, "Driving licence no.")], fields=boxes))[0]


def test_fields_are_cells_of_a_table() -> None:
    """Rows may be filled in."""
    fields = [
        ((left, 677 - 18 * row, left + 110, 693 - 18 * row), cell)
        for row, cells in enumerate(PEOPLE)
        for left, cell in zip(LEFTS, cells, strict=True)
    ]
    assert WRITTEN in seen(Page(words=table((HEAD,), LEFTS), fields=fields))[0]


def test_what_is_typed_onto_a_page_stands_by_its_label() -> None:
    """Forms without fields are filled in with notes of free text."""
    page = Page(words=[(72, 700, "Driving licence no.:")], notes=[((200, 695, 420, 713), "F5731945")])
    assert "Driving licence no.: F5731945" in " ".join(seen(page)[0].split())


CODE = pictures.code("Driving licence no. F5731945", "QRCode").resize((400, 400))


@pytest.mark.parametrize("rotate", [0, 90])
@pytest.mark.parametrize("is_in_form", [False, True])
def test_a_picture_beside_text_is_looked_at(rotate: int, is_in_form: bool) -> None:  # noqa: FBT001 - a parameter
    """However much text the page has."""
    page = Page(words=LETTER, pictures=[((60, 300, 220, 460), CODE)], rotate=rotate, is_in_form=is_in_form)
    assert "F5731945" in seen(page)[0]


def test_a_picture_in_strips_is_one() -> None:
    """Scanners cut a page, and a strip says nothing."""
    strips = [
        ((60, 460 - 16 * (n + 1), 220, 460 - 16 * n), CODE.crop((0, 40 * n, 400, 40 * n + 40))) for n in range(10)
    ]
    assert "F5731945" in seen(Page(words=LETTER, pictures=strips))[0]


@pytest.mark.parametrize("is_in_form", [False, True])
def test_a_logo_is_not_looked_at(is_in_form: bool) -> None:  # noqa: FBT001 - a parameter
    """A picture that takes next to nothing of the page costs no time, and is told to nobody."""
    text, reasons = seen(Page(words=LETTER, pictures=[((60, 780, 130, 830), CODE)], is_in_form=is_in_form))
    assert "F5731945" not in text
    assert not reasons


@needs_ocr
def test_a_scan_below_a_letter_is_read() -> None:
    """So is one with a line that the program put under it."""
    card = pictures.drawn(pictures.CARD)
    for words in (LETTER, [(72, 20, "Scanned by some program")]):
        text, reasons = seen(Page(words=words, pictures=[((40, 200, 540, 540), card)]))
        assert "MORGA657054SM9IJ" in text
        assert UnreadableReason.IDENTITY_PICTURE in reasons


@needs_ocr
def test_the_same_picture_on_each_page_is_looked_at_once() -> None:
    """A background does not use up what may be looked at."""
    shown = pictures.drawn(pictures.CLEAN)
    text, reasons = seen(*(Page(words=LETTER, pictures=[((40, 100, 540, 440), shown)]) for _ in range(20)))
    assert text.count("bread") == 1
    assert not reasons


def test_the_reason_is_told_where_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra `ocr` the scan below a letter is a picture that was not read."""
    monkeypatch.setattr(ocr, "tesserocr", None)
    ocr.engine.cache_clear()
    try:
        reasons = seen(Page(words=LETTER, pictures=[((40, 200, 540, 540), pictures.drawn(pictures.CARD))]))[1]
        assert reasons == {UnreadableReason.PICTURE}
        assert not seen(Page(words=LETTER))[1]
    finally:
        ocr.engine.cache_clear()


def test_pages_that_are_drawn_are_bounded() -> None:
    """Of many scanned pages the last are not looked at, and that is told."""
    sheet = Image.linear_gradient("L")
    scans = [Page(pictures=[((0, 0, 595, 842), sheet)]) for _ in range(3)]
    account = Account(pixels=6_000_000, looks=0)
    pieces = list(pdf.read(pages.pdf(scans), account))
    assert UnreadableReason.PICTURE in pieces
    assert 0 <= account.pixels < 6_000_000


def test_a_link_is_read_as_it_is_meant() -> None:
    """Blanks in it are written as numbers."""
    content = documents.pdf("Driving%20licence%20no.%20F5731945", "link")
    assert "Driving licence no. F5731945" in "".join(p for p in pdf.read(content, Account()) if isinstance(p, str))


def test_a_date_is_no_number() -> None:
    """When a document was made is told as people write it."""
    dates = b"<</CreationDate(D:20261128043218+01'00')/ModDate(x20261128043219)/Title"
    content = documents.pdf("Letter", "title").replace(b"<</Title", dates)
    text = "".join(piece for piece in pdf.read(content, Account()) if isinstance(piece, str))
    assert "2026-11-28" in text
    assert "20261128043218" not in text
    assert "x20261128043219" in text
