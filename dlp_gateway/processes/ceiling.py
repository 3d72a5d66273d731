"""What the system allows at the start: a limit under which nothing could run is told before anything is made."""

import resource
from typing import Final

from dlp_gateway.errors import ConfigurationError

#: Octets. What receivers count together takes 8.4 MB (`smtp.crowd`), and memory counts as a file where it is shared.
LEAST: Final = 10_000_000


def require_file_size() -> None:
    """Raise `ConfigurationError` if files may not become large enough (RLIMIT_FSIZE): a restart would not help."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST:
        raise ConfigurationError.of(
            "RLIMIT_FSIZE",
            f"Files may not grow beyond {limit:,} bytes here, and the gateway needs {LEAST:,} to start and more for "
            "custody. Lift the limit where it is set: `ulimit -f` of the shell, `fsize` in limits.conf, LimitFSIZE= of "
            "the systemd unit.",
        )
