"""The table from outcome to reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.reply import Reply
from dlp_gateway.ports import Deferred, Forwarded, InCustody, Outcome, Rejected, Repeated, Why
from dlp_gateway.smtp import replies

TAKEN = Reply(code=250, enhanced="2.0.0", text="Ok: queued as 4711")
ID = "0123456789abcdefgh"


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Forwarded(id=ID, reply=TAKEN), f"250 2.0.0 Ok: queued as 4711 ({ID})"),
        (Forwarded(id=ID, reply=Reply(code=250, enhanced="", text="Ok")), f"250 2.0.0 Ok ({ID})"),
        (Forwarded(id=ID, reply=Reply(code=220, enhanced="", text="x")), f"250 2.0.0 x ({ID})"),
        (Forwarded(id=ID, reply=Reply(code=252, enhanced="5.1.0", text="x")), f"250 2.0.0 x ({ID})"),
        (InCustody(id=ID), f"250 2.0.0 Taken, held for review ({ID})"),
        (InCustody(id=ID, held=False), f"250 2.0.0 Taken, being delivered ({ID})"),
        (InCustody(id=ID, refuse=True), f"550 5.7.1 Not sent, held for review ({ID})"),
        (
            Deferred(id=ID, why=Why.SMARTHOST),
            f"451 4.4.1 The next mail server cannot be reached now; try again later ({ID})",
        ),
        (
            Deferred(id=ID, why=Why.SMARTHOST, reply=Reply(code=421, enhanced="4.3.2", text="Bye")),
            f"451 4.3.2 Bye ({ID})",
        ),
        (Deferred(id=ID, why=Why.STORE), f"451 4.3.0 Mail cannot be kept now; try again later ({ID})"),
        (Deferred(id=ID, why=Why.OVERLOAD), f"451 4.3.2 Too busy now; try again later ({ID})"),
        (Deferred(id=ID, why=Why.INTERNAL), f"451 4.3.0 Internal error, reference {ID}; try again later"),
        (Rejected(id=ID, why=Why.LOOP), f"554 5.4.6 Too many hops, this message is looping ({ID})"),
        (Rejected(id=ID, why=Why.POLICY), f"550 5.7.1 Refused by policy ({ID})"),
        (Rejected(id=ID, why=Why.POLICY, explanation="No lists."), f"550 5.7.1 No lists. ({ID})"),
        (
            Rejected(id=ID, why=Why.SMARTHOST, reply=Reply(code=521, enhanced="", text="Go away")),
            f"554 5.0.0 Go away ({ID})",
        ),
        (Repeated(reply=TAKEN), "250 2.0.0 Ok: queued as 4711"),
    ],
)
def test_outcome_is_answered(outcome: Outcome, expected: str) -> None:
    """Each outcome has its code, and our id stands in all of them."""
    assert expected == str(replies.final(outcome))


@pytest.mark.parametrize("why", list(Why))
def test_no_reason_is_left_out(why: Why) -> None:
    """A deferral is 4yz and a rejection 5yz, whatever the reason."""
    assert replies.final(Deferred(id=ID, why=why)).transient
    assert replies.final(Rejected(id=ID, why=why)).permanent


@given(text=st.text(max_size=600), smtputf8=st.booleans())
def test_reply_is_one_line(text: str, *, smtputf8: bool) -> None:
    """Whatever a rule or a peer says: one line that ends in CRLF, no control characters, within 512 characters."""
    octets = replies.octets(Reply(code=550, enhanced="5.7.1", text=text), smtputf8=smtputf8)
    line = octets.decode()
    assert line.endswith("\r\n")
    assert line[:-2].isprintable()
    assert len(line) <= 512
    assert smtputf8 or octets.isascii()


def test_a_reply_without_words_ends_in_a_blank() -> None:
    """The empty challenge of AUTH PLAIN is 334 and a blank, and clients may hold us to it (RFC 4954 4)."""
    assert replies.octets(Reply(code=334, enhanced="", text="")) == b"334 \r\n"
    assert replies.octets(Reply(code=250, enhanced="", text="")) == b"250 \r\n"


def test_closing_refusals_close() -> None:
    """421 and 521 say that the connection ends, so it must (RFC 5321 4.2.3, RFC 7504 3)."""
    every = [value for value in vars(replies).values() if isinstance(value, replies.Refusal)]
    assert [refusal for refusal in every if refusal.reply.code in {421, 521} and not refusal.closing] == []
