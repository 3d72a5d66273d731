"""Certificates of the listeners: read at the start with every mistake, and taken up when their files change."""

import os
from pathlib import Path

import pytest

from dlp_gateway import document
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.observe import instruments
from dlp_gateway.processes.certificates import InForce, Watch, identities, in_force
from dlp_gateway.settings import Settings
from dlp_gateway.smtp.identity import Identity
from tests.certificates import DAY, Authority, Pair, damaged, replaced


@pytest.fixture(scope="module")
def authority() -> Authority:
    """Make the CA."""
    return Authority()


def settings(folder: Path, *names: str) -> Settings:
    """Return settings with a listener for each pair of files, and one without TLS."""
    listeners = [
        f'  - {{address: "127.0.0.1:{465 + number}", tls: implicit, certificate: {name}.pem, key: {name}.key, '
        "networks: [127.0.0.0/8]}\n"
        for number, name in enumerate(names)
    ]
    text = (
        "listeners:\n" + "".join(listeners) + '  - {address: "127.0.0.1:25", networks: [127.0.0.0/8]}\n'
        "smarthost: {host: mx.example}\n"
        'custody: {url: "sqlite:///custody.db", key_file: custody.key}\n'
    )
    return document.parse(text, Settings, str(folder / "gateway.yaml"))


def shown(held: InForce) -> bytes:
    """Return the certificate in force at the first listener."""
    assert held[0] is not None
    return held[0].identity.certificate


def sample(name: str) -> float:
    """Return the value of a metric."""
    for line in instruments.expose()[0].decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return -1.0


@pytest.fixture
def pair(tmp_path: Path, authority: Authority) -> Pair:
    """Write a pair."""
    made = authority.issue("mail.corp.example")
    made.write(tmp_path)
    return made


def test_each_listener_has_its_own(tmp_path: Path, pair: Pair, authority: Authority) -> None:
    """None without TLS."""
    other = authority.issue("other.example")
    other.write(tmp_path, "other")
    found = identities(settings(tmp_path, "server", "other"))
    assert [one and one.certificate for one in found] == [pair.certificate, other.certificate, None]


def test_all_mistakes_are_told_at_once(tmp_path: Path, pair: Pair) -> None:
    """Those of all listeners, each once."""
    replaced(tmp_path / "bad.pem", b"no certificate")
    replaced(tmp_path / "bad.key", pair.key)
    with pytest.raises(ConfigurationError) as caught:
        identities(settings(tmp_path, "missing", "bad", "bad", "server"))
    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems] == [
        "bad.pem: This is no certificate in PEM; `openssl x509 -in FILE -out NEW` writes one.",
        "missing.pem: There is no such file.",
    ]


def test_expired_certificate_is_read(tmp_path: Path, authority: Authority) -> None:
    """It is read like another, for mail must flow; `check` and the log tell of it."""
    authority.issue("old.example", begins=-9 * DAY, ends=-DAY).write(tmp_path, "old")
    assert len(identities(settings(tmp_path, "old"))) == 2


async def test_renewed_pair_is_taken_up_when_it_stands_still(tmp_path: Path, pair: Pair, authority: Authority) -> None:
    """While files change, nothing is judged; then all who hold identities are told the new ones."""
    written = settings(tmp_path, "server")
    held, told = in_force(identities(written)), list[tuple[Identity | None, ...]]()
    watch = Watch(written, held, tells=True, changed=told.append)
    for _ in range(3):
        await watch.look()
    before, fresh = sample('dlp_certificate_reloads_total{result="done"}'), authority.issue("mail.corp.example")
    replaced(tmp_path / "server.pem", fresh.certificate)
    await watch.look()
    assert (shown(held), told) == (pair.certificate, [])
    replaced(tmp_path / "server.key", fresh.key)
    await watch.look()
    assert (shown(held), told) == (pair.certificate, [])
    await watch.look()
    assert shown(held) == fresh.certificate
    assert [[one and one.certificate for one in group] for group in told] == [[fresh.certificate, None]]
    assert sample('dlp_certificate_reloads_total{result="done"}') == before + 1
    not_after = held[0].identity.not_after.timestamp() if held[0] else 0.0
    assert sample('dlp_certificate_expiry_seconds{listener="127.0.0.1:465"}') == not_after


@pytest.mark.parametrize("mistake", ["mismatch", "missing", "garbage", "damaged"])
async def test_bad_pair_leaves_the_old_in_force_until_it_is_mended(
    tmp_path: Path, pair: Pair, authority: Authority, mistake: str
) -> None:
    """It is refused once, the gauge says that it is not in force, and what is mended is taken up."""
    written = settings(tmp_path, "server")
    held = in_force(identities(written))
    watch = Watch(written, held, tells=True)
    fresh = authority.issue("mail.corp.example")
    if mistake == "missing":
        (tmp_path / "server.key").unlink()
    elif mistake == "damaged":
        replaced(tmp_path / "server.pem", damaged(pair.certificate))
    else:
        replaced(tmp_path / "server.key", fresh.key if mistake == "mismatch" else b"garbage")
    before = sample('dlp_certificate_reloads_total{result="refused"}')
    for _ in range(4):
        await watch.look()
    assert shown(held) == pair.certificate
    assert sample('dlp_certificate_reloads_total{result="refused"}') == before + 1
    assert sample('dlp_certificate_current{listener="127.0.0.1:465"}') == 0
    fresh.write(tmp_path)
    for _ in range(2):
        await watch.look()
    assert shown(held) == fresh.certificate
    assert sample('dlp_certificate_current{listener="127.0.0.1:465"}') == 1


async def test_links_that_are_changed_count(tmp_path: Path, authority: Authority) -> None:
    """Certbot keeps every certificate and changes links to the newest."""
    pairs = [authority.issue("mail.corp.example") for _ in range(2)]
    for number, one in enumerate(pairs):
        one.write(tmp_path, f"archive{number}")
    for ending in ("pem", "key"):
        (tmp_path / f"live.{ending}").symlink_to(f"archive0.{ending}")
    written = settings(tmp_path, "live")
    held = in_force(identities(written))
    watch = Watch(written, held)
    await watch.look()
    for ending in ("pem", "key"):
        (tmp_path / "fresh").symlink_to(f"archive1.{ending}")
        (tmp_path / "fresh").replace(tmp_path / f"live.{ending}")
    for _ in range(2):
        await watch.look()
    assert shown(held) == pairs[1].certificate


async def test_touched_files_change_nothing(tmp_path: Path, pair: Pair) -> None:
    """The same octets are the same certificate: nobody is told."""
    written = settings(tmp_path, "server")
    held, told = in_force(identities(written)), list[object]()
    watch = Watch(written, held, changed=told.append)
    os.utime(tmp_path / "server.pem", (1, 1))
    for _ in range(3):
        await watch.look()
    assert (shown(held), told) == (pair.certificate, [])


async def test_receiver_that_begins_with_an_older_pair_takes_up_what_lies_there(
    tmp_path: Path, pair: Pair, authority: Authority
) -> None:
    """It was started with the supervisor's last good one; the files may have changed since."""
    written = settings(tmp_path, "server")
    held = in_force(identities(written))
    fresh = authority.issue("mail.corp.example")
    fresh.write(tmp_path)
    watch = Watch(written, held)
    for _ in range(2):
        await watch.look()
    assert shown(held) == fresh.certificate
