"""Whose a number is, by classes of wording and layout in which it is easily taken for another's."""

import pytest

from dlp_gateway.detect.base import CONFIDENCE
from tests.detect.identifiers import RECOGNITION, licences, numbers
from tests.work import LINEAR, growth


@pytest.mark.parametrize(
    "text",
    [
        "[x] Driver's license seen   by: PJ   on: 4 Nov\n[x] Insurance verified   vendor order 48213307",
        "[ ] Copy of licence on file   who: Sam   when: Mon\n[x] Van inspected   unit 4471902",
        "[08:10] Ann: so, still waiting for the driver's licence\n[08:11] Bob: ok, well, booking 8821-4470",
        "Ana: vale, falta el carnet de conducir\nLuis: vale, la reserva es 8841207",
        "driver: Kim   licence: seen   date: Monday\nvan 3   unit 88402137   ok",
    ],
)
def test_keys_with_values_are_no_header(text: str) -> None:
    """A checklist or a chat in which every line has as many commas or gaps is no table of licences."""
    assert not licences(text)


@pytest.mark.parametrize("mark", ["\t", " | ", ";", "    "])
@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("Führerscheinnummer", ["B072RRE2I55"]),
        ("Passport number", ["C01X00T47", "C44VX18L7", "NXR418RL7", "C441VX87L", "533401882"]),
    ],
)
@pytest.mark.parametrize(
    "rows",
    [
        ("", ("City", "Leeds")),
        (("Name", "Hans Huber"), "", ("Telefon", "0171 3920041")),
        ("", ("Telefon", "0171 3920041"), ("Stadt", "Ulm")),
        (("Passport holder", "Hans Huber"), "", ("Phone", "07700 900123"), ("City", "Leeds")),
        (("Driving licence", "yes"), "", ("City", "Leeds"), ("Post", "Mr Hall")),
    ],
)
def test_a_value_is_of_the_key_beside_it(
    rows: tuple[tuple[str, str] | str, ...], key: str, values: list[str], mark: str
) -> None:
    """In whatever row: German and Dutch documents have hardly four digits in a row, which no heading has."""
    for value in values:
        text = "\n".join(mark.join(row or (key, value)) for row in rows)
        assert [found for _, found in numbers(text)] == [value]


@pytest.mark.parametrize(
    "text",
    [
        "Driving licence check | Order number\nDriving licence renewal | 48213307",
        "Passport holder | Booking\nPassport office | 533401882\nPassport desk | 533401893",
        "Order number | 533401882\nPassport | yes",
        "Passport number | to follow | 533401882",
    ],
)
def test_a_heading_of_another_matter_stays_the_owner(text: str) -> None:
    """Although a label stands beside the number."""
    assert not numbers(text)


@pytest.mark.parametrize(
    "unit",
    ["Passport number | C01X00T47\n", "Passport holder | Ann\n", "passport\tA1 B2 ", "| passport |", "passport\t44\t"],
)
def test_rows_of_keys_take_time_in_proportion(unit: str) -> None:
    """By the ten thousand, on lines of their own and on one."""
    assert growth(RECOGNITION.spans, lambda size: unit * size, 4_000) < LINEAR


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Police want the Kansas license of the driver. That was Harold. K01239944. He is sorry.", ["K01239944"]),
        ("The driving licence? Found it! K01239944. Call me", ["K01239944"]),
        ("K01239944 is my KS driver license. Zip 66002.", ["K01239944"]),
        ("K01239944 is my driver's license! Unit 4471 is mine as well.", ["K01239944"]),
        ("Fahrer ohne Führerschein fahren nicht mit.\n\nDie Bestellnr. 084-4719027 bleibt.", []),
        ("Noch zum Führerschein (Feld 5). Vertragsnr. AB-202394.", []),
        ("Bring your driver's licence. Our ref. 88412071.", []),
    ],
)
def test_a_sentence_ends_before_a_number_but_not_behind_a_word_cut_short(text: str, expected: list[str]) -> None:
    """A number may be a sentence of its own, and one in the next sentence is not the label's."""
    assert expected == licences(text)


