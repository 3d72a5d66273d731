"""What a later transaction must know of the first, through custody and back."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.deposits import Transport
from dlp_gateway.mail.envelope import DsnRequest, Notify, RecipientRequest, Ret
from dlp_gateway.mail.xtext import encode

TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1)
REQUESTS = st.builds(
    RecipientRequest,
    notify=st.none() | st.sampled_from([Notify.NEVER, *Notify, Notify.SUCCESS | Notify.DELAY]),
    original=st.just("") | TEXTS.map(lambda text: f"rfc822;{encode(text)}"),
)
TRANSPORTS = st.builds(
    Transport,
    body_8bit=st.booleans(),
    smtputf8=st.booleans(),
    returnable=st.booleans(),
    dsn=st.builds(
        DsnRequest,
        ret=st.none() | st.sampled_from(Ret),
        envelope_id=st.just("") | TEXTS.map(encode),
        recipients=st.dictionaries(st.emails(), REQUESTS, max_size=3),
    ),
)


@given(TRANSPORTS)
def test_options_survive_custody(transport: Transport) -> None:
    """All that was asked is asked again at the next attempt."""
    assert transport == Transport.from_json(transport.to_json())


def test_options_of_older_rows_are_read() -> None:
    """A custody from before DSNs could be asked for."""
    assert Transport(body_8bit=True, smtputf8=False) == Transport.from_json('{"body_8bit": true, "smtputf8": false}')


@pytest.mark.parametrize(
    "change",
    [
        {"body_8bit": "yes"},
        {"ret": "ALL"},
        {"ret": 1},
        {"envelope_id": "a b"},
        {"envelope_id": None},
        {"recipients": []},
        {"recipients": {"a@x.example": "NEVER"}},
        {"recipients": {"a@x.example": {"notify": "ALWAYS", "original": ""}}},
        {"recipients": {"a@x.example": {"notify": None}}},
        {"recipients": {"a@x.example": {"notify": None, "original": "rfc822;a\r\nRCPT TO:<b@y.example>"}}},
    ],
)
def test_options_that_we_did_not_write(change: dict[str, object]) -> None:
    """What comes back from the disk is looked at once more before it goes on a wire."""
    written = json.loads(Transport(body_8bit=True, smtputf8=True).to_json())
    with pytest.raises(ValueError, match=r"custody|dsn|Ret"):
        Transport.from_json(json.dumps(written | change))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"body_8bit": true}'])
def test_options_that_are_none(text: str) -> None:
    """Nor is anything else taken for options."""
    with pytest.raises(ValueError, match=r"custody|Expecting"):
        Transport.from_json(text)
