"""Durations, sizes, addresses, networks and paths as files write them."""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlp_gateway.document import Model
from dlp_gateway.notation import ByteSize, Duration, FilePath, Network, SocketAddress, lasting, written


class Values(Model):
    """One field of each notation."""

    duration: Duration | None = None
    size: ByteSize | None = None
    address: SocketAddress | None = None
    network: Network | None = None
    path: FilePath | None = None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("30s", 30), ("5m", 300), ("1h", 3600), ("14d", 1_209_600), ("2w", 1_209_600), ("0s", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    """A whole number and a unit."""
    assert Values.model_validate({"duration": text}).duration == timedelta(seconds=seconds)


@pytest.mark.parametrize(("seconds", "accepted"), [(59, False), (60, True), (120, True), (121, False)])
def test_duration_between_bounds(seconds: int, accepted: object) -> None:
    """Both ends are included, and the sentence names the one that is passed."""
    adapter = pydantic.TypeAdapter(Annotated[Duration, lasting(timedelta(minutes=1), timedelta(minutes=2))])
    if accepted:
        assert adapter.validate_python(f"{seconds}s") == timedelta(seconds=seconds)
    else:
        with pytest.raises(pydantic.ValidationError, match="1m or more" if seconds < 60 else "2m or less"):
            adapter.validate_python(f"{seconds}s")


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        ("50MB", 50_000_000),
        ("64KB", 64_000),
        ("1GB", 10**9),
        ("16MiB", 16 * 2**20),
        ("3KiB", 3072),
        ("7B", 7),
        ("7", 7),
        (7, 7),
    ],
)
def test_sizes(value: str | int, octets: int) -> None:
    """MB is 10⁶ bytes, MiB 2²⁰; a bare number is bytes."""
    assert Values.model_validate({"size": value}).size == octets


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:2525", "127.0.0.1", 2525),
        ("[::1]:0", "::1", 0),
        ("0.0.0.0:25", "0.0.0.0", 25),
        ("localhost:25", "localhost", 25),
    ],
)
def test_addresses(text: str, host: str, port: int) -> None:
    """An address is written as it is read; port 0 lets the system choose."""
    address = SocketAddress(host=host, port=port)
    assert SocketAddress.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1"])
def test_networks(text: str) -> None:
    """A network, or one address."""
    assert Values.model_validate({"network": text}).network == ip_network(text)


def test_paths_are_relative_to_the_folder_that_the_reader_names() -> None:
    """An absolute path stays, a relative one begins in the folder."""
    context = {"folder": Path("/etc/gateway")}
    got = [Values.model_validate({"path": path}, context=context).path for path in ("a/b", "../b", "/c")]
    assert got == [Path("/etc/gateway/a/b"), Path("/etc/gateway/../b"), Path("/c")]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("duration", value) for value in ("14", 14, "1.5h", "-1d", "1 d", "1y", "", "9999999d", "١d", True)),
        *(("size", value) for value in ("50 MB", "50mb", "-1", "1.5MB", "1TB", "", True, 1.5, "٥MB")),
        *(
            ("address", value)
            for value in ("127.0.0.1", ":25", "::1:25", "[::1]", "mx.example:25", "127.0.0.1:65536", "1.2.3:25", 25)
        ),
        *(
            ("network", value)
            for value in ("10.0.0.1/8", "10.0.0.0/33", "corp.example", 10, "", "10.0.0.0/255.0.0.0/8")
        ),
        *(("path", value) for value in ("", 3, "a\0b")),
    ],
)
def test_what_is_no_such_value_is_refused_with_an_example(field: str, value: object) -> None:
    """Each refusal is one sentence that never repeats what was written."""
    with pytest.raises(pydantic.ValidationError) as caught:
        Values.model_validate({field: value})
    assert {error["type"] for error in caught.value.errors()} == {"value_error"}


@given(st.integers(0, 999_999), st.sampled_from(["ms", "s", "m", "h", "d"]))
def test_durations_are_written_so_that_they_can_be_read_again(number: int, unit: str) -> None:
    """What `check --show` prints can stand in the file."""
    duration = Values.model_validate({"duration": f"{number}{unit}"}).duration
    assert duration is not None
    shown = written(duration)
    again = Values.model_validate({"duration": shown}).duration if len(shown) < 9 else duration
    assert again == duration