@pytest.mark.parametrize(
    "text",
    ["asked for it; DL\n513920846\nthx", "DL #\n51392084", "dl:\n\nB5139208", "as discussed, lic no\nB5139208\nbye"],
)
def test_a_short_label_owns_the_line_directly_below(text: str) -> None:
    """What stands alone below a label is as near as what stands behind it."""
    expected = 1
    assert expected == len(licences(text))


@pytest.mark.parametrize(
    "text",
    [
        "Numéro de licence du logiciel de paie : LIC-0844-1207-33",
        "Licencia nº: 883412-MX\nUsuarios: 25\nSoporte hasta: 31/12/2027",
        "Licence no.: 883412-NL\nGebruikers: 12",
        "| Trades | License # |\n|---|---|\n| Roofer | RC-0441239 |\n| Welder | 7720418 |",
        "Name,Craft,Lic No\nJo,Gasfitter,GF440127\nAl,Plumber,PL882104",
        "Contractor   Licence no   Until\nMasons Ltd   MB4410298    2027",
    ],
)
def test_licences_of_programs_and_trades(text: str) -> None:
    """A short label or heading beside words of software or of a trade is no driver's licence."""
    assert not licences(text)


@pytest.mark.parametrize(
    "text",
    [
        "my license expired!\n\n> who's driving? reservation is for two nights, HMC810658",
        "need ur driver's license\nthe booking is under our name, B4471209",
        "Driver's license pending.\nThe order ships on Monday in two boxes, 88412071",
        "DRIVERS LIC.: D4471209\nEMERG. CONTACT: Per 206 555 0161",
        "Driving licence: to follow\nNext of kin name: Ann 020 7946 0018",
    ],
)
def test_another_matter_of_the_sentence_owns_the_number(text: str) -> None:
    """A number behind a comma, or behind a name, belongs to what its own sentence or field is about."""
    assert not [found for found in licences(text) if found != "D4471209"]


def test_a_heading_may_end_in_a_colon() -> None:
    """A remark in parentheses behind it is no value."""
    expected = ["D4471209", "D4471210"]
    assert expected == licences("Name   DL no: (front)   State\nAnn Foo   D4471209   CA\nBob Bar   D4471210   CA")


def test_headings_of_drivers_stay_headings() -> None:
    """A short heading in a table that speaks of driving still owns its column."""
    expected = ["PL882104"]
    assert expected == licences("Name,Trades,Vehicle,Lic No\nAl,Plumber,Van 3,PL882104")


