"""What processes that ended counted: added up in one file of each kind, so that neither counts nor files are lost.

Beside `instruments` the only user of prometheus-client: its own `mark_process_dead` leaves a file of counters for each
process that ever was.
"""

import fcntl
import os
import shutil
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

PREFIX: Final = "dlp-gateway-metrics-"
_LOCK: Final = "lock"
_TOGETHER: Final = "0"  # no process has this id


def hold(folder: Path) -> int:
    """Lock a folder of metrics, as long as the returned descriptor is open in this process or one that inherits it."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def sweep(place: Path) -> None:
    """Remove the folders of gateways that were killed (-9) and could not do it themselves."""
    for folder in place.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another's, in use, or just gone
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)
            finally:
                os.close(descriptor)


def gather(folder: Path, pid: int) -> None:
    """Add what a dead process counted to what others did; its present state (its sessions) ends with it.

    Of what only the last word counts, the last word stays. A file that it left broken is dropped: it would break all.
    """
    for file in folder.glob(f"*_{pid}.db"):
        kind = file.name.removesuffix(f"_{pid}.db")
        if not kind.startswith("gauge_live"):
            with suppress(RuntimeError, ValueError, struct.error):
                _add(file, folder / f"{kind}_{_TOGETHER}.db", last_word=kind.startswith("gauge"))
        file.unlink()


def _add(file: Path, to: Path, *, last_word: bool) -> None:
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 - looks at the environment when it is imported

    found = list(MmapedDict.read_all_values_from_file(str(file)))  # type: ignore[no-untyped-call]
    sums = MmapedDict(str(to))  # type: ignore[no-untyped-call]
    try:
        for key, value, moment, _ in found:
            known, known_moment = sums.read_value(key)  # type: ignore[no-untyped-call]
            if not last_word:
                sums.write_value(key, known + value, moment)  # type: ignore[no-untyped-call]
            elif moment >= known_moment:
                sums.write_value(key, value, moment)  # type: ignore[no-untyped-call]
    finally:
        sums.close()  # type: ignore[no-untyped-call]
