"""Teams of the directory's: the last lists that were read stay, whatever becomes of the directory or of the file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from dlp_gateway.errors import ConfigurationError
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes import composition, policies, teams
from dlp_gateway.settings import Settings
from tests.e2e.postfix import free_port

Configure = Callable[..., tuple[Settings, Policy]]
KEY = json.dumps(["dc=corp,dc=example", "(cn=hr)", "member", ["mail"]])


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Give a function that writes both files, with a directory that is away, and reads them."""

    def write(filter_: str = "(cn=hr)", *, directory: bool = True) -> tuple[Settings, Policy]:
        place = {"url": f"ldap://127.0.0.1:{free_port()}", "base": "dc=corp,dc=example", "timeout": "1s"}
        written = {
            "listeners": [{"address": "127.0.0.1:2525", "networks": ["127.0.0.0/8"]}],
            "smarthost": {"host": "127.0.0.1", "port": 2526, "tls": "none"},
            "custody": {"url": "sqlite:///custody.db", "key_file": "custody.key"},
        }
        (tmp_path / "gateway.yaml").write_text(yaml.safe_dump(written | ({"directory": place} if directory else {})))
        policy = {
            "version": 1,
            "inside": ["corp.example"],
            "teams": {"hr": {"filter": filter_, "members": "member"}, "ops": ["ops@corp.example"]},
        }
        (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy))
        return policies.load(tmp_path / "gateway.yaml")

    return write


async def test_without_a_list_nobody_knows_who_is_in_a_team(configure: Configure) -> None:
    """The error says which team and why; nothing is written."""
    settings, policy = configure()
    assert policy.teams["hr"].members is None
    with pytest.raises(teams.TeamsUnknown, match=r"in the team hr \(connect\)"):
        await teams.looked_up(settings, composition.team_directory(settings), policy)
    assert not teams.kept_file(settings).exists()


async def test_the_last_list_stays(configure: Configure) -> None:
    """For commands that only look, and where the directory is away."""
    settings, _ = configure()
    teams.kept_file(settings).write_text(json.dumps({KEY: ["hanna@corp.example"]}))
    settings, policy = configure()
    found = await teams.looked_up(settings, composition.team_directory(settings), policy)
    for one in (policy, found):
        assert one.teams["hr"].surely_has("hanna@corp.example")
        assert not one.teams["hr"].may_have("ben@corp.example")
        assert one.teams["ops"].surely_has("ops@corp.example")


@pytest.mark.parametrize(
    "kept",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        json.dumps({KEY: []}),
        json.dumps({KEY: [1]}),
        json.dumps({KEY: "hanna@corp.example"}),
        json.dumps({KEY.replace("cn=hr", "cn=sales"): ["hanna@corp.example"]}),
        json.dumps({KEY.replace("dc=corp", "dc=firm"): ["hanna@corp.example"]}),
    ],
    ids=["empty", "list", "broken", "deep", "nobody", "numbers", "text", "another filter", "another base"],
)
def test_a_list_that_is_none_is_not_believed(configure: Configure, kept: str) -> None:
    """Damaged, or the answer to another question."""
    settings, _ = configure()
    teams.kept_file(settings).write_text(kept)
    assert configure()[1].teams["hr"].members is None


def test_a_filter_needs_a_directory(configure: Configure) -> None:
    """`check` says so before the gateway does."""
    with pytest.raises(ConfigurationError, match=r"The team hr has a filter; gateway\.yaml has no `directory:`"):
        configure(directory=False)