@pytest.mark.parametrize(
    "text",
    [
        (
            "PO No.       Item                  Qty   Rate\n450023515   Driver seat cover      12   1,150\n"
            "450023516   Licence disc holder    40      85\n450023517   Mud flap               24     220"
        ),
        "Part | Article | Units\n88412071 | Licence plate frame | 4\n88412072 | Licence holder | 9",
        "Order,Description,Price\nB4471201,licence wallet,9\nB4471202,key ring,4",
        "Serial\tItem\tQty\nD4471209\tlicence reader\t1\nD4471210\tcable\t2",
        "Mando la reserva. Paga con la mia carta 4012 8888 8888 1881.",
    ],
)
def test_numbers_of_a_list_of_goods_and_of_cards(text: str) -> None:
    """A number below a heading of its own, or in groups as on cards, is not that of a licence named beside it."""
    assert not licences(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"user":"U1","text":"need the UT driver license"},\n{"user":"U2","text":"yes it is 216948035"}', "216948035"),
        ('[{"from":"a","body":"what is your driving licence?"},\n{"from":"b","body":"D4471209"}]', "D4471209"),
        ("ops2: driver's licence for the yard?\nwayne_k: hang on\nwayne_k: D4471209", "D4471209"),
        ("Gwen (12:11 PM): ur driver's license?\nArlo (12:19 PM): it's D4471209 i think", "D4471209"),
        ("Motorist ID 820 651 394 / Class D, New York", "820 651 394"),
        ("Secretary of State says B256 4197 3062, I had a drivers license typo", "B256 4197 3062"),
    ],
)
def test_who_speaks_in_a_chat_owns_no_number(text: str, expected: str) -> None:
    """The answer in a chat belongs to the question above, however the chat writes who speaks."""
    assert [expected] == licences(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jo: manda a CNH\nTiago: 89304474980 categoria E\nJo: e a placa?\nTiago: ABC1D23", ["89304474980"]),
        ("12/09/23, 7:41 am - Kerry: need your licence no.\n12/09/23, 7:43 am - Stav: 048 817 220", ["048 817 220"]),
        ("desk: driver's licence please\nkim: K01239944\ndesk: thanks, your bay is 20418\nkim: ok", ["K01239944"]),
    ],
)
def test_an_answer_in_a_talk_is_owned_by_the_question(text: str, expected: list[str]) -> None:
    """Who speaks is no key of the number, in any of the ways in which talks are exported."""
    assert expected == licences(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "klar, steht ja vorne drauf: B072RRE2I55. Klasse B.\n\n> Es fehlt die Nummer Ihres Führerscheins.",
            ["B072RRE2I55"],
        ),
        ("certo: MI2156173T, rilasciata nel 2009.\n\n> Ci manca il n. della Sua patente.", ["MI2156173T"]),
        ("tuurlijk, 't is 5340173605. Tot dan.\n\n> Ik heb je rijbewijsnummer nog nodig.", ["5340173605"]),
        ("Il conduisait la Clio, permis de conduire en main, j'ai relevé 24HF71806 au stylo.", ["24HF71806"]),
        ("Der Schlüssel ist 4471882.\n\n> Es fehlt die Nummer Ihres Führerscheins.", []),
    ],
)
def test_half_a_sentence_before_the_colon_is_no_key(text: str, expected: list[str]) -> None:
    """An answer above the question may be introduced in any words, but not as another thing's number."""
    assert expected == licences(text)


@pytest.mark.parametrize(
    "text",
    [
        "The electrician (licence EC 4471882) comes Tuesday, and our driver Tom will let him in.",
        "Base license B02418, medallion 7K41.",
        "The TV Licensing letter (licence number 3418 220 774) is for the previous tenant.",
        "Bitte Führerschein senden, damit der Mietvertrag 20-41882 vorbereitet werden kann.",
        "Carné de conducir visto. La póliza vieja, la 077-127520, se da de baja.",
        "Sprawdź status prawa jazdy. Numer wniosku: 2026118273. Infolinia czynna.",
        "A dl of the file: https://files.example.com/dl/D1820447?id=738204915 for seven days.",
        '{"driver":{"name":"gfx","license_id":"LIC-28075-44"}}',
    ],
)
def test_things_beside_the_number_own_it(text: str) -> None:
    """A trade, a contract, a path or a prefix of another number is no licence's label."""
    assert not licences(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("> it's Y3327082\n>> the second driver's lic # is missing, can you mail it?", ["Y3327082"]),
        ("> Moin, hier: F0119ZZ3156\n>\n>> uns fehlt noch die F\u00fchrerscheinnummer", ["F0119ZZ3156"]),
        (
            "shows a New York State license bearing client identification number 714 446 903, issued 2020",
            ["714 446 903"],
        ),
        ("Licencia federal tipo B, folio NLE0134177, vigente", ["NLE0134177"]),
        ("driver licence card no. is 40310027, code EB", ["40310027"]),
        ("campo=numRegistroCNH valor=36271766402", ["36271766402"]),
        (
            "1) Ann\n2) B 530 612 457 291\n\nYou asked\n1) Name?\n2) Number of your driver's license?",
            ["B 530 612 457 291"],
        ),
        ('<licence country="GB-NIR"><no>48827104</no></licence> of the driver', ["48827104"]),
        ("DL OH RT482913 / emp 40213", ["RT482913"]),
        ("{'renterLicenseNumber': 'D7712045'}", ["D7712045"]),
        ("\u904b\u8ee2\u514d\u8a31\u8a3c\u756a\u53f7\u306f301612345675\u3067\u3059", ["301612345675"]),
        ("\uc6b4\uc804\uba74\ud5c8 \ubc88\ud638 11-22-334455-66", ["11-22-334455-66"]),
    ],
)
def test_a_licence_by_the_words_of_its_kind(text: str, expected: list[str]) -> None:
    """Quoted answers to quoted questions, numbers of cards and folios, keys of programs, and other scripts."""
    assert expected == licences(text)


