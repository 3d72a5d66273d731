"""Recognizers of Presidio that a policy names become detectors of the gateway."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dlp_gateway.detect.base import NO_FACTS
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.processes import policies

GATEWAY = """\
listeners:
  - {address: "127.0.0.1:2525", networks: [127.0.0.0/8]}
smarthost: {host: 127.0.0.1, port: 2526, tls: none}
custody: {url: "sqlite:///custody.db", key_file: custody.key}
"""
POLICY = """\
version: 1
inside: [corp.example]
presidio: {recognizers: [%s]}
rules:
  - id: addresses-out
    when: {finding: presidio.IP_ADDRESS, confidence: medium}
    then: review
"""
MAIL = b"From: ann@corp.example\r\nTo: bob@example.org\r\nSubject: Host\r\n\r\nThe host is 192.0.2.17 now.\r\n"


def files(folder: Path, recognizer: str) -> Path:
    """Write both files and return the path of gateway.yaml."""
    (folder / "policy.yaml").write_text(POLICY % recognizer, encoding="utf-8")
    (folder / "gateway.yaml").write_text(GATEWAY, encoding="utf-8")
    return folder / "gateway.yaml"


def test_what_it_finds_can_be_held(tmp_path: Path) -> None:
    """The kind is known to the policy, the detector runs, the rule matches."""
    _, policy = policies.load(files(tmp_path, "IpRecognizer"))
    envelope = Envelope(
        id="1",
        reverse_path="ann@corp.example",
        recipients=("bob@example.org",),
        client="127.0.0.1",
        login="",
        body_8bit=False,
        smtputf8=False,
        received_at=datetime(2026, 11, 2, tzinfo=UTC),
    )
    message = parse(MAIL)
    inspection = policies.inspect(policy, envelope, message, NO_FACTS)
    verdict = decide(policy, envelope, message, inspection)
    assert verdict.disposition is Disposition.HOLD
    assert "addresses-out" in {reason.rule for reason in verdict.reasons}


def test_a_name_that_presidio_lacks_is_a_problem(tmp_path: Path) -> None:
    """Told at its place when the files are read, not by receivers that do not start."""
    with pytest.raises(
        ConfigurationError, match=r"policy\.yaml:3:26: recognizer NoSuch.*: .*no recognizer of this name"
    ):
        policies.load(files(tmp_path, "NoSuchRecognizer"))


def test_its_kinds_are_unknown_unless_it_is_named(tmp_path: Path) -> None:
    """A rule that nobody can match stays a problem."""
    path = files(tmp_path, "IpRecognizer")
    (tmp_path / "policy.yaml").write_text(
        (POLICY % "IpRecognizer").replace("presidio: {recognizers: [IpRecognizer]}\n", ""), encoding="utf-8"
    )
    with pytest.raises(ConfigurationError, match="No detector reports this kind"):
        policies.load(path)
