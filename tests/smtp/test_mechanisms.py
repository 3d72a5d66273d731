"""The AUTH exchange, octet by octet: PLAIN and LOGIN, and whatever else a client may say."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.reply import Reply
from dlp_gateway.smtp import replies
from dlp_gateway.smtp.mechanisms import Challenge, Credentials, Exchange, Step

WORDS = "open sesame"


def encoded(message: bytes) -> str:
    """Return base64."""
    return base64.b64encode(message).decode()


def held(argument: str, *answers: bytes) -> Step:
    """Return the last step of an exchange."""
    exchange = Exchange()
    step = exchange.begin(argument)
    for answer in answers:
        assert isinstance(step, Challenge)
        step = exchange.answer(answer)
    return step


def test_plain_with_and_without_an_initial_response() -> None:
    """At once, or after an empty challenge; in any case of letters; acting as oneself may be said."""
    expected = Credentials(name="ann", password=WORDS)
    message = encoded(f"\0ann\0{WORDS}".encode())
    assert held(f"PLAIN {message}") == expected
    assert held("plain") == Challenge(reply=Reply(code=334, enhanced="", text=""))
    assert held("pLaIn", f"{message}\r\n".encode()) == expected
    assert held("PLAIN " + encoded(f"ann\0ann\0{WORDS}".encode())) == expected


def test_login_asks_twice() -> None:
    """Username and password, in base64 both ways; the name may come with the command."""
    name, word = encoded(b"ann"), f"{encoded(WORDS.encode())}\r\n".encode()
    assert held("LOGIN") == Challenge(reply=Reply(code=334, enhanced="", text="VXNlcm5hbWU6"))
    assert held("LOGIN", f"{name}\r\n".encode()) == Challenge(reply=Reply(code=334, enhanced="", text="UGFzc3dvcmQ6"))
    assert held("LOGIN", f"{name}\r\n".encode(), word) == Credentials(name="ann", password=WORDS)
    assert held(f"login {name}", word) == Credentials(name="ann", password=WORDS)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("", replies.LOGIN_SYNTAX),
        (" PLAIN", replies.LOGIN_SYNTAX),
        ("PLAIN a b", replies.LOGIN_SYNTAX),
        ("PLAIN ", replies.LOGIN_SYNTAX),
        ("SCRAM-SHA-256", replies.UNKNOWN_MECHANISM),
        ("PLAIN =", replies.LOGIN_WRONG),
        ("PLAIN AGFubg", replies.LOGIN_GARBLED),
        ("PLAIN AGFu bg==", replies.LOGIN_SYNTAX),
        ("PLAIN AG-_", replies.LOGIN_GARBLED),
        ("PLAIN é", replies.LOGIN_GARBLED),
        ("PLAIN " + encoded(b"ann"), replies.LOGIN_WRONG),
        ("PLAIN " + encoded(b"\0ann"), replies.LOGIN_WRONG),
        ("PLAIN " + encoded(b"\0ann\0a\0b"), replies.LOGIN_WRONG),
        ("PLAIN " + encoded(b"\0\xff\0word"), replies.LOGIN_GARBLED),
        ("PLAIN " + encoded(b"\0ann\0"), replies.LOGIN_WRONG),
        ("PLAIN " + encoded(b"\0\0word"), replies.LOGIN_WRONG),
        ("PLAIN " + encoded(b"boss\0ann\0word"), replies.LOGIN_WRONG),
        ("PLAIN " + encoded(b"\0" + b"n" * 256 + b"\0word"), replies.LOGIN_WRONG),
        ("PLAIN " + encoded(b"\0ann\0" + b"w" * 1025), replies.LOGIN_WRONG),
        ("LOGIN =", Challenge(reply=Reply(code=334, enhanced="", text="UGFzc3dvcmQ6"))),
    ],
)
def test_what_is_wrong_is_told(argument: str, expected: Step) -> None:
    """Malformed is 501, what no login can be is 535: only what could be right is looked up."""
    assert held(argument) == expected


def test_the_longest_response() -> None:
    """RFC 4954 4: 12288 octets are read, more are refused."""
    most = base64.b64encode(b"\0ann\0" + b"w" * (12_288 // 4 * 3 - 5))
    assert len(most) == 12_288
    assert held("PLAIN", most + b"\r\n") == replies.LOGIN_WRONG
    assert held("PLAIN", most + b"A\r\n") == replies.LOGIN_TOO_LONG


def test_a_client_changes_its_mind() -> None:
    """RFC 4954 4: an asterisk cancels, at each challenge; a bare LF is no end of a line."""
    assert held("PLAIN", b"*\r\n") == replies.LOGIN_CANCELLED
    assert held("LOGIN", b"YW5u\r\n", b"*\r\n") == replies.LOGIN_CANCELLED
    assert held("LOGIN", b"YW5u\n") == replies.LOGIN_GARBLED
    assert held("LOGIN", b"YW5uAA==\r\n", b"eA==\r\n") == replies.LOGIN_GARBLED


@given(message=st.binary(max_size=2000))
def test_plain_gives_what_is_in_the_message_or_refuses(message: bytes) -> None:
    """Any octets: a refusal, or the very name and password between the two NULs."""
    step = held("PLAIN " + (encoded(message) or "="))
    if isinstance(step, Credentials):
        name, word = step.name.encode(), step.password.encode()
        assert message in {b"\0" + name + b"\0" + word, name + b"\0" + name + b"\0" + word}
        assert name
        assert word
    else:
        assert isinstance(step, Reply)
        assert step.permanent


@given(line=st.binary(max_size=200))
def test_any_answer_is_answered(line: bytes) -> None:
    """Whatever a client says to a challenge, the exchange goes on or ends; it never breaks."""
    exchange = Exchange()
    exchange.begin("LOGIN")
    assert isinstance(exchange.answer(line), Challenge | Reply)


def test_passwords_are_not_shown() -> None:
    """Not even by accident, in a traceback or a log."""
    assert WORDS not in repr(Credentials(name="ann", password=WORDS))