@pytest.mark.parametrize(
    "text",
    [
        "Rijbewijzen zijn gezien. CMR-nrs 7845182, 7845183.",
        "Num\u00e9ro de dossier pour le permis de conduire : 2026-447188",
        "case number for the driver's licence: 44718290",
        "Ta med k\u00f6rkortet. OCR f\u00f6r parkeringen: 1434542510774.",
        "permis de conduire vu. Permis d'alcool du resto : 118-2074",
        "<Identification type='DL'/><DealerLicense>VD-029163</DealerLicense>",
        "the driver license (vGPU) of the server expires, activation 8274-2290-6513-1199",
        "FS-Nummer fehlt noch (Kfz M-KW 1251).",
        "Driver's licences were seen. Vans are reserved under confirmations 6630182, 6630183 and 6630184.",
        'props.put("driver.license.file", "/opt/lic/11802277.lic");',
        "f\u00fcr den Lehrgang (LG-2026-118) brauchen die noch deine F\u00fchrerscheinnummer.",
        "votre demande de permis de conduire est en cours. Num\u00e9ro de suivi : 2026-0447182.",
    ],
)
def test_a_number_of_another_matter(text: str) -> None:
    """Lists go on as they began, files are numbered and not what they are about, and plates are of cars."""
    assert not licences(text)


@pytest.mark.parametrize(
    "shown",
    [
        "DNI 24630336H",
        "PESEL 79112635258",
        "bsn 123456788",
        "SIN 764 195 037",
        "NHS number 412 380 3904",
        "CPF 52998224724",
    ],
)
def test_a_check_digit_that_does_not_fit_is_a_veto(shown: str) -> None:
    """What is called by the name of a number with a check digit, and fails it, is invented or misread."""
    assert not [span for span in RECOGNITION.spans(shown) if span.score >= CONFIDENCE["medium"]]


