"""What a worker may not do once its detectors are loaded: open sockets, start programs, write files, take all memory.

The limits are the kernel's (setrlimit(2), seccomp(2)), so they also hold for code that runs because a reader of hostile
content was taken over. Where the kernel or the processor has no such filter, the other limits still hold.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_FIRST_TO_GO: Final = "800"  # of 1000, proc_pid_oom_score_adj(5)
_PAGE: Final = resource.getpagesize()
_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_PR_SET_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER: Final = 1  # seccomp(2)
_ALL_THREADS: Final = 1
_REFUSE: Final = 0x0005_0000 | errno.EPERM
_ALLOW: Final = 0x7FFF_0000
_LOAD: Final = 0x20  # BPF: load the word at an offset of the call's description
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_FOREIGN_CALLS: Final = 0x4000_0000  # x32, the second table of calls on x86_64

#: By processor: its name for the kernel, the number of seccomp itself, and what is refused: socket, socketpair,
#: connect, execve, execveat, ptrace, io_uring_setup, process_vm_writev.
_CALLS: Final = {
    "x86_64": (0xC000_003E, 317, (41, 53, 42, 59, 322, 101, 425, 311)),
    "aarch64": (0xC000_00B7, 277, (198, 199, 203, 221, 281, 117, 425, 271)),
}


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def die_with(parent: int) -> None:
    """Be killed when the process `parent`, our own, ends, however it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the call
        sys.exit()


def continue_after_parent() -> None:
    """Go on when our parent ends: who was stopped (SIGSTOP, a debugger) sees the end of no pipe."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)


def confine(memory_bytes: int) -> None:
    """Set the limits that hold for all messages: `memory_bytes` in all, at least half of it for a message."""
    with suppress(OSError):  # where memory runs out, a worker costs one message, a receiver all that it has in hand
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    mapped, resident = map(int, Path("/proc/self/statm").read_text(encoding="ascii").split()[:2])
    limit = mapped * _PAGE + max(memory_bytes // 2, memory_bytes - resident * _PAGE)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold the message
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _refuse_calls()


def allow_seconds(seconds: int) -> None:
    """Give the next message this much processor time: the kernel ends us should the receiver not get to it."""
    soft = int(time.process_time()) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _refuse_calls() -> bool:
    """Have the kernel refuse calls that no detector needs; return whether it will."""
    if platform.machine() not in _CALLS:
        return False
    architecture, seccomp, refused = _CALLS[platform.machine()]
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 0, len(refused) + 3, architecture),
        (_LOAD, 0, 0, _NUMBER),
        (_IF_AT_LEAST, len(refused) + 1, 0, _FOREIGN_CALLS),
        *((_IF_EQUAL, len(refused) - index, 0, number) for index, number in enumerate(refused)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    octets = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    kernel = ctypes.CDLL(None)
    kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    filter_ = _Program(len(program), octets)
    return bool(kernel.syscall(seccomp, _SET_MODE_FILTER, _ALL_THREADS, ctypes.byref(filter_)) == 0)
