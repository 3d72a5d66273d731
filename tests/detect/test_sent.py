"""Distinct values of a window are counted without being kept."""

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.content.text import Text
from dlp_gateway.detect import sent
from dlp_gateway.detect.base import Facts, Finding, Material, Sent
from dlp_gateway.detect.identifiers import IdentifierDetector, load_rules
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse

RULES = Path(__file__).parents[2] / "rules"
KEY = bytes(range(32))
ENVELOPE = Envelope(
    id="0" * 18,
    reverse_path="ann@corp.example",
    recipients=("ben@bank.example",),
    client="192.0.2.1",
    login="",
    body_8bit=False,
    smtputf8=False,
    received_at=datetime(2026, 1, 1, tzinfo=UTC),
)
DETECTOR = IdentifierDetector(load_rules(RULES))
IBANS = ("DE89 3704 0044 0532 0130 00", "FR14 2004 1010 0505 0001 3M02 606")  # published for tests


def found(text: str, before: Sent | None) -> list[Finding]:
    """Return the findings of a text."""
    material = Material(
        envelope=ENVELOPE,
        message=parse(b"\r\n"),
        texts=(Text(where="part:1", text=text),),
        facts=Facts(sent=before),
    )
    return list(DETECTOR.detect(material))


def test_nothing_is_marked_if_nothing_is_added_up() -> None:
    """Without the key of a look-up no token is made."""
    assert [(one.kind, one.token) for one in found(f"IBAN {IBANS[0]}", None)] == [("identifier.IBAN", None)]


def test_a_value_has_one_token_however_it_is_written() -> None:
    """Blanks and case make no other value, another sender's key another token."""
    first = found(f"IBAN {IBANS[0]}", Sent(key=KEY))[0]
    second = found(f"IBAN: {IBANS[0].lower().replace(' ', '')}", Sent(key=KEY))[0]
    assert first.token == second.token is not None
    assert found(f"IBAN {IBANS[0]}", Sent(key=KEY[::-1]))[0].token != first.token


def test_a_window_adds_up() -> None:
    """New values and those of earlier mails are counted together, each once."""
    known = found(f"IBAN {IBANS[0]}", Sent(key=KEY))[0].token
    assert known is not None
    before = Sent(key=KEY, known=(("IBAN", known), ("IBAN", (known + 1) % sent.TOKENS), ("US_SSN", 5)))
    told = {one.kind: one.count for one in found(f"IBAN {IBANS[0]} and IBAN {IBANS[1]}", before)}
    assert told == {"identifier.IBAN": 1, "sent.IBAN": 3}


def test_what_was_sent_before_adds_nothing() -> None:
    """The firm's own account in each invoice, and the first value of a window, are no window."""
    known = found(f"IBAN {IBANS[0]}", Sent(key=KEY))[0].token
    assert known is not None
    before = Sent(key=KEY, known=(("IBAN", known), ("IBAN", (known + 1) % sent.TOKENS)))
    assert [one.kind for one in found(f"IBAN {IBANS[0]}", before)] == ["identifier.IBAN"]
    assert [one.kind for one in found(f"IBAN {IBANS[0]}", Sent(key=KEY))] == ["identifier.IBAN"]


@given(st.binary(min_size=32, max_size=32), st.text(), st.text())
def test_tokens_are_small_numbers(key: bytes, identifier: str, value: str) -> None:
    """Whatever the value, its token is one of a million, so that very many values share it."""
    assert 0 <= sent.token(key, identifier, value) < sent.TOKENS


def test_a_thousand_values_are_told_apart() -> None:
    """So few collide that a count is right to a thousandth."""
    tokens = {sent.token(KEY, "IBAN", str(number)) for number in range(1_000)}
    assert len(tokens) >= 995
