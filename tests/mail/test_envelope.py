"""What was asked about DSNs, and our ids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.envelope import DsnRequest, Notify, RecipientRequest

WISHES = st.none() | st.sampled_from([Notify.NEVER, *Notify, Notify.SUCCESS | Notify.FAILURE, ~Notify.NEVER])


@given(notify=WISHES.filter(lambda wish: wish is not None))
def test_notify_is_read_as_it_is_written(notify: Notify) -> None:
    """Whatever was asked is passed on."""
    assert notify == Notify.read(str(notify))
    assert notify == Notify.read(str(notify).lower())


@given(st.text(alphabet="SUCCESFAILUREDELAYNEVER, ,"))
def test_notify_is_a_list_or_never(text: str) -> None:
    """NEVER stands alone, nothing stands twice."""
    notify = Notify.read(text)
    assert notify is None or sorted(text.upper().split(",")) == sorted(str(notify).split(","))


def test_who_asked_for_nothing_hears_of_trouble() -> None:
    """Of failures and delays, not of success (RFC 3461 5.2.5, 5.2.6)."""
    nothing = RecipientRequest()
    assert [nothing.wants(event) for event in (Notify.FAILURE, Notify.DELAY, Notify.SUCCESS)] == [True, True, False]
    never = RecipientRequest(notify=Notify.NEVER)
    assert not any(never.wants(event) for event in Notify)


@given(first=WISHES, second=WISHES)
def test_a_recipient_named_twice_gets_what_either_asked(first: Notify | None, second: Notify | None) -> None:
    """The union, and nothing said if neither said anything."""
    one, other = RecipientRequest(notify=first), RecipientRequest(notify=second)
    both = one.joined(other)
    for event in Notify:
        assert both.wants(event) is (one.wants(event) or other.wants(event))
    assert (both.notify is None) is (first is None and second is None)


def test_the_first_original_recipient_stays() -> None:
    """One recipient has one."""
    one, other = RecipientRequest(original="rfc822;a@b.example"), RecipientRequest(original="rfc822;c@d.example")
    assert one.joined(other).original == "rfc822;a@b.example"
    assert RecipientRequest().joined(other).original == "rfc822;c@d.example"


def test_a_request_for_some_says_nothing_of_others() -> None:
    """What goes into custody with one recipient names no other."""
    asked = DsnRequest(
        envelope_id="x",
        recipients={name: RecipientRequest(notify=Notify.NEVER) for name in ("a@x.example", "b@x.example")},
    )
    assert list(asked.only(("b@x.example", "c@x.example")).recipients) == ["b@x.example"]
    assert asked.only(()).envelope_id == "x"


@pytest.mark.parametrize("odd", ["a b", "a+b", "a\r\nRCPT TO:<x@y.example>", "é"])
def test_what_no_command_may_say_is_no_request(odd: str) -> None:
    """Whoever makes one: nothing gets behind a path that could end the line."""
    with pytest.raises(ValueError, match="dsn"):
        DsnRequest(envelope_id=odd)
    with pytest.raises(ValueError, match="dsn"):
        RecipientRequest(original=f"rfc822;{odd}")