def test_an_account_is_a_customers_unless_a_bank_is_spoken_of() -> None:
    """A bare column or label "account" owns its numbers; a routing column beside it makes it a bank's."""
    rows = "".join(f"INV-{number},4471829{number},9938471{number}00{number}\n" for number in range(10, 30))

    def kinds(header: str) -> set[str]:
        spans = RECOGNITION.spans(f"{header}\n{rows}")
        return {span.type for span in spans if span.score >= CONFIDENCE["low"]}

    assert kinds("invoice_id,account,reference") == set()
    assert kinds("invoice_id,bank_account,reference") == {"BANK_ACCOUNT"}
    assert kinds("sort_code,account,reference") >= {"BANK_ACCOUNT"}
    water = RECOGNITION.spans("Please quote account no. 4471829 on your water bill.")
    assert not [span for span in water if span.score >= CONFIDENCE["medium"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("801-47-2936 is what's printed on my Mississippi driver license.", ["801-47-2936"]),
        ("ME lic: 7104826\nboat reg: ME 7247 HK", ["7104826"]),
        ("5047912 <- that's the WA licence, Nugget's.\nThe boat ticket is RST 0037979.", ["5047912"]),
        (
            "License          D4237 51862 09784  D4237 78420 62815  none yet",
            ["D4237 51862 09784", "D4237 78420 62815"],
        ),
        ("3. 17.08.61 PASSAU\n4a. 02.04.19  4b. 01.04.34  4c. LRA Passau\n5. C9697H82E31\n9. B/L", ["C9697H82E31"]),
    ],
)
def test_a_number_by_what_points_at_it(text: str, expected: list[str]) -> None:
    """A form of another kind, other lines, an arrow, the first of a row and the fields of a card do not mislead."""
    assert licences(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(
            f"https://shop.example.com/p?utm_id={one}&lic={1234567 + one} Model X{2234567 + one}" for one in range(25)
        )
        + "\nNew licences for drivers of printers",
        "Your licence number: D4410277 for PhotoEdit 12, valid until 2027. Licence key 8812-AA",
        "Licence no: 4471920, valid for Acrobat Pro 2023",
        "id,licence,product\n1,4471882,Photoshop\n2,4471883,Illustrator",
        'assert row["driver_id"] != 48250933  # test tenant',
    ],
)
def test_licences_of_software_and_keys_of_links_are_no_drivers(text: str) -> None:
    """A product with its version, a licence key, a parameter of a link and the key of a row in a program."""
    assert not licences(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("From her card: 1 Quigley, 2 Siobhan, 4b 11.05.2031, 5 402881967, 9 B and D1.", ["402881967"]),
        ("New chap handed me his card, 5a reads EF204418 and 5b is 117. Payroll has the rest.", ["EF204418"]),
        ("barcode ok: DCS=FENWICK, field DAQ written in clear: S55120983", ["S55120983"]),
    ],
)
def test_a_field_of_the_card_by_its_name(text: str, expected: list[str]) -> None:
    """Field 5 of the European card, 5a of the one of New Zealand, DAQ of the American bar code."""
    assert licences(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Keep your licence. All we want is the claim number (it starts CLM and has nine digits, like CLM 470 651 079).",
        "L'audience est le 4 juin, RG 24/08817. Le retrait de permis sera plaidé par le client.",
        "Motorista com CNH 04411672982, tudo em dia. OS 118820.",
        "Drivers did the licence refresher. Ticket nos. are AAR4402187 and ZP9013346.",
    ],
)
def test_a_reference_where_licences_are_spoken_of(text: str) -> None:
    """A piece of a longer number, a court's register, an order cut short, a list of tickets."""
    assert not [one for one in licences(text) if one != "04411672982"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("GP want the NHS number rather than our claim ref. It is 576 418 5262; patient Mrs Crabbe.", "HEALTH_ID"),
        ("Use the NHS number instead of our hospital number (H 2204417): 943 476 5919.", "HEALTH_ID"),
        ("Personnumret ska vara 870405-2391, ni hade kastat om två siffror.", "NATIONAL_ID"),
    ],
)
def test_what_the_number_is_and_not_what_it_is_not(text: str, kind: str) -> None:
    """In "A rather than B: …" the number is A's."""
    assert [span.type for span in RECOGNITION.spans(text) if span.score >= CONFIDENCE["medium"]] == [kind]


def test_a_published_card_among_developers() -> None:
    """Two words of theirs make it an example; one does not, for so an administrator tries the gateway."""
    assert RECOGNITION.spans("My test card is 4111 1111 1111 1111.")[0].score >= CONFIDENCE["medium"]
    spans = RECOGNITION.spans("The test card of the sandbox is 4111 1111 1111 1111.")
    assert all(span.score < CONFIDENCE["medium"] for span in spans)


def test_a_line_without_end_is_read_back_only_so_far() -> None:
    """What was announced thousands of words before is no longer looked for."""
    assert not licences("my licence " + "exp " * 1_000 + ". It is 4471820.")
