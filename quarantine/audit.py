"""Who decides about held mail: the name under which a person's decisions are written."""

import os
import pwd
from pathlib import Path
from typing import Final

_LOGIN: Final = Path("/proc/self/loginuid")
_NOBODY_LOGGED_IN: Final = 2**32 - 1  # a service, or a kernel that does not keep logins


def operating_system_actor() -> str:
    """Return the login of whoever runs this process, as the operating system knows it: "alice", or "alice as root".

    Never an option or a variable of the environment: those anybody can set. Linux remembers who logged in before a
    change of user (proc_pid_loginuid(5)), which a process cannot change for itself.
    """
    account = _account(os.getuid())
    try:
        login = int(_LOGIN.read_bytes())
    except (OSError, ValueError):
        return account
    return account if login in {_NOBODY_LOGGED_IN, os.getuid()} else f"{_account(login)} as {account}"


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
