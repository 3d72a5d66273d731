"""The checker of cases itself: it says what is wrong, and a pack without cases does not pass."""

from pathlib import Path
from typing import Final

import pytest

from dlp_gateway import packs
from dlp_gateway.detect.base import Facts, Finding, Inspection
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.envelope import Envelope
from dlp_gateway.mail.message import Message
from dlp_gateway.policy.cases import CaseResult, check_folder
from dlp_gateway.policy.model import Policy

PACK: Final = (
    "id: ours\ntitle: Ours\nversion: 1\nprotects: Us.\nparameters: {limit: {default: 2, description: How many.}}\n"
)
RULE: Final = (
    "id: ours\nwhen: {finding: recipients.outsiders, count: $limit}\nunless: {recipients: inside}\nthen: hide\n"
)
CASES: Final = """\
hits: [{title: two, findings: {recipients.outsiders: 2}, recipients: [x@one.example]}]
misses: [{title: inside, findings: {recipients.outsiders: 2}, recipients: [x@corp.example]}]
"""
MAIL: Final = b"From: ann@corp.example\nTo: x@one.example, y@two.example\nBcc: z@three.example\n\nbody\n"


def inspect(policy: Policy, envelope: Envelope, message: Message, facts: Facts) -> Inspection:
    """Count outsiders, and the audience that a thread is said to have."""
    del envelope
    counts = {
        "recipients.outsiders": len(policy.outsiders(recipient.address for recipient in message.visible)),
        "reply_all.audience": facts.thread.addressed_again if facts.thread else 0,
    }
    findings = tuple(
        Finding(kind=kind, detector="test", rule="", count=count, score=1.0, where="header")
        for kind, count in counts.items()
        if count
    )
    return Inspection(findings=findings, failures=(), unreadable=())


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """Return a pack with one rule and its cases."""
    folder = tmp_path / "ours"
    (folder / "cases").mkdir(parents=True)
    (folder / "pack.yaml").write_text(PACK)
    (folder / "ours.yaml").write_text(RULE)
    (folder / "ours.cases.yaml").write_text(CASES)
    return folder


def failures(folder: Path) -> list[str]:
    """Return what the checker complains of."""
    return [f"{result.case}: {result.problem}" for result in check_folder(folder, inspect) if not result.passed]


def write_mail(folder: Path, case: str, expected: bytes | None = None, mail: bytes = MAIL) -> None:
    """Write a whole-mail case called "mail"."""
    (folder / "mail.eml").write_bytes(mail)
    (folder / "mail.yaml").write_text(case)
    if expected is not None:
        (folder / "mail.expected.eml").write_bytes(expected)


def test_cases_that_come_out_right_pass(pack: Path) -> None:
    """Each hit and each miss is a case with a name."""
    assert list(check_folder(pack, inspect)) == [
        CaseResult(case="ours/ours: hits: two"),
        CaseResult(case="ours/ours: misses: inside"),
    ]


def test_folder_of_packs_and_single_pack_give_the_same(pack: Path) -> None:
    """An operator can check one pack or all."""
    assert list(check_folder(pack.parent, inspect)) == list(check_folder(pack, inspect))


def test_wrong_outcome_is_told(pack: Path) -> None:
    """What hits where it must not, and what does not hit, fail."""
    text = CASES.replace("hits:", "was:").replace("misses:", "hits:").replace("was:", "misses:")
    (pack / "ours.cases.yaml").write_text(text)
    assert failures(pack) == [
        "ours/ours: hits: inside: the rule did not match",
        "ours/ours: misses: two: the rule matched",
    ]


def test_rule_without_cases_fails(pack: Path) -> None:
    """No rule comes without a hit and a miss."""
    (pack / "ours.cases.yaml").unlink()
    assert failures(pack) == ["ours/ours: it has no cases; write ours.cases.yaml with hits and misses"]
    (pack / "ours.cases.yaml").write_text("hits: []\n")
    with pytest.raises(ConfigurationError, match="'misses' is missing"):
        failures(pack)


