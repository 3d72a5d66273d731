"""DKIM as another implementation sees it: what passes still verifies, what is rewritten is not left broken."""

import base64

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dlp_gateway.mail.edit import AddTrace, PruneRecipients, RemoveBcc, RemoveSignatures, apply, dkim_covers_recipients
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


def _signed(fields: list[bytes]) -> bytes:
    private = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    signature: bytes = dkim.sign(
        MAIL, b"sel", b"corp.example", private, canonicalize=(b"simple", b"simple"), include_headers=fields
    )
    return signature + MAIL


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
