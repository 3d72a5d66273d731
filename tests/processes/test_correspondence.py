"""Settings and policy → by what notices go."""

import json
from pathlib import Path

import pytest

from dlp_gateway.processes import policies
from dlp_gateway.processes.correspondence import options

WRITTEN = {
    "listeners": [{"address": "127.0.0.1:2525", "networks": ["127.0.0.0/8"]}],
    "smarthost": {"host": "mail.example.net"},
    "custody": {"url": "sqlite:///custody.db", "key_file": "custody.key"},
}


@pytest.mark.parametrize(
    ("notices", "sender", "contact"),
    [
        ({}, "postmaster@gw.corp.example", "postmaster@gw.corp.example"),
        ({"sender": "dlp@corp.example"}, "dlp@corp.example", "dlp@corp.example"),
        ({"contact": "the help desk"}, "postmaster@gw.corp.example", "the help desk"),
    ],
)
def test_who_writes_and_whom_to_ask(tmp_path: Path, notices: dict[str, str], sender: str, contact: str) -> None:
    """Without a word about it the notices come from our postmaster, who can be asked."""
    (tmp_path / "gateway.yaml").write_text(json.dumps({**WRITTEN, "notices": notices}))
    (tmp_path / "policy.yaml").write_text('{"version": 1, "inside": ["corp.example"]}')
    found = options(*policies.load(tmp_path / "gateway.yaml"), "gw.corp.example")
    assert (found.head.hostname, found.head.sender, found.head.contact) == ("gw.corp.example", sender, contact)
    assert (found.each, found.together, found.reviewers) == (20, 1000, ())
