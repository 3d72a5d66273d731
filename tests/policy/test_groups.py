"""Named groups: who is in one, from the policy or a file, and that nobody slips in."""

from dataclasses import replace
from pathlib import Path

import pytest

from dlp_gateway import packs
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.parse import parse
from dlp_gateway.policy import load
from dlp_gateway.policy.decide import decide
from dlp_gateway.policy.groups import group, read
from tests.policy.test_decide import ENVELOPE, found

HEAD = "version: 1\ninside: [corp.example]\npacks: []\n"
RULES = "rules: [{id: r, when: {finding: recipients.outsiders}, unless: {group: %s}, then: review}]\n"


def is_held(groups: str, names: str, to: str, recipients: tuple[str, ...]) -> bool:
    """Whether a mail to these people matches a rule that excuses the groups."""
    policy = load.parse(f"{HEAD}groups: {groups}\n{RULES % names}", "policy.yaml", builtin=packs.builtin())
    message = parse(f"From: ann@corp.example\r\nTo: {to}\r\n\r\nx".encode())
    return bool(
        decide(policy, replace(ENVELOPE, recipients=recipients), message, found("recipients.outsiders")).reasons
    )


BOARD = "{board: [one@shop.example, law.example], project: [two@campus.example]}"


@pytest.mark.parametrize(
    ("names", "to", "recipients", "held"),
    [
        ("board", "one@shop.example, x@law.example", ("one@shop.example",), False),
        ("board", "One+tag@SHOP.example, bob@corp.example", ("bob@corp.example",), False),
        ("any", "one@shop.example, x@law.example", ("one@shop.example",), False),
        ("any", "two@campus.example", ("two@campus.example",), False),
        ("[board, project]", "two@campus.example", ("two@campus.example",), False),
        ("any", "one@shop.example, two@campus.example", ("one@shop.example",), True),
        ("board", "two@campus.example", ("two@campus.example",), True),
        ("board", "one@shop.example, y@else.example", ("one@shop.example",), True),
        ("board", "one@shop.example", ("one@shop.example", "blind@else.example"), True),
        ("board", "bob@corp.example", ("bob@corp.example",), True),
    ],
)
def test_all_outsiders_must_be_of_one_group(names: str, to: str, recipients: tuple[str, ...], held: bool) -> None:  # noqa: FBT001
    """The visible as well as the blind, and of one group: two groups do not know each other."""
    assert is_held(BOARD, names, to, recipients) is held


def test_bulk_mail_to_a_named_group_passes() -> None:
    """The built-in rule excuses every group of the policy."""
    people = [f"p{number}@campus{number}.example" for number in range(12)]
    policy = load.parse(
        f"version: 1\ninside: [corp.example]\npacks: [bulk-visible]\ngroups: {{research: [{', '.join(people)}]}}\n",
        "policy.yaml",
        builtin=packs.builtin(),
    )
    findings = found("recipients.outsiders", "recipients.organisations", "recipients.unfamiliar_outsiders", count=12)
    for extra, reasons in (("", []), (", stranger@else.example", ["bulk-visible"])):
        message = parse(f"From: ann@corp.example\r\nTo: {', '.join(people)}{extra}\r\n\r\nx".encode())
        verdict = decide(policy, replace(ENVELOPE, recipients=tuple(people)), message, findings)
        assert [reason.rule for reason in verdict.reasons] == reasons


def test_members_can_stand_in_a_file(tmp_path: Path) -> None:
    """One a line, with comments; the path is relative to the policy."""
    (tmp_path / "board.txt").write_text("# the board\nOne@shop.example  # chair\n\n*.law.example\n")
    (tmp_path / "policy.yaml").write_text(f"{HEAD}groups: {{board: board.txt}}\n")
    policy = load.load(tmp_path / "policy.yaml", builtin=packs.builtin())
    assert policy.groups == {"board": group(("one@shop.example", "*.law.example"))}


def test_every_problem_of_a_file_is_told(tmp_path: Path) -> None:
    """With its line; a file that is missing as well."""
    path = tmp_path / "board.txt"
    path.write_text("one@shop.example\nnobody\x00\n@x.example\n")
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    assert [(problem.line, problem.source) for problem in caught.value.problems] == [(2, str(path)), (3, str(path))]
    with pytest.raises(ConfigurationError) as caught:
        load.parse(
            f"{HEAD}groups: {{a: nowhere.txt, any: [x.example]}}\n", str(tmp_path / "p.yaml"), builtin=packs.builtin()
        )
    assert "`any` means whichever group; choose another name." in [problem.message for problem in caught.value.problems]


def test_group_that_is_not_there_is_told() -> None:
    """With the one that was probably meant."""
    with pytest.raises(ConfigurationError) as caught:
        load.parse(f"{HEAD}groups: {{board: [x.example]}}\n{RULES % 'bord'}", "policy.yaml", builtin=packs.builtin())
    assert str(caught.value.problems[0]) == "policy.yaml:5:72: There is no such group; did you mean 'board'?"
