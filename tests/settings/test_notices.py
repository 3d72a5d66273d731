"""The `notices` section: who is told of what, in which language, and how often."""

from pathlib import Path

import pytest

from dlp_gateway import packs, settings
from dlp_gateway.errors import ConfigurationError
from tests.settings.conftest import CONTRACT, problems


def test_notices_are_on_and_can_be_chosen(file: Path) -> None:
    """Left out: all kinds; `off`: none; a list: these."""
    assert len(settings.load(file).notices.kinds) == 6
    for written, kinds in (("off", set()), ("[held, expired]", {"held", "expired"}), ("on", None)):
        file.write_text(f"{CONTRACT}notices: {{authors: {written}}}\n")
        assert kinds is None or settings.load(file).notices.kinds == kinds


def test_problems_of_notices_are_told(file: Path) -> None:
    """Words that are none, addresses that are none, a domain that is none, a digest every second."""
    file.write_text(
        f"{CONTRACT}notices:\n"
        "  authors: [held, lost]\n"
        "  sender: nobody\n"
        "  language: pl\n"
        "  languages: {'@corp.example': de}\n"
        "  reviewers: ['a@b@', 'rita@corp.example']\n"
        "  digest: 1s\n"
        "  limit: {each: 0}\n"
    )
    assert [problem.partition(": ")[0] for problem in problems(file)] == [
        "10:19",
        "11:11",
        "12:13",
        "13:15",
        "14:15",
        "15:11",
        "16:17",
    ]


def test_reviewers_are_inside(file: Path, tmp_path: Path) -> None:
    """Only the policy knows who is; the problem stands where the address does."""
    (tmp_path / "policy.yaml").write_text('version: 1\ninside: [corp.example, "*.corp.example"]\npacks: []\n')
    names = "[rita@corp.example, rob@shop.example, rosa@x.corp.example]"
    file.write_text(f"{CONTRACT}notices: {{reviewers: {names}}}\n")
    with pytest.raises(ConfigurationError) as caught:
        settings.load_all(file, kinds=frozenset(), builtin=packs.builtin())
    found = [str(one) for one in caught.value.problems if one.source == str(file)]
    assert found == [f"{file}:9:42: Reviewers are inside; this address is in none of the policy's `inside` domains."]


def test_owners_are_inside(file: Path, tmp_path: Path) -> None:
    """Whoever stands for an address of ours; the problem stands where the owner's own address does."""
    (tmp_path / "policy.yaml").write_text("version: 1\ninside: [corp.example]\npacks: []\n")
    owners = "{desk@corp.example: kim@corp.example, sales@corp.example: kim@shop.example}"
    file.write_text(f"{CONTRACT}notices: {{owners: {owners}}}\n")
    with pytest.raises(ConfigurationError) as caught:
        settings.load_all(file, kinds=frozenset(), builtin=packs.builtin())
    found = [str(one) for one in caught.value.problems if one.source == str(file)]
    assert found == [f"{file}:9:77: Owners are inside; this address is in none of the policy's `inside` domains."]
