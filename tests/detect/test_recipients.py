"""How many outsiders everybody can see."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlp_gateway.detect.base import NO_FACTS, Facts, Material
from dlp_gateway.detect.recipients import RecipientsDetector
from dlp_gateway.mail.address import DomainSet
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import VisibleRecipient
from dlp_gateway.mail.parse import parse

ENVELOPE = Envelope(
    id="0" * 18,
    reverse_path="ann@corp.example",
    recipients=("bob@a.example",),
    client="192.0.2.1",
    login="",
    body_8bit=False,
    smtputf8=False,
    received_at=datetime(2026, 1, 1, tzinfo=UTC),
)
DETECTOR = RecipientsDetector(
    inside=DomainSet(("corp.example", "*.corp.example")),
    partners=DomainSet(("partner.example",)),
    free_mail=frozenset({"free.example"}),
)


def counts(header: bytes, facts: Facts = NO_FACTS) -> dict[str, int]:
    """Return the count by the last word of the kind."""
    message = parse(header + b"\r\nHello\r\n")
    found = DETECTOR.detect(Material(envelope=ENVELOPE, message=message, texts=(), facts=facts))
    return {finding.kind.removeprefix("recipients."): finding.count for finding in found}


@pytest.mark.parametrize(
    ("header", "outsiders", "organisations"),
    [
        pytest.param(b"To: a@a.example, b@b.example\r\n", 2, 2, id="two organisations"),
        pytest.param(b"To: a@a.example, b@mail.a.example\r\n", 2, 1, id="one organisation with a subdomain"),
        pytest.param(b"To: a@a.co.uk, b@b.co.uk\r\n", 2, 2, id="a public suffix is no organisation"),
        pytest.param(b"To: A@A.EXAMPLE\r\nCc: <a@a.example>\r\n", 1, 1, id="one address, written twice"),
        pytest.param(b"To: a@free.example, b@free.example\r\n", 2, 2, id="free mail counts singly"),
        pytest.param(b"Resent-To: a@a.example\r\nResent-Cc: b@b.example\r\n", 2, 2, id="resent fields"),
        pytest.param(b"To: x@corp.example, y@p.corp.example, a@a.example\r\n", 1, 1, id="insiders"),
        pytest.param(b"To: x@partner.example, a@a.example\r\n", 1, 1, id="partners"),
        pytest.param(b"To: Team: a@a.example, b@b.example;\r\n", 2, 2, id="a group"),
        pytest.param(b"To: a@[192.0.2.7], b@[192.0.2.7]\r\n", 2, 1, id="an address literal"),
    ],
)
def test_distinct_outsiders_and_organisations(header: bytes, outsiders: int, organisations: int) -> None:
    """Outsiders are counted once each over all visible fields, organisations by registrable domain."""
    expected = {"outsiders": outsiders, "organisations": organisations}
    if outsiders > 1:
        expected["unfamiliar_outsiders"] = outsiders
    assert expected == counts(header)


@pytest.mark.parametrize(("familiar", "unfamiliar"), [(0, 3), (2, 1), (3, None)])
def test_a_group_that_works_together_is_familiar(familiar: int, unfamiliar: int | None) -> None:
    """Those whom the look-up knows as a group are outsiders still, but not unfamiliar ones."""
    header = b"To: a@a.example, b@b.example, c@c.example\r\n"
    found = counts(header, Facts(familiar=familiar))
    assert (found["outsiders"], found.get("unfamiliar_outsiders")) == (3, unfamiliar)


@pytest.mark.parametrize(
    "header", [b"To: x@corp.example\r\n", b"To: undisclosed-recipients:;\r\n", b"Bcc: a@a.example\r\n"]
)
def test_nothing_visible_is_no_finding(header: bytes) -> None:
    """Where no outsider is visible there is nothing to report."""
    assert not counts(header)


@pytest.mark.parametrize(
    ("header", "where"),
    [
        (b"To: a@a.example\r\nCc: b@b.example\r\n", "header:To"),
        (b"To: x@corp.example, y@partner.example\r\nCc: b@b.example\r\n", "header:Cc"),
        (b"CC: B@b.example\r\nTO: a@a.example\r\n", "header:Cc"),
        (b"Resent-To: a@a.example\r\nTo: x@corp.example\r\n", "header:Resent-To"),
    ],
)
def test_place_is_the_first_field_that_shows_an_outsider(header: bytes, where: str) -> None:
    """Whoever reads the finding knows where to look."""
    message = parse(header + b"\r\nHello\r\n")
    found = DETECTOR.detect(Material(envelope=ENVELOPE, message=message, texts=()))
    assert {finding.where for finding in found} == {where}


@settings(max_examples=50)
@given(st.permutations([f"p{n}@org{n % 7}.example" for n in range(20)]), st.lists(st.integers(0, 19), max_size=30))
def test_order_and_repetition_do_not_matter(addresses: list[str], repeated: list[int]) -> None:
    """The counts depend on the set of addresses alone."""
    shown = [*addresses, *(addresses[index].upper() for index in repeated)]
    message = replace(
        parse(b"Subject: x\r\n\r\n"),
        visible=tuple(VisibleRecipient(field="To", address=address, name="") for address in shown),
    )
    found = DETECTOR.detect(Material(envelope=ENVELOPE, message=message, texts=()))
    expected = [20, 7, 20]
    assert expected == [finding.count for finding in found]
