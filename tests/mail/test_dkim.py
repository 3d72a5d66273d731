"""DKIM as another implementation sees it: what passes still verifies, what is rewritten is not left broken."""

import base64

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dlp_gateway.mail.edit import (
    AddTrace,
    PruneAttendees,
    PruneRecipients,
    RemoveBcc,
    RemoveSignatures,
    apply,
    dkim_covers_body,
    dkim_covers_recipients,
)
from dlp_gateway.mail.parse import parse

MAIL = (
    b"From: Ada <ada@corp.example>\r\nTo: bob@example.org, eve@example.net\r\nSubject: Hello\r\n"
    b"Date: Mon, 02 Nov 2026 09:30:00 +0000\r\nMessage-ID: <1@corp.example>\r\n\r\nHello  both\r\n\r\n"
)
TRACE = AddTrace(field=b"Received: by gw.corp.example with ESMTP id 1;\r\n\tMon, 2 Nov 2026 09:30:01 +0000\r\n")
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _dns(_name: bytes, timeout: int = 5) -> bytes:
    public = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def _signed(fields: list[bytes], mail: bytes = MAIL) -> bytes:
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    signature: bytes = dkim.sign(
        mail, b"sel", b"corp.example", private, canonicalize=(b"simple", b"simple"), include_headers=fields
    )
    return signature + mail


@pytest.mark.parametrize("fields", [[b"from", b"subject"], [b"from", b"to", b"cc", b"subject", b"date"]])
def test_an_untouched_mail_still_verifies(fields: list[bytes]) -> None:
    """Our trace field and the removal of Bcc fields change nothing that was signed, even canonicalised simply."""
    assert dkim.verify(apply(_signed(fields), (TRACE, RemoveBcc())), dnsfunc=_dns)


def test_a_signature_over_the_recipients_is_known_and_removed() -> None:
    """A rewrite would break it; a broken signature is worse than none."""
    signed = _signed([b"from", b"to", b"subject"])
    assert dkim_covers_recipients(parse(signed))
    rewrite = PruneRecipients(hidden=("bob@example.org", "eve@example.net"), to="ada@corp.example")
    assert not dkim.verify(apply(signed, (rewrite,)), dnsfunc=_dns)
    assert b"DKIM-Signature" not in apply(signed, (rewrite, RemoveSignatures()))


def test_a_signature_that_leaves_recipients_out_survives_a_rewrite() -> None:
    """It does not cover To or Cc, so there is no reason to touch it."""
    signed = _signed([b"from", b"subject"])
    assert not dkim_covers_recipients(parse(signed))
    rewrite = PruneRecipients(hidden=("bob@example.org", "eve@example.net"), to="ada@corp.example")
    assert dkim.verify(apply(signed, (TRACE, rewrite)), dnsfunc=_dns)


@pytest.mark.parametrize("guest", ["bob@example.org", "dora@corp.example"])
def test_a_signature_goes_where_an_invitation_changes_with_the_body(guest: str) -> None:
    """Whatever fields it covers; where nobody was taken out, it stays and verifies."""
    invitation = f"BEGIN:VCALENDAR\r\nATTENDEE:mailto:{guest}\r\nATTENDEE:mailto:ada@corp.example\r\nEND:VCALENDAR\r\n"
    head, _, _ = MAIL.partition(b"\r\n\r\n")
    signed = _signed([b"from", b"subject"], head + b"\r\nContent-Type: text/calendar\r\n\r\n" + invitation.encode())
    assert dkim_covers_body(parse(signed))
    left = apply(signed, (PruneAttendees(inside=("corp.example",), kept=()),))
    stays = guest.endswith("@corp.example")
    assert (left == signed, b"DKIM-Signature" in left) == (stays, stays)
    assert stays == bool(dkim.verify(left, dnsfunc=_dns))
