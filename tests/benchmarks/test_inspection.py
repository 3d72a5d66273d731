"""The benchmark of the inspection runs: a glimpse of it, nothing timed is asserted."""

from pathlib import Path

import pytest

from dlp_gateway.policy.verdict import Disposition
from tests.benchmarks import inspection
from tests.benchmarks.inspection import KINDS, STEPS

pytestmark = pytest.mark.benchmark


def test_every_kind_of_mail_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of all steps is printed, and each detector's time below."""
    inspection.compare(KINDS[:2], seconds=0.001, each=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[-len(STEPS) :] == list(STEPS)
    assert {kind.name for kind in KINDS[:2]} <= {line[:30].strip() for line in lines}
    assert sum("identifiers" in line for line in lines) == 2


def test_the_mails_are_what_their_kinds_say(tmp_path: Path) -> None:
    """Ordinary mail is forwarded, mail with a licence in it is not, and no two are of the same people."""
    policy, detectors = inspection.gateway(tmp_path)
    for kind in KINDS:
        assert len(set(kind.mails())) == len(kind.mails())
        verdict = inspection.steps(kind, policy, detectors)["decide"](0)
        assert (verdict.disposition is Disposition.FORWARD) is (kind.label == b""), kind.name
