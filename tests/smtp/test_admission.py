"""What shared senders must show: names in certificates, the tenant's header, and senders who are inside."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.mail.address import DomainSet
from dlp_gateway.smtp import replies
from dlp_gateway.smtp.admission import UNCONDITIONAL, Admission, Tenant, names
from dlp_gateway.smtp.replies import Refusal

INSIDE = Admission(inside=DomainSet(("corp.example", "*.corp.example")))
OPEN = Tenant(name="X-Tenant", values=(b"Contoso", b"fabrikam"), exact=False, removed=False)
SECRET = Tenant(name="X-Corp-Gateway", values=(b"a" * 20, b"b" * 20), exact=True, removed=True)

LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAME = st.lists(LABEL, min_size=2, max_size=5).map(".".join)


def certificate(*presented: str, common_name: str = "common.example") -> dict[str, Any]:
    """Return a certificate as `ssl` tells it."""
    return {
        "subject": ((("commonName", common_name),),),
        "subjectAltName": (*(("DNS", one) for one in presented), ("IP Address", "192.0.2.1")),
    }


@pytest.mark.parametrize(
    ("presented", "expected"),
    [
        (("mail.example.com",), True),
        (("MAIL.Example.COM",), True),
        (("mail.example.com.",), True),
        (("other.example.com", "mail.example.com"), True),
        (("*.example.com",), True),
        (("*.com",), False),
        (("*",), False),
        (("*.mail.example.com",), False),
        (("m*.example.com",), False),
        (("mail.*.com",), False),
        (("*.*.com",), False),
        (("a.mail.example.com",), False),
        (("example.com",), False),
        (("mail.example.comx",), False),
        ((), False),
    ],
)
def test_name_of_a_certificate(presented: tuple[str, ...], *, expected: bool) -> None:
    """Exact but for case; a wildcard is the whole left-most label and stands for one (RFC 9525 6.3)."""
    assert names(certificate(*presented), ("mail.example.com",)) is expected


def test_common_name_and_address_name_nobody() -> None:
    """Common names are no identifiers since RFC 9525, nor are addresses where a name is asked for."""
    assert not names(certificate(common_name="mail.example.com"), ("mail.example.com",))
    assert not names(certificate("192.0.2.1"), ("mail.example.com",))


@given(NAME, NAME)
def test_only_the_name_itself_and_its_wildcard_match(one: str, other: str) -> None:
    """Two names match if they are the same, or the presented one has a wildcard for the first label."""
    assert names(certificate(one.upper()), (one,))
    assert names(certificate(one), (other,)) is (one == other)
    parent = other.partition(".")[2]
    assert names(certificate(f"*.{parent}"), (other,)) is ("." in parent)
    assert not names(certificate(f"*.{other}"), (other,))


@given(st.text(max_size=60), NAME)
def test_no_text_in_a_certificate_raises(presented: str, wanted: str) -> None:
    """A certificate may hold anything; only the name matches by itself."""
    assert names(certificate(presented), (wanted,)) is (
        presented.lower().removesuffix(".") == wanted or presented.lower().removesuffix(".") == f"*.{parent(wanted)}"
    )


def parent(name: str) -> str:
    """Return what a wildcard for a name has behind its first label; something impossible for a top-level domain."""
    above = name.partition(".")[2]
    return above if "." in above else "\n"


def test_without_conditions_everybody_may_send() -> None:
    """As on a listener of the organisation's own networks."""
    assert UNCONDITIONAL.refuses_client(None) is None
    assert UNCONDITIONAL.refuses_sender("anybody@anywhere.example") is None
    assert not UNCONDITIONAL.reads_content
    assert UNCONDITIONAL.admitted("", b"anything") == b"anything"


def test_client_must_show_a_certificate_of_one_of_the_names() -> None:
    """Its lack and its being another's are two replies, for they are mended differently."""
    admission = Admission(certificate_names=("mail.example.com", "mail.example.net"))
    assert admission.refuses_client(None) == replies.NO_CLIENT_CERTIFICATE
    assert admission.refuses_client({}) == replies.NO_CLIENT_CERTIFICATE
    assert admission.refuses_client(certificate("other.example.com")) == replies.OTHER_CLIENT_CERTIFICATE
    assert admission.refuses_client(certificate("mail.example.net")) is None


