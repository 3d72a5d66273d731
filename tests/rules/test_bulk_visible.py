"""The pack bulk-visible on random headers: exact at its limit, and no outsider sees another, in any way of writing."""

import re
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway import packs
from dlp_gateway.detect.base import Inspection, Material
from dlp_gateway.detect.recipients import RecipientsDetector
from dlp_gateway.mail.edit import apply
from dlp_gateway.mail.envelope import Envelope, new_id
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy import load
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.verdict import Disposition, Verdict

POLICY: Final = load.default(("corp.example",), builtin=packs.builtin(), partners=("partner.example",))
DETECTOR: Final = RecipientsDetector(
    inside=POLICY.inside, partners=POLICY.partners, free_mail=frozenset({"gmail.com", "gmx.net"})
)

#: Ways to write one mailbox; {0} is the address, {1} its local part, {2} its domain.
FORMS: Final = (
    "{0}",
    "<{0}>",
    "Jo Roe <{0}>",
    '"Roe, Jo" <{0}>',
    '"Jo \\"@\\" Roe" <{0}>',
    "{0} (Jo, from one@x.example)",
    "(Jo) {0}",
    "=?utf-8?B?SsO2?= <{0}>",
    "=?utf-8?Q?J=C3=B6?= <{0}>",
    "Friends: {0};",
    "Friends: Jo <{0}>;",
    "Jo\r\n <{0}>",
    '"{1}"@{2}',
    "{1} @ {2}",
    "{1}@(comment){2}",
    "<@relay.example:{0}>",
)


def judge(raw: bytes, recipients: tuple[str, ...]) -> Verdict:
    """Decide about a mail by its recipients alone."""
    envelope = Envelope(
        id=new_id(),
        reverse_path="ann@corp.example",
        recipients=recipients,
        client="192.0.2.10",
        login="",
        body_8bit=True,
        smtputf8=False,
        received_at=datetime(2026, 11, 2, tzinfo=UTC),
    )
    message = parse(raw)
    findings = tuple(DETECTOR.detect(Material(envelope=envelope, message=message, texts=())))
    return decide(POLICY, envelope, message, Inspection(findings=findings, failures=(), unreadable=()))


def mail(fields: list[tuple[str, list[str]]]) -> bytes:
    """Return a mail with these recipient fields."""
    lines = [f"{name}: {', '.join(elements)}" for name, elements in fields if elements]
    return "\r\n".join(["From: Ann <ann@corp.example>", *lines, "Subject: x", "", "the body stays\r\n"]).encode()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", [1, 9, 10, 11, 100])
def test_limit_is_exact_in_every_way_of_writing(form: str, number: int) -> None:
    """Nine outsiders pass, ten do not, whatever their addresses look like."""
    elements = [form.format(f"u{n}@d{n}.example", f"u{n}", f"d{n}.example") for n in range(number)]
    extra = 1 if "one@x.example" in form else 0
    verdict = judge(mail([("To", elements)]), ("u0@d0.example",))
    rewritten = verdict.disposition is Disposition.REWRITE
    assert rewritten is (number >= 10) or (extra and number + extra >= 10)
    assert not rewritten or number <= verdict.hidden <= number + extra


_people = st.builds(
    lambda number, domain, form, tag, upper: (number, domain, form, tag, upper),
    st.integers(0, 14),
    st.sampled_from(
        ["a.example", "b.example", "gmail.com", "c.example", "corp.example", "partner.example", "d.example"]
    ),
    st.sampled_from(FORMS),
    st.sampled_from(["", "+tag"]),
    st.booleans(),
)


@given(
    to=st.lists(_people, min_size=4, max_size=25),
    cc=st.lists(_people, min_size=4, max_size=25),
    resent=st.lists(_people, max_size=3),
)
def test_no_outsider_sees_another_after_a_rewrite(
    to: list[tuple[int, str, str, str, bool]],
    cc: list[tuple[int, str, str, str, bool]],
    resent: list[tuple[int, str, str, str, bool]],
) -> None:
    """Invariants (b) and (e): outsiders are gone, insiders and partners are not, and nothing else has changed."""

    def written(people: list[tuple[int, str, str, str, bool]]) -> list[str]:
        elements = []
        for number, domain, form, tag, upper in people:
            local = f"p{number}{tag}"
            element = form.format(f"{local}@{domain}", local, domain)
            elements.append(element.upper() if upper and "=?" not in form else element)
        return elements

    raw = mail([("To", written(to)), ("Cc", written(cc)), ("Resent-To", written(resent))])
    verdict = judge(raw, ("someone@a.example",))
    outgoing = apply(raw, verdict.edits)
    everybody = {(f"p{number}", domain) for number, domain, *_ in (*to, *cc, *resent)}
    outsiders = {(local, domain) for local, domain in everybody if domain not in {"corp.example", "partner.example"}}
    organisations = {domain if domain != "gmail.com" else f"{local}@{domain}" for local, domain in outsiders}
    if len(outsiders) >= 10 and len(organisations) >= 3:
        assert verdict.disposition is Disposition.REWRITE
    if verdict.disposition is Disposition.FORWARD:
        assert outgoing == raw
        return
    header, _, body = outgoing.partition(b"\r\n\r\n")
    assert body == b"the body stays\r\n"
    # An independent reading: undo quotes, comments and blanks, then look for "local@domain" or "local+tag@domain".
    plain = re.sub(r"\([^()]*\)|[\s\"]", "", header.decode().lower())
    seen = {
        (local, domain)
        for local, domain in everybody
        if re.search(rf"(?<![\w.+]){local}(\+tag)?@{re.escape(domain)}", plain)
    }
    assert seen == everybody - outsiders
    assert apply(outgoing, verdict.edits) == outgoing
