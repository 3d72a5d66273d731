"""Whether a running gateway acts by what stands in the files."""

from collections.abc import Iterator
from typing import Final

from dlp_gateway.checks.remark import Remark, warning
from dlp_gateway.checks.running import Readiness, readiness
from dlp_gateway.policy.explain import fingerprint
from dlp_gateway.policy.model import Policy
from dlp_gateway.settings import Settings

#: What holds until a configuration without problems is reloaded.
REFUSED: Final = "The last reload was refused (the log says why), so the former configuration is in force."


def configuration(settings: Settings, policy: Policy) -> Iterator[Remark]:
    """Yield whether a running gateway acts by something else than the files say."""
    told = readiness(settings.admin.address)
    if told is None:
        return
    about = "running gateway, configuration"
    if told.reload == "refused":
        yield warning(about, REFUSED)
    elif is_another(told, policy):
        yield warning(about, "The policy in force is not the one in policy.yaml; reload (SIGHUP) to put that in force.")


def is_another(told: Readiness, policy: Policy) -> bool:
    """Whether a gateway says that it has another policy in force."""
    return told.policy not in {"", fingerprint(policy)}
