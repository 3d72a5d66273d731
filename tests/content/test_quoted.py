"""Header blocks of quoted messages in seven languages, attached messages and lists of guests."""

import pytest

from dlp_gateway.content import quoted
from dlp_gateway.content.reader import read
from dlp_gateway.mail.parse import parse
from tests.work import LINEAR, growth

ONE, TWO = "one@shop.example", "two@clinic.example"


def shown(body: str, content_type: str = "text/plain; charset=utf-8") -> list[str]:
    """Return whom the body of a mail shows."""
    message = parse(f"From: ann@corp.example\r\nContent-Type: {content_type}\r\n\r\n{body}".encode())
    return sorted(quoted.shown(read(message)[0], message.parts))


@pytest.mark.parametrize(
    "body",
    [
        f"From: Ann\nSent: Monday\nTo: One <{ONE}>; {TWO}\nSubject: x\n\ntext",
        f"> To: {ONE},\n>  {TWO}\n> Subject: x",
        f"*An:* {ONE}; {TWO}\n*Betreff:* x",
        f"Von: Ann\nAn: {ONE}\nCc: {TWO}\nBetreff: x",
        f"De : Ann\nÀ : {ONE} ; {TWO}\nObjet : x",
        f"Aan: {ONE}, {TWO}\nOnderwerp: x",
        f"Para: {ONE}\nCCO: {TWO}\nAsunto: x",
        f"Per: {ONE}\nCcn: {TWO}\nOggetto: x",
        f"Para: {ONE}\nCom cópia: {TWO}\nAssunto: x",
        f"---- Forwarded ----\nTo: 'One'\n\t<{ONE}>,\n\t{TWO} <mailto:{TWO}>\n\ntext",
        f"Required attendees: {ONE}; {TWO}\nWhen: Monday",
        f"Erforderliche Teilnehmer: {ONE}\nOptionale Teilnehmer: {TWO}",
    ],
)
def test_finds_both(body: str) -> None:
    """Marks of quoting, of emphasis, folded lists, and the words of seven languages."""
    assert shown(body) == [ONE, TWO]


@pytest.mark.parametrize(
    "labels",
    [
        "Från Skickat Till Ämne",
        "Fra Sendt Til Emne",
        "Od Wysłano Do Temat",
        "Od Odesláno Komu Předmět",
        "Lähettäjä Lähetetty Vastaanottaja Aihe",
        "差出人 送信日時 宛先 件名",
        "发件人 发送时间 收件人 主题",
        "От Дата Кому Тема",
        "보낸_사람 보낸_날짜 받는_사람 제목",
        "Από Στάλθηκε Προς Θέμα",
        "Kimden Gönderildi Kime Konu",
        "Feladó Elküldve Címzett Tárgy",
        "De Enviado Para Assunto",
        "De_la Trimis Către Subiect",
        "מאת נשלח אל נושא",
        "จาก ส่ง ถึง เรื่อง",
        "Từ Đã_gửi Đến Chủ_đề",
    ],
)
@pytest.mark.parametrize("colon", [":", "：", " :"])
def test_finds_them_in_any_language(labels: str, colon: str) -> None:
    """A header block is known by its build: the author, a date, recipients, a subject."""
    author, date, to, subject = (f"{label.replace('_', ' ')}{colon}" for label in labels.split())
    assert shown(f"{author} Kim <kim@corp.example>\n{date} 10:30\n{to} {ONE};\n {TWO}\n{subject} Hej\n\nHej") == [
        ONE,
        TWO,
    ]
    assert shown(f"> {author} kim@corp.example\n> {date} x\n> {to} One <{ONE}>\n> {subject} x") == [ONE]


def test_finds_them_in_html() -> None:
    """As Outlook and Thunderbird write it."""
    assert shown(
        f"<div><b>To:</b> One &lt;<a href='mailto:{ONE}'>{ONE}</a>&gt;; {TWO}<br><b>Subject:</b> x</div>", "text/html"
    ) == [ONE, TWO]
    assert shown(
        f"<table><tr><th>An: </th><td>{ONE}, {TWO}</td></tr><tr><th>Betreff: </th><td>x</td></tr></table>", "text/html"
    ) == [ONE, TWO]


def test_finds_them_in_an_attached_message() -> None:
    """Its header is in nobody's way of being read."""
    assert shown(f"To: {ONE}\r\nCc: Two <{TWO}>\r\nSubject: x\r\n\r\ntext", "message/rfc822") == [ONE, TWO]


@pytest.mark.parametrize(
    "body",
    [
        f"Ann Lee\nTel: 123\nE-Mail: {ONE}\nWeb: https://corp.example",
        f"Name: Ann\nMail: {ONE}\nName: Ben\nMail: {TWO}",
        f"Sales: {ONE}\nSupport: {TWO}",
        f"See here: {ONE}\n\nOr there: {TWO}",
        f"Write to {ONE} or {TWO}.",
        f"From: {ONE}\nSubject: x",
        f"To: Ann\nSubject: x\n\n{ONE}",
        f"To: Ann\nReply-To: {ONE}",
        f"Tomorrow: {ONE}",
        f"On Monday One <{ONE}> wrote:\n> text",
        "To: @ @@ x@ @y",
    ],
)
def test_what_is_no_list_of_recipients(body: str) -> None:
    """Prose, the quoted author, what stands behind a blank line or another label."""
    assert shown(body) == []


@pytest.mark.parametrize(
    "unit",
    ["To: ", "> ", "*To: a@b.example\n", "to:/a@b.example\n", "an: \t \n", "Teilnehmer ", "\u00a0", ": a@b"],
)
def test_takes_linear_time(unit: str) -> None:
    """A hundred thousand of anything that looks like a label cost no more than their number."""
    assert growth(shown, unit.__mul__, 100_000) < LINEAR


def test_a_list_without_an_end_is_read_from_each_label() -> None:
    """Labels within a list have nothing of their own to tell, but for what lies beyond the bound of the first."""
    body = "To:/" + "x " * 99_990 + "\nTo:/" + "x " * 99_990 + f"{ONE}\nTo:/ {TWO}\n"
    assert shown(body) == [ONE, TWO]


def test_finds_guests_of_an_invitation_in_json() -> None:
    """An invitation in jCal (RFC 7265) shows them to every program."""
    assert shown(
        f'["vcalendar",[],[["vevent",[["attendee",{{}},"cal-address","mailto:{ONE}"]]]]]', "application/calendar+json"
    ) == [ONE]


def test_whoever_is_mentioned() -> None:
    """A list of guests in whatever form, and once more for programs."""
    script = f'<script type="application/ld+json">{{"attendee":[{{"email":"mailto:{TWO}"}}]}}</script>'
    message = parse(f"Content-Type: text/html\r\n\r\n<p>Guests</p><ul><li>{ONE}</li></ul>{script}".encode())
    assert quoted.mentioned(read(message)[0], message.parts) == {ONE, TWO}
