"""`dlp-gateway doctor`: what support would ask for; what nobody may read is planted everywhere, and not found."""

import json
import stat
from pathlib import Path
from typing import Final

import pytest
import yaml

from tests.cli.conftest import Kept, Run

SECRET: Final = "made-up-word"
PERSON: Final = "ann.berg"


@pytest.fixture
def planted(config: Path) -> Path:
    """A configuration that names people and secrets wherever it can."""
    folder = config.parent
    for name in ("password", "tenant", "users", "bind"):
        (folder / name).write_text(f"{SECRET}\n")
        (folder / name).chmod(0o600)
    settings = {
        "listeners": [{"address": "127.0.0.1:2525", "networks": ["127.0.0.0/8"]}],
        "smarthost": {
            "host": "127.0.0.1",
            "port": 9,
            "tls": "required",
            "user": f"{PERSON}-login",
            "password_file": "password",
            "timeouts": {"connect": "500ms"},
        },
        "custody": {"url": "sqlite:///custody.db", "key_file": "keys/custody.key"},
        "admin": {"address": "127.0.0.1:1"},
        "hostname": "gateway.corp.example",
    }
    config.write_text(yaml.safe_dump(settings))
    policy = {
        "version": 1,
        "inside": ["corp.example"],
        "rules": [
            {
                "id": "own",
                "explanation": f"ask {PERSON}@corp.example",
                "when": {"finding": "identifier.*"},
                "unless": [{"sender": [f"{PERSON}@corp.example"], "login": [f"{PERSON}-login"]}],
                "then": "review",
            }
        ],
    }
    (folder / "policy.yaml").write_text(yaml.safe_dump(policy))
    return config


def secrets_in(text: str, folder: Path) -> list[str]:
    """Return which secrets of a folder stand in a text: the planted ones, and custody's key."""
    key = folder / "keys" / "custody.key"
    private = [json.loads(key.read_text())["private"]] if key.exists() else []
    return [one for one in (SECRET, PERSON, *private) if one in text]


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_no_secret_and_nobodys_name_is_in_it(run: Run, planted: Path, kept: Kept, arguments: tuple[str, ...]) -> None:
    """Mail in custody, a login, a password, a key, an address in a rule, a line in a log: none of it."""
    log = planted.parent / "gateway.log"
    log.write_text(
        f"{SECRET}\n"
        + json.dumps({"event": "internal_error", "level": "error", "reference": "r1", "password": SECRET})
        + "\n"
        + json.dumps({"event": "smarthost_lost", "level": "warning", "why": f"{PERSON}@corp.example"})
        + "\n"
    )
    result = run("doctor", "--log", log, *arguments)
    assert result.exit_code == 0, result.output
    assert secrets_in(result.output, planted.parent) == []
    for told in ("127.0.0.1", "gateway.corp.example", "internal_error", "r1", "***@corp.example", "bulk-visible"):
        assert told in result.stdout
    assert kept.bulk not in result.stdout
    assert "secret text" not in result.stdout
    assert "\x1b" not in result.output


def test_everything_that_support_asks_for_is_there(run: Run, planted: Path, kept: Kept) -> None:
    """Versions, system, configuration, policy, checks, gateway, custody."""
    told = json.loads(run("doctor", "--json").stdout)
    assert {"dlp-gateway", "python", "openssl", "sqlite", "libraries"} <= set(told["versions"])
    assert {"kernel", "cores", "memory_bytes", "container", "open_files"} <= set(told["system"])
    assert told["configuration"]["settings"]["smarthost"]["user"] == "***"
    assert told["policy"]["mode"] == "enforce"
    assert told["gateway"] == {"running": False}
    assert told["custody"]["recipients"]["held"] == 4
    assert told["custody"]["oldest_held_seconds"] >= 3 * 86_400
    assert any(one["level"] == "problem" and one["about"].startswith("smarthost") for one in told["checks"])


def test_a_broken_configuration_is_told_and_the_rest_goes_on(run: Run, planted: Path) -> None:
    """Who asks for help has often broken something; a value in the place of a key is not shown."""
    planted.write_text(planted.read_text() + f"{SECRET}: 1\n")
    result = run("doctor", "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert len(told["configuration"]["problems"]) == 1
    assert secrets_in(result.output, planted.parent) == []
    assert told["versions"]["python"]
    missing = json.loads(run("doctor", "--json", "--config", "missing.yaml").stdout)
    assert "There is no such file" in missing["configuration"]["problems"][0]


def test_a_file_for_its_owner_and_never_over_another(run: Run, planted: Path) -> None:
    """The report is for whoever asked for it."""
    assert run("doctor", "--out", "report.txt").exit_code == 0
    path = planted.parent / "report.txt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("made_at: ")
    assert run("doctor", "--out", "report.txt").exit_code == 2
