"""Core files are not written: the memory of a process that crashes holds mail, and the supervisor's custody's key."""

import resource


def refuse() -> None:
    """Have the kernel write none of this process (core(5)), nor of those that it starts or forks."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
