"""The guides: every gateway.yaml in them is one, and each tells what an administrator must know before he begins."""

import re
from pathlib import Path

import pytest
import yaml

from dlp_gateway import settings
from tests.e2e.guides import GUIDES, blocks

PAGES = sorted(GUIDES.glob("*.md"))
BLOCKS = [
    (page.stem, name) for page in PAGES for name in blocks(page.stem) if name.rpartition("/")[2] == "gateway.yaml"
]
REST = {"custody": {"url": "sqlite:///custody.db", "key_file": "keys/custody.key"}, "policy": "policy.yaml"}


@pytest.mark.parametrize(("guide", "name"), BLOCKS)
def test_every_gateway_yaml_is_one(guide: str, name: str, tmp_path: Path) -> None:
    """With the part that is the same everywhere added, it is read without a problem."""
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(blocks(guide)[name]) | REST))
    found = settings.load(file)
    assert found.listeners
    assert found.smarthost.host


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_each_guide_has_a_gateway_yaml(page: Path) -> None:
    """None is without one that was read above."""
    assert page.stem in {guide for guide, _ in BLOCKS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.parametrize(
    "subject",
    ["DKIM is signed behind", "Loops|No loops", "SPF", "## When the gateway is down", "## Test it", "## Roll back"],
)
def test_each_guide_tells_it(page: Path, subject: str) -> None:
    """Which side signs, how loops are avoided, whose address sends, what to do in an outage, and the way back."""
    assert re.search(subject, page.read_text(encoding="utf-8"))


def test_the_issue_s_guides_are_there() -> None:
    """One for each kind of mail server that was promised."""
    assert [page.stem for page in PAGES] == ["exchange", "exim", "google-workspace", "microsoft-365", "postfix"]
