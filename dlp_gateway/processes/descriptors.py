"""How many files and connections a process may have open (getrlimit(2), RLIMIT_NOFILE)."""

import resource
from contextlib import suppress


def raise_limit() -> None:
    """Take what the system allows; the lower limit that it sets is for programs that call select(2), and we do not."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # a sandbox may forbid the call; what there is is enough for little mail
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
