"""The base for kustomize builds, is valid, grants little, and fits the settings beside it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlp_gateway.processes import policies
from dlp_gateway.processes.boot import DRAIN
from tests.e2e.conftest import require

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"


@pytest.fixture(scope="module")
def built() -> str:
    """Give what kustomize makes of the base."""
    done = subprocess.run(
        [require("kubectl", "kubernetes-client"), "kustomize", FOLDER],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def objects(built: str) -> dict[str, dict[str, Any]]:
    """Give its objects by kind and name, without the digest of a name that has one."""
    found = {}
    for one in yaml.safe_load_all(built):
        name = "dlp-gateway" if one["kind"] == "ConfigMap" else one["metadata"]["name"]
        found[f"{one['kind']}/{name}"] = one
    return found


def test_every_object_is_valid(built: str, tmp_path: Path) -> None:
    """Each key is known to the schemas of Kubernetes."""
    program = require("kubernetes-validate", install="uv tool install")
    file = tmp_path / "built.yaml"
    file.write_text(built)
    done = subprocess.run([program, "--strict", file], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pod_may_do_little(objects: dict[str, dict[str, Any]]) -> None:
    """No root, no rights, nothing to write but volumes, no token of the cluster; one replica for one database."""
    stateful = objects["StatefulSet/dlp-gateway"]["spec"]
    pod = stateful["template"]["spec"]
    (container,) = pod["containers"]
    assert stateful["replicas"] == 1
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["terminationGracePeriodSeconds"] > DRAIN.total_seconds() + 10
    assert pod["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"


def test_the_settings_fit_the_objects(objects: dict[str, dict[str, Any]]) -> None:
    """Ports, volumes and networks are the same everywhere, and the files are in the ConfigMap."""
    settings, policy = policies.load(FOLDER / "gateway.yaml")
    assert policy.rules
    assert set(objects["ConfigMap/dlp-gateway"]["data"]) == {"gateway.yaml", "policy.yaml"}
    (container,) = objects["StatefulSet/dlp-gateway"]["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    (listener,) = settings.listeners
    assert ports == {"smtp": listener.address.port, "admin": settings.admin.address.port}
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    database = Path(settings.custody.url.removeprefix("sqlite:///"))
    assert mounts[str(database.parent)] == "custody"
    assert mounts[str(settings.custody.key_file.parent)] == "custody-key"

    policy_of_network = objects["NetworkPolicy/dlp-gateway"]["spec"]
    networks = {str(network) for network in listener.networks}
    assert {one["ipBlock"]["cidr"] for one in policy_of_network["ingress"][0]["from"]} == networks
    assert set(objects["Service/dlp-gateway"]["spec"]["loadBalancerSourceRanges"]) == networks
    assert policy_of_network["ingress"][0]["ports"] == [{"protocol": "TCP", "port": listener.address.port}]
    assert policy_of_network["egress"][-1] == {
        "to": [{"ipBlock": {"cidr": f"{settings.smarthost.host}/32"}}],
        "ports": [{"protocol": "TCP", "port": settings.smarthost.port}],
    }


def test_clients_keep_their_addresses(objects: dict[str, dict[str, Any]]) -> None:
    """The gateway admits by address: the Service must not translate it."""
    assert objects["Service/dlp-gateway"]["spec"]["externalTrafficPolicy"] == "Local"
    assert objects["Service/dlp-gateway-admin"]["spec"]["clusterIP"] == "None"
