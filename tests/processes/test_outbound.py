"""Who delivers from custody knows which owners of leases are gone, and takes nobody for dead who may live."""

import os
import subprocess
import sys

from dlp_gateway.processes.outbound import is_dead, owner


def test_who_is_dead() -> None:
    """A process that ended, and one before us with our number; not we, not the living, not those of other places."""
    place, _, ours = owner().rpartition(":")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert not is_dead(f"{place}:{child.pid}.00000000")
        assert child.stdin is not None
        child.stdin.close()
        child.wait()
    assert is_dead(f"{place}:{child.pid}.00000000")
    assert not is_dead(f"{place}:{ours}")
    assert is_dead(f"{place}:{os.getpid()}.00000000")
    assert not is_dead(f"{place}:1.00000000")
    assert not is_dead(f"another boot/pid:[1]:{child.pid}.00000000")
    for odd in ("", "gateway.corp.example:12", f"{place}:", f"{place}:x.1", f"{place}:{'9' * 40}.1"):
        assert not is_dead(odd), odd
