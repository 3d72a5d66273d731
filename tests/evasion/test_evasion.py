"""Every hiding place that we know of is seen, or called unreadable, and its clean twin leaves."""

import json
from datetime import UTC, datetime

import pytest

from dlp_gateway import packs
from dlp_gateway.content import foreign_archive
from dlp_gateway.detect.base import Facts, Inspection
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy import load
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.verdict import Disposition
from dlp_gateway.processes import policies
from tests.e2e.conftest import missing
from tests.evasion.make import FOLDER, expectations
from tests.evasion.specimens import specimens

MANIFEST = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
POLICY = load.default(("corp.example",), builtin=packs.builtin())
ENVELOPE = Envelope(
    id="0123456789abcdefgh",
    reverse_path="ann@corp.example",
    recipients=("ben@bakery.example",),
    client="192.0.2.1",
    login="",
    body_8bit=True,
    smtputf8=True,
    received_at=datetime(2026, 11, 28, tzinfo=UTC),
)


def inspected(name: str) -> tuple[Inspection, Disposition]:
    """Return what was measured on a mail of the corpus, and what becomes of it by default."""
    if MANIFEST[name.partition(".")[0]]["needs"] == "libarchive" and not foreign_archive.is_installed():
        missing("libarchive is not installed (apt-get install libarchive13)")
    message = parse((FOLDER / name).read_bytes())
    inspection = policies.inspect(POLICY, ENVELOPE, message, Facts())
    return inspection, decide(POLICY, ENVELOPE, message, inspection).disposition


@pytest.mark.parametrize("name", MANIFEST)
def test_it_is_seen(name: str) -> None:
    """The identifier is found wherever it hides; where nobody can look, the reason is said."""
    inspection, disposition = inspected(f"{name}.eml")
    kinds = {finding.kind for finding in inspection.findings}
    expected = MANIFEST[name]["expected"]
    also = MANIFEST[name]["also"]
    assert not inspection.failures
    assert not also or f"unreadable.{also}" in kinds
    if expected == "found":
        assert {"identifier.DRIVER_LICENSE", "identifier.CREDIT_CARD", "identifier.PASSPORT"} & kinds
        assert disposition is Disposition.HOLD
    else:
        assert f"unreadable.{expected}" in kinds
        end_to_end = expected in {"encrypted.smime", "encrypted.pgp"}
        assert disposition is (Disposition.FORWARD if end_to_end else Disposition.HOLD)


@pytest.mark.parametrize("name", MANIFEST)
def test_its_twin_is_clean(name: str) -> None:
    """The same mail with nothing in that place leaves."""
    inspection, disposition = inspected(f"{name}.clean.eml")
    kinds = {finding.kind for finding in inspection.findings}
    assert not inspection.failures
    assert not [kind for kind in kinds if kind.startswith("identifier.")]
    expected = MANIFEST[name]["twin"]
    assert not expected or f"unreadable.{expected}" in kinds
    assert disposition is Disposition.FORWARD


def test_corpus_is_what_the_script_makes() -> None:
    """Whoever adds a hiding place writes the corpus anew."""
    made = {one.name: expectations(one) for one in specimens()}
    files = {path.name for path in FOLDER.glob("*.eml")}
    assert made == MANIFEST
    assert files == {f"{name}{kind}.eml" for name in made for kind in ("", ".clean")}
