"""Whether a running gateway acts by the policy that stands in the files."""

from collections.abc import Iterator

from dlp_gateway.checks.remark import Remark, warning
from dlp_gateway.checks.running import Readiness, readiness
from dlp_gateway.policy.explain import fingerprint
from dlp_gateway.policy.model import Policy
from dlp_gateway.processes.readiness import custody_mark
from dlp_gateway.settings import Settings


def policy_in_force(settings: Settings, policy: Policy) -> Iterator[Remark]:
    """Yield a warning where a gateway runs by another policy than this one."""
    told = readiness(settings.admin.address)
    if told is not None and is_another(told, settings, policy):
        yield warning(
            "running gateway", "The policy in force is not the one in policy.yaml; reload (SIGHUP) to change that."
        )


def is_another(told: Readiness, settings: Settings, policy: Policy) -> bool:
    """Whether the gateway of these settings says that it has another policy in force."""
    return told.is_of(custody_mark(settings)) and told.policy not in {"", fingerprint(policy)}
