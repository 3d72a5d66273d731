"""What lets in more senders than an administrator may have meant: warnings for `check`, in sentences.

What is certainly wrong is refused when gateway.yaml is read; here stands what may be meant so.
"""

from dlp_gateway.errors import Problem
from dlp_gateway.networks import translated, wide
from dlp_gateway.settings.container import in_container
from dlp_gateway.settings.listeners import Listener
from dlp_gateway.settings.model import Settings
from dlp_gateway.settings.shared_senders import shared_senders, unstamped


def admission_warnings(settings: Settings, *, container: bool | None = None) -> tuple[Problem, ...]:
    """Return a warning for each listener and reason; `source` names the listener, and there is no line.

    `container`: whether we run in one; left out: as the machine tells.
    """
    contained = in_container() if container is None else container
    return tuple(
        Problem(source=f"listener {listener.address}", line=0, column=0, message=message)
        for listener in settings.listeners
        for message in _warnings(listener, contained=contained)
    )


def _warnings(listener: Listener, *, contained: bool) -> list[str]:
    found: list[str] = []
    if listener.auth != "none":  # where a client is says nothing there
        return found
    services, header = shared_senders(listener.networks), listener.tenant_header
    if services and header is None:
        found.append(
            f"A client certificate of {' or '.join(services)} is the same for all its customers, so any of them can "
            "send as one of you. Add `tenant_header`."
        )
    elif header is not None and header.values and (services := unstamped(listener.networks, header.name)):
        found.append(
            f"Any customer of {' or '.join(services)} can write the header field {header.name}. Put a secret value "
            "into `value_file`, or name a field that the service itself writes."
        )
    if broad := wide(tuple(one for one in listener.networks if not shared_senders((one,)))):
        found.append(
            f"Every host in {_list(broad)} may send mail through this listener, without login. Name only the networks "
            "of your mail servers and mail clients, or ask for a login."
        )
    if contained and (hidden := translated(listener.networks)):
        found.append(
            "This runs in a container, and under address translation (NAT) every client may appear with an address of "
            f"{_list(hidden)}, hosts of the internet too: then anybody can send. Use the host's network "
            "(`--network host`, `hostNetwork: true`) or `externalTrafficPolicy: Local`, publish the port on an inside "
            "address only, or leave those networks out; in the log, `received` shows as which address a client comes."
        )
    return found


def _list(networks: tuple[object, ...]) -> str:
    shown = [str(network) for network in networks[:5]]
    more = len(networks) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