@pytest.mark.parametrize(
    ("reverse_path", "expected"),
    [
        ("alice@corp.example", None),
        ("alice@Sub.Corp.Example", None),
        ("", None),
        ("alice@example.com", replies.SENDER_OUTSIDE),
        ('"alice@corp.example"@example.com', replies.SENDER_OUTSIDE),
        ("alice@corp.example.net", replies.SENDER_OUTSIDE),
    ],
)
def test_sender_of_the_envelope_must_be_inside(reverse_path: str, expected: Refusal | None) -> None:
    """The domain behind the last @ counts; the null reverse-path is judged later."""
    assert INSIDE.refuses_sender(reverse_path) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"From: <alice@corp.example>\r\n", True),
        (b"From: Alice <alice@corp.example>, bob@sub.corp.example\r\n", True),
        (b"From: alice@corp.example, eve@example.net\r\n", False),
        (b'From: "alice@corp.example" <eve@example.net>\r\n', False),
        (b'From: "eve@example.net" <alice@corp.example>\r\n', True),
        (b"From: alice@corp.example\r\nFrom: eve@example.net\r\n", False),
        (b"From: alice@corp.example\r\nFrom: alice@corp.example\r\n", False),
        (b"From\x00: eve@example.net\r\nFrom: alice@corp.example\r\n", False),
        (b"From:\r\n", False),
        (b"From: Alice\r\n", False),
        (b"From: corp.example\r\n", False),
        (b"Sender: alice@corp.example\r\n", False),
        (b"Subject: x\r\n\r\nFrom: alice@corp.example\r\n", False),
        (b"From: " + b"alice@corp.example, " * 2000 + b"\r\n", False),
    ],
)
def test_author_of_a_notice_must_be_inside(header: bytes, *, expected: bool) -> None:
    """Out-of-office replies pass; a mail of somebody else's that says <> to get through does not."""
    content = header + b"To: bob@example.org\r\n\r\ntext\r\n"
    assert INSIDE.admitted("", content) == (content if expected else replies.AUTHOR_OUTSIDE)
    assert INSIDE.admitted("alice@corp.example", content) == content


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"X-Tenant: contoso\r\n", None),
        (b"x-tenant :\r\n FABRIKAM \r\n", None),
        (b"", replies.TENANT_MISSING),
        (b"X-Tenant-Id: contoso\r\n", replies.TENANT_MISSING),
        (b"X-Tenant: contoso2\r\n", replies.TENANT_UNKNOWN),
        (b"X-Tenant: contoso fabrikam\r\n", replies.TENANT_UNKNOWN),
        (b"X-Tenant: =?utf-8?q?contoso?=\r\n", replies.TENANT_UNKNOWN),
        (b"X-Tenant: \xff\xfe\r\n", replies.TENANT_UNKNOWN),
        (b"X-Tenant: contoso\r\nX-Tenant: contoso\r\n", replies.TENANT_TWICE),
        (b"X-Tenant: evil\r\nX-Tenant: contoso\r\n", replies.TENANT_TWICE),
        (b"X-Tenant: contoso\r\nX-\x00Tenant: evil\r\n", replies.TENANT_TWICE),
        (b"Subject: a\r\n\r\nX-Tenant: contoso\r\n", replies.TENANT_MISSING),
    ],
)
def test_tenant_header_stands_once_with_a_known_value(header: bytes, expected: Refusal | None) -> None:
    """A second one may be another's; a value is compared whole, and in the body it is text."""
    content = b"Received: by mx.example.com\r\n" + header + b"Subject: hello\r\n\r\ntext\r\n"
    assert Admission(tenant=OPEN).admitted("a@corp.example", content) == (content if expected is None else expected)


def test_secret_is_compared_with_its_case_and_taken_out() -> None:
    """The header field is gone with its folded lines, and every other octet stays."""
    admission = Admission(tenant=SECRET)
    before, field, behind = (
        b"Subject: a\r\n",
        b"X-Corp-Gateway:\r\n\t" + b"b" * 20 + b"\r\n",
        b"To: b@c.example\r\n\r\nx\r\n",
    )
    assert admission.admitted("a@corp.example", before + field + behind) == before + behind
    assert admission.admitted("a@corp.example", before + field.upper() + behind) == replies.TENANT_UNKNOWN


def test_all_conditions_must_hold() -> None:
    """A tenant's mail without sender still needs an author who is inside."""
    admission = Admission(tenant=OPEN, inside=DomainSet(("corp.example",)))
    content = b"X-Tenant: contoso\r\nFrom: %s\r\n\r\ntext\r\n"
    assert admission.admitted("", content % b"a@corp.example") == content % b"a@corp.example"
    assert admission.admitted("", content % b"a@example.net") == replies.AUTHOR_OUTSIDE
    assert admission.admitted("", b"From: a@corp.example\r\n\r\n") == replies.TENANT_MISSING


def test_secrets_are_not_shown() -> None:
    """Neither in a log of values nor in a traceback."""
    assert "aaaa" not in repr(Admission(tenant=SECRET))


@given(st.binary(max_size=300))
def test_any_octets_are_judged(content: bytes) -> None:
    """Hostile messages raise nothing; what is admitted has lost the secret field and nothing else."""
    admission = Admission(tenant=SECRET, inside=DomainSet(("corp.example",)))
    assert isinstance(admission.admitted("", content), Refusal)
    framed = b"X-Corp-Gateway: " + b"a" * 20 + b"\r\n" + content
    admitted = admission.admitted("a@corp.example", framed)
    assert isinstance(admitted, Refusal) or admitted == content or admitted in content
