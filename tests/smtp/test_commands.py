"""Command lines, their arguments and parameters, without a socket."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.mail.envelope import Notify, RecipientRequest, Ret
from dlp_gateway.smtp import commands
from dlp_gateway.smtp.commands import Mail, Offer, Rcpt
from dlp_gateway.smtp.replies import BARE_NEWLINE, Refusal

ALL = Offer(size=1000, eight_bit=True, smtputf8=True, dsn=True)
NONE = Offer(size=0, eight_bit=False, smtputf8=False, dsn=False)

JOERG = "utf-8;jörg@example.org"


def code(found: object) -> str:
    """Return "501 5.5.4" of a refusal, "" of anything else."""
    return f"{found.reply.code} {found.reply.enhanced}" if isinstance(found, Refusal) else ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"NOOP\r\n", ("NOOP", "")),
        (b"noop  \t\r\n", ("NOOP", "")),
        (b"Mail FROM:<A@b.example>  \r\n", ("MAIL", "FROM:<A@b.example>")),
        (b"\r\n", ("", "")),
        ("NOOP é\r\n".encode(), ("NOOP", "é")),
    ],
)
def test_line_is_split(line: bytes, expected: tuple[str, str]) -> None:
    """Verb in capitals, argument as written, blanks at the end ignored (RFC 5321 4.1.1)."""
    assert expected == commands.split(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"NOOP\n", "521 5.5.2"),
        (b"NO\rOP\r\n", "521 5.5.2"),
        (b"NOOP\r\r\n", "521 5.5.2"),
        (b"NO\x00OP\r\n", "500 5.5.2"),
        (b"NOOP a\tb\r\n", "500 5.5.2"),
        (b"NOOP \x7f\r\n", "500 5.5.2"),
        (b"NOOP \xff\r\n", "500 5.5.2"),
        ("ÑOOP\r\n".encode(), "500 5.5.2"),
        (b"NOOP " + b"x" * 2048 + b"\r\n", "500 5.5.2"),
    ],
)
def test_line_that_is_no_command(line: bytes, expected: str) -> None:
    """Bare newlines, control characters, octets that are no UTF-8, too much of it."""
    assert expected == code(commands.split(line))


@given(line=st.binary(max_size=80).map(lambda octets: octets.replace(b"\n", b"") + b"\r\n"))
@settings(max_examples=300)
def test_no_line_raises(line: bytes) -> None:
    """Whatever comes is a command or a refusal, and what is read of it is printable in one line."""
    found = commands.split(line)
    if found == BARE_NEWLINE or isinstance(found, Refusal):
        return
    verb, argument = found
    assert not any(character in verb + argument for character in "\r\n\x00")
    for read in (commands.mail(argument, ALL), commands.rcpt(argument, ALL, smtputf8=True)):
        assert read is not None


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("FROM:<alice@corp.example>", ("alice@corp.example", 0, False, False)),
        ("from: <alice@corp.example>", ("alice@corp.example", 0, False, False)),
        ("FROM:<>", ("", 0, False, False)),
        ("FROM:<> BODY=7BIT", ("", 0, False, False)),
        ('FROM:<"a>b c\\"d"@corp.example> SIZE=1000', ('"a>b c\\"d"@corp.example', 1000, False, False)),
        ("FROM:<a@corp.example> size=7 body=8bitmime smtputf8", ("a@corp.example", 7, True, True)),
        ("FROM:<a@corp.example> AUTH=<>", ("a@corp.example", 0, False, False)),
        ("FROM:<a@corp.example> AUTH=b+3Dc@corp.example", ("a@corp.example", 0, False, False)),
        ("FROM:<jörg@corp.example> SMTPUTF8", ("jörg@corp.example", 0, False, True)),
    ],
)
def test_mail_is_read(argument: str, expected: tuple[str, int, bool, bool]) -> None:
    """Path as written, parameters as typed values, whatever their case and order."""
    path, size, body_8bit, smtputf8 = expected
    assert Mail(reverse_path=path, size=size, body_8bit=body_8bit, smtputf8=smtputf8) == commands.mail(argument, ALL)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", "501 5.5.4"),
        ("FROM:", "501 5.5.4"),
        ("FROM:<", "501 5.5.4"),
        ("FROM:<a@b", "501 5.5.4"),
        ("FROM:a@corp.example", "501 5.5.4"),
        ("FROM:<<a@corp.example>>", "501 5.5.4"),
        ("FROM:<a@corp.example>SIZE=1", "501 5.5.4"),
        ("FROM:<a@corp.example> <b@corp.example>", "501 5.5.4"),
        ("TO:<a@corp.example>", "501 5.5.4"),
        ('FROM:<"a@corp.example>', "501 5.5.4"),
        ("FROM:<a b@corp.example>", "501 5.5.4"),
        ("FROM:<alice>", "553 5.1.7"),
        ("FROM:<a@>", "553 5.1.7"),
        ("FROM:<@corp.example>", "553 5.1.7"),
        ("FROM:<a@corp..example>", "553 5.1.7"),
        ("FROM:<@relay.example:a@corp.example>", "553 5.1.7"),
        ("FROM:<jörg@corp.example>", "553 5.6.7"),
        ("FROM:<a@corp.example> SIZE=1001", "552 5.3.4"),
        ("FROM:<a@corp.example> SIZE=99999999999999999999", "552 5.3.4"),
        ("FROM:<a@corp.example> SIZE", "501 5.5.4"),
        ("FROM:<a@corp.example> SIZE=", "501 5.5.4"),
        ("FROM:<a@corp.example> SIZE=x", "501 5.5.4"),
        ("FROM:<a@corp.example> SIZE=-1", "501 5.5.4"),
        ("FROM:<a@corp.example> SIZE=1 SIZE=1", "501 5.5.4"),
        ("FROM:<a@corp.example> BODY=BINARYMIME", "501 5.5.4"),
        ("FROM:<a@corp.example> SMTPUTF8=yes", "501 5.5.4"),
        ("FROM:<a@corp.example> AUTH==x", "501 5.5.4"),
        ("FROM:<a@corp.example> AUTH=a+zz", "501 5.5.4"),
        ("FROM:<a@corp.example> RET", "501 5.5.4"),
        ("FROM:<a@corp.example> RET=ALL", "501 5.5.4"),
        ("FROM:<a@corp.example> RET=FULL RET=FULL", "501 5.5.4"),
        ("FROM:<a@corp.example> RET=FULL ret=HDRS", "501 5.5.4"),
        ("FROM:<a@corp.example> ENVID", "501 5.5.4"),
        ("FROM:<a@corp.example> ENVID=", "501 5.5.4"),
        ("FROM:<a@corp.example> ENVID=a+2b", "501 5.5.4"),
        ("FROM:<a@corp.example> ENVID=a+0D+0Ab", "501 5.5.4"),
        ("FROM:<a@corp.example> ENVID=é SMTPUTF8", "501 5.5.4"),
        ("FROM:<a@corp.example> ENVID=" + "x" * 101, "501 5.5.4"),
        ("FROM:<a@corp.example> NOTIFY=NEVER", "555 5.5.4"),
        ("FROM:<a@corp.example> BODY=ÉBIT", "501 5.5.4"),
        ("FROM:<a@corp.example> XCLIENT", "555 5.5.4"),
    ],
)
def test_mail_is_refused(argument: str, expected: str) -> None:
    """Hazard 10: a weak grammar; hazard 11: parameters that are not offered."""
    assert expected == code(commands.mail(argument, ALL))


@pytest.mark.parametrize("parameter", ["SIZE=1", "BODY=7BIT", "SMTPUTF8", "RET=FULL", "ENVID=x"])
def test_what_was_not_offered_is_refused(parameter: str) -> None:
    """After HELO, or where the smarthost lacks it."""
    assert code(commands.mail(f"FROM:<a@corp.example> {parameter}", NONE)) == "555 5.5.4"


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("TO:<bob@example.org>", "bob@example.org"),
        ("to:  <Bob@Example.org>", "Bob@Example.org"),
        ("TO:<Postmaster>", "Postmaster"),
        ("TO:<bob@[192.0.2.1]>", "bob@[192.0.2.1]"),
        ('TO:<"b o b"@example.org>', '"b o b"@example.org'),
        ("TO:<jörg@example.org>", "jörg@example.org"),
    ],
)
def test_rcpt_is_read(argument: str, expected: str) -> None:
    """The forward-path as written."""
    assert Rcpt(forward_path=expected) == commands.rcpt(argument, ALL, smtputf8=True)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("TO:<>", "553 5.1.3"),
        ("TO:<bob>", "553 5.1.3"),
        ("TO:<bob@example.org", "501 5.5.4"),
        ("TO:bob@example.org>", "501 5.5.4"),
        ("FROM:<bob@example.org>", "501 5.5.4"),
        ("TO:<jörg@example.org>", "553 5.6.7"),
        ("TO:<bob@example.org> NOTIFY", "501 5.5.4"),
        ("TO:<bob@example.org> NOTIFY=", "501 5.5.4"),
        ("TO:<bob@example.org> NOTIFY=NEVER,SUCCESS", "501 5.5.4"),
        ("TO:<bob@example.org> NOTIFY=SUCCESS,SUCCESS", "501 5.5.4"),
        ("TO:<bob@example.org> NOTIFY=SUCCESS,", "501 5.5.4"),
        ("TO:<bob@example.org> NOTIFY=ALWAYS", "501 5.5.4"),
        ("TO:<bob@example.org> NOTIFY=DELAY notify=DELAY", "501 5.5.4"),
        ("TO:<bob@example.org> ORCPT", "501 5.5.4"),
        ("TO:<bob@example.org> ORCPT=bob@example.org", "501 5.5.4"),
        ("TO:<bob@example.org> ORCPT=rfc822;", "501 5.5.4"),
        ("TO:<bob@example.org> ORCPT=;bob@example.org", "501 5.5.4"),
        ("TO:<bob@example.org> ORCPT=rfc822;bob+example.org", "501 5.5.4"),
        ("TO:<bob@example.org> ORCPT=rfc822;b+0D+0Aob", "501 5.5.4"),
        ("TO:<bob@example.org> ORCPT=utf-8;jörg@example.org", "501 5.5.4"),
        ("TO:<bob@example.org> ORCPT=rfc822;" + "b" * 494, "501 5.5.4"),
        ("TO:<bob@example.org> RET=FULL", "555 5.5.4"),
        ("TO:<bob@example.org> x=\x80", "555 5.5.4"),
        ("TO:<@relay.example:bob@example.org>", "553 5.1.3"),
        ("TO:<bob%example.org@relay.example>", "553 5.1.3"),
        ('TO:<"bob@example.org"@relay.example>', "553 5.1.3"),
        ("TO:<example.org!bob@relay.example>", "553 5.1.3"),
        ("TO:<bob@example.org>,<carol@example.org>", "501 5.5.4"),
        ("TO:<" + "b" * 65 + "@example.org>", "553 5.1.3"),
        ("TO:<bob@" + "b." * 130 + "example>", "553 5.1.3"),
    ],
)
def test_rcpt_is_refused(argument: str, expected: str) -> None:
    """No path, half a path, two paths, too long a path, and requests for DSNs that are none."""
    assert expected == code(commands.rcpt(argument, ALL, smtputf8=False))


@pytest.mark.parametrize("parameter", ["NOTIFY=NEVER", "ORCPT=rfc822;bob@example.org"])
def test_dsn_belongs_to_ehlo(parameter: str) -> None:
    """After HELO nothing is offered (RFC 3461 5.1)."""
    assert code(commands.rcpt(f"TO:<bob@example.org> {parameter}", NONE, smtputf8=False)) == "555 5.5.4"


def test_what_mail_asks_of_dsns() -> None:
    """RET in capitals, ENVID as it came, 100 characters of it at most."""
    envelope_id = "QQ+2B314159" + "x" * 89
    found = commands.mail(f"FROM:<a@corp.example> ENVID={envelope_id} ret=hdrs", ALL)
    assert isinstance(found, Mail)
    assert (found.ret, found.envelope_id) == (Ret.HDRS, envelope_id)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("NOTIFY=NEVER", RecipientRequest(notify=Notify.NEVER)),
        ("notify=success,Delay", RecipientRequest(notify=Notify.SUCCESS | Notify.DELAY)),
        ("NOTIFY=DELAY,FAILURE,SUCCESS", RecipientRequest(notify=Notify.SUCCESS | Notify.FAILURE | Notify.DELAY)),
        ("ORCPT=rfc822;Bob+2Btag@example.org", RecipientRequest(original="rfc822;Bob+2Btag@example.org")),
        ("ORCPT=rfc822;" + "b" * 493, RecipientRequest(original="rfc822;" + "b" * 493)),
        ("ORCPT=utf-8;jörg@example.org NOTIFY=FAILURE", RecipientRequest(notify=Notify.FAILURE, original=JOERG)),
        ("ORCPT=utf-8;j\\x{F6}rg@example.org", RecipientRequest(original="utf-8;j\\x{F6}rg@example.org")),
    ],
)
def test_what_rcpt_asks_of_dsns(parameters: str, expected: RecipientRequest) -> None:
    """NOTIFY as flags, ORCPT as it came."""
    found = commands.rcpt(f"TO:<bob@example.org> {parameters}", ALL, smtputf8=True)
    assert Rcpt(forward_path="bob@example.org", dsn=expected) == found


def test_path_is_read_in_linear_time() -> None:
    """A command line of quotes and backslashes is no trap for the regular expression."""
    for text in ('"' * 2000, "<" + '"\\' * 1000, '<"' + "a" * 2000, "<" + '""' * 1000, "<" + "a" * 2000):
        assert code(commands.mail(f"FROM:{text}", ALL)) == "501 5.5.4"


@pytest.mark.parametrize("sign", "%!＠％！﹫﹪")
@pytest.mark.parametrize("local", ["bob{}example.org", '"bob{}example.org"'])
def test_route_in_a_local_part_is_refused_whatever_its_width(sign: str, local: str) -> None:
    """As recipient and sender, at our own domain too (decision 56): somebody may normalise what UTF-8 lets through."""
    path = f"<{local.format(sign)}@corp.example>"
    assert code(commands.rcpt(f"TO:{path}", ALL, smtputf8=True)) == "553 5.1.3"
    assert code(commands.mail(f"FROM:{path} SMTPUTF8", ALL)) == "553 5.1.7"
