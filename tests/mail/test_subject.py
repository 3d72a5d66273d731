"""Two mails of one thread have one topic, whatever stands in front of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.parse import parse
from dlp_gateway.mail.subject import Topic, topic, topic_of

PREFIXES = ["Re: ", "RE:", "AW: ", "Antw: ", "SV: ", "Re[2]: ", "RE (3) : ", "R: ", "Odp: ", "YNT: ", "回复：", "ΑΠ: "]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_answer_in_every_language(prefix: str) -> None:
    """The prefix goes and is told."""
    assert topic(f"{prefix}Summer party") == Topic(text="summer party", is_answer=True)


@pytest.mark.parametrize("prefix", ["Fwd: ", "FW:", "WG: ", "TR : ", "RV: ", "İLT: ", "转发:", "[staff] ", "[a] [b]"])
def test_a_forward_or_a_tag_is_no_answer(prefix: str) -> None:
    """It goes as well."""
    assert topic(f"{prefix}Summer party") == Topic(text="summer party", is_answer=False)


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Re: AW: [list] Fwd: Re:  Summer\t Party ", Topic(text="summer party", is_answer=True)),
        ("ＲＥ：　Ｓｕｍｍｅｒ Party", Topic(text="summer party", is_answer=True)),
        ("Report: figures", Topic(text="report: figures", is_answer=False)),
        ("Refund", Topic(text="refund", is_answer=False)),
        ("Re:", Topic(text="", is_answer=True)),
        ("", Topic(text="", is_answer=False)),
    ],
)
def test_what_is_left(subject: str, expected: Topic) -> None:
    """Prefixes in any number and order, width and case; ordinary words stay."""
    assert topic(subject) == expected


def test_of_a_message() -> None:
    """Encoded words are read; without a subject there is nothing to compare."""
    assert topic_of(parse(b"Subject: =?utf-8?q?AW=3A_Gr=C3=BC=C3=9Fe?=\r\n\r\n")) == Topic(
        text="grüsse", is_answer=True
    )
    assert topic_of(parse(b"To: a@x.example\r\n\r\n")) == Topic(text="", is_answer=False)


@given(st.text(max_size=200), st.lists(st.sampled_from([*PREFIXES, "Fwd: ", "[x] "]), max_size=5))
def test_prefixes_change_no_topic(subject: str, prefixes: list[str]) -> None:
    """Whatever is put in front, the topic is the one of the subject alone."""
    assert topic("".join(prefixes) + subject).text == topic(subject).text
