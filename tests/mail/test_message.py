"""The parsed message as those see it who ask for fields by name."""

from dataclasses import replace

from dlp_gateway.mail.parse import parse

MESSAGE = parse(b"To: a@a.example\r\nX-One: 1\r\nto: b@b.example\r\n\r\n")


def test_fields_are_named_in_any_case_and_in_order() -> None:
    """As clients take them (RFC 5322 1.2.2); what is not there has no fields."""
    assert [field.body for field in MESSAGE.named("TO")] == [b"a@a.example", b"b@b.example"]
    assert MESSAGE.named("Cc") == ()


def test_one_of_several_names_is_enough() -> None:
    """Whoever looks for rare fields learns at once that there are none."""
    assert MESSAGE.has_any(frozenset({"cc", "x-one"}))
    assert not MESSAGE.has_any(frozenset({"cc", "bcc"}))


def test_another_message_has_fields_of_its_own() -> None:
    """What was asked of a message is not told of the one that is made from it."""
    assert MESSAGE.named("X-One")
    other = replace(MESSAGE, fields=MESSAGE.fields[:1])
    assert not other.named("X-One")
    assert not replace(MESSAGE, fields=()).has_any(frozenset({"to"}))