def test_whole_mail_passes_with_its_expected_copy(pack: Path) -> None:
    """The copy that leaves is compared octet by octet; LF in files stands for the wire's CRLF."""
    case = "title: two see each other\ndisposition: rewrite\nreasons: [ours]\nhidden: 2\n"
    write_mail(pack / "cases", case, b"From: ann@corp.example\nTo: ann@corp.example\n\nbody\n")
    assert failures(pack) == []


def test_whole_mail_that_comes_out_otherwise_is_told(pack: Path) -> None:
    """Disposition, reasons, count and copy are each held against what is expected."""
    write_mail(pack / "cases", "title: a\nobserved: [other]\n", MAIL)
    (failure,) = failures(pack)
    assert failure.removeprefix("ours/cases/mail.eml: a: ").split("; ") == [
        "expected forward, got rewrite",
        "expected reasons none, got ours",
        "expected observed other, got none",
        "expected 0 hidden, got 2",
        "the mail leaves otherwise than mail.expected.eml shows",
    ]


def test_rewrite_without_expected_copy_fails(pack: Path) -> None:
    """Who writes a case for a rewrite shows what leaves."""
    write_mail(pack / "cases", "title: a\ndisposition: rewrite\nreasons: [ours]\nhidden: 2\n")
    assert failures(pack) == [
        "ours/cases/mail.eml: a: the mail is rewritten; write mail.expected.eml, the mail as it must leave"
    ]


def test_case_can_set_parameters_recipients_and_memory(pack: Path) -> None:
    """A case says all that the mail itself does not."""
    (pack / "reply.yaml").write_text("id: ours.reply\nwhen: {finding: reply_all.audience, count: 5}\nthen: review\n")
    (pack / "reply.cases.yaml").write_text(CASES.replace("recipients.outsiders: 2", "reply_all.audience: 5", 1))
    case = (
        "title: a\nset: {ours.limit: 9}\nthread: {audience: 9, addressed_again: 5}\n"
        "disposition: hold\nreasons: [ours.reply]\n"
    )
    write_mail(pack / "cases", case)
    assert failures(pack) == []
    write_mail(pack / "cases", "title: a\nset: {ours.limt: 9}\n")
    assert failures(pack) == [
        "ours/cases/mail.eml: a: No pack in force has it; did you mean 'ours.limit'?",
    ]
    write_mail(pack / "cases", "title: a\nrecipients: [bob@corp.example]\n")
    assert failures(pack) == []


def test_case_can_name_a_built_in_pack(pack: Path) -> None:
    """A pack of an operator's own is tried together with those of the gateway."""
    write_mail(pack / "cases", "title: a\npacks: [reply-all]\nset: {ours.limit: 9}\n")
    assert [
        result.problem for result in check_folder(pack, inspect, builtin=packs.builtin()) if not result.passed
    ] == []
    assert "There is no such pack" in failures(pack)[0]


def test_relative_folder_is_understood(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rules test ours` works in the folder above."""
    write_mail(pack / "cases", "title: a\nset: {ours.limit: 9}\n")
    monkeypatch.chdir(pack.parent)
    assert [result.case for result in check_folder(Path("ours"), inspect)][-1] == "ours/cases/mail.eml: a"
    assert failures(Path("ours")) == []


def test_clean_mail_needs_no_description_and_must_yield_nothing(pack: Path) -> None:
    """Ordinary mail lies in corpus-clean; its envelope follows from its header."""
    clean = pack.parent / "corpus-clean"
    clean.mkdir()
    (clean / "one.eml").write_bytes(MAIL.replace(b", y@two.example", b""))
    (clean / "two.eml").write_bytes(MAIL)
    assert [failure.partition(";")[0] for failure in failures(pack.parent)] == [
        "corpus-clean/two.eml: ordinary mail that must yield nothing: expected forward, got rewrite"
    ]


def test_folder_without_packs_is_told(tmp_path: Path) -> None:
    """A wrong path does not pass as "nothing failed"."""
    with pytest.raises(ConfigurationError, match="no pack in this folder"):
        failures(tmp_path)


def test_rules_of_detection_are_left_to_their_own_checker(pack: Path) -> None:
    """A rule file without `when` belongs to detection, and so do its cases."""
    (pack / "pattern.yaml").write_text("pattern: x\n")
    (pack / "pattern.cases.yaml").write_text("find: []\n")
    assert failures(pack) == []
