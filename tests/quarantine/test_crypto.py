"""Sealing holds, and key files are made, kept and refused as an administrator would want."""

import base64
import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarantine.crypto import (
    DamagedError,
    MessageKey,
    Opener,
    PrivateKey,
    PublicKey,
    Sealer,
    lies_beside,
    load_or_create,
)
from quarantine.store import StoreKeyError


@given(plain=st.binary(max_size=300), name=st.text(max_size=10), message=st.text(max_size=20))
def test_sealed_comes_back(plain: bytes, name: str, message: str, key: PrivateKey) -> None:
    """What is sealed with the public key opens with the private one, and only there."""
    message_key, sealed_key = Sealer(key.public).new_key(message)
    sealed = message_key.seal(name, plain)
    assert plain == Opener(key).key(message, sealed_key).open(name, sealed)
    assert len(sealed) == len(plain) + 28


def test_each_message_has_its_own_key(key: PrivateKey) -> None:
    """The same content sealed twice shares nothing."""
    sealer = Sealer(key.public)
    (one, sealed_one), (two, sealed_two) = sealer.new_key("m1"), sealer.new_key("m1")
    assert sealed_one != sealed_two
    with pytest.raises(DamagedError):
        two.open("content", one.seal("content", b"body"))


@pytest.mark.parametrize("place", [0, 11, 12, -1])
def test_a_changed_byte_is_noticed(key: PrivateKey, place: int) -> None:
    """A field with one changed byte does not open."""
    message_key, _ = Sealer(key.public).new_key("m1")
    sealed = bytearray(message_key.seal("content", b"body"))
    sealed[place] ^= 1
    with pytest.raises(DamagedError):
        message_key.open("content", bytes(sealed))


@pytest.mark.parametrize("length", [0, 1, 11, 12, 27])
def test_a_cut_field_is_noticed(key: PrivateKey, length: int) -> None:
    """A field that was cut does not open, at any length."""
    message_key, _ = Sealer(key.public).new_key("m1")
    with pytest.raises(DamagedError):
        message_key.open("content", message_key.seal("content", b"body")[:length])


def test_fields_cannot_be_moved(key: PrivateKey) -> None:
    """A field opens under its own name in its own message only."""
    raw = os.urandom(32)
    sealed = MessageKey(raw, "m1").seal("subject", b"offer")
    for message, name in (("m2", "subject"), ("m1", "address")):
        with pytest.raises(DamagedError):
            MessageKey(raw, message).open(name, sealed)


def test_sealed_keys_cannot_be_moved(key: PrivateKey) -> None:
    """A sealed key opens for its own message and its own custody only."""
    _, sealed_key = Sealer(key.public).new_key("m1")
    for opener, message in ((Opener(key), "m2"), (Opener(PrivateKey.generate()), "m1")):
        with pytest.raises(DamagedError):
            opener.key(message, sealed_key)


def test_late_texts(key: PrivateKey) -> None:
    """A reply is sealed with the public key alone, bound to its message and column."""
    sealed = Sealer(key.public).seal_text("m1", "reply", "550 <bob@example.com> caf\udce9")
    assert Opener(key).open_text("m1", "reply", sealed) == "550 <bob@example.com> caf\udce9"
    assert Opener(key).open_text("m1", "reply", None) == ""
    for message, name in (("m2", "reply"), ("m1", "reason")):
        with pytest.raises(DamagedError):
            Opener(key).open_text(message, name, sealed)


def test_the_index_hides_and_finds(key: PrivateKey) -> None:
    """An address gives the same digest in any case, another with another key, and another as something else."""
    index = key.public.address_index("Bob@Example.com")
    assert index == key.public.address_index("bob@example.com")
    assert index != PrivateKey.generate().public.address_index("bob@example.com")
    assert index != key.public.index("group", "bob@example.com")


def test_the_public_key_goes_through_a_pipe(key: PrivateKey) -> None:
    """A receiver gets the same public key, in one line, without the private part."""
    line = key.public.to_json()
    assert key.public == PublicKey.from_json(line)
    assert "\n" not in line
    assert key.private.hex() not in line


@pytest.mark.parametrize("line", ["", "{}", "[]", "null", '{"public": "00", "index_key": ""}', '{"public": 1}'])
def test_a_broken_public_key(line: str) -> None:
    """What did not come over whole is refused."""
    with pytest.raises(StoreKeyError):
        PublicKey.from_json(line)


def test_secrets_stay_out_of_repr(key: PrivateKey) -> None:
    """A key that strays into a log shows its id only."""
    shown = repr(key)
    assert key.public.id in shown
    assert repr(key.private) not in shown
    assert repr(key.public.index_key) not in shown


def test_a_key_file_is_made_for_an_empty_store(tmp_path: Path) -> None:
    """It is for its owner only, whatever the umask, and gives the same key each time."""
    path = tmp_path / "custody.key"
    mask = os.umask(0)
    try:
        made = load_or_create(path, store_is_empty=True)
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o600
    assert made == load_or_create(path, store_is_empty=False)


def test_no_key_is_made_for_a_store_in_use(tmp_path: Path) -> None:
    """A new key could open nothing of what is there, so the missing one must come back."""
    with pytest.raises(StoreKeyError, match="put the key back from your backup"):
        load_or_create(tmp_path / "custody.key", store_is_empty=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_key_file_that_others_may_read(tmp_path: Path, mode: int) -> None:
    """The refusal names the command that mends it."""
    path = tmp_path / "custody.key"
    load_or_create(path, store_is_empty=True)
    path.chmod(mode)
    with pytest.raises(StoreKeyError, match=re.escape(f"chmod 600 {path}")):
        load_or_create(path, store_is_empty=False)


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"not a key",
        b"[]",
        b"{}",
        b"\xff\xfe",
        json.dumps({"custody_key": 1}).encode(),
        json.dumps({"custody_key": 1, "private": "AAAA"}).encode(),
        json.dumps({"custody_key": 1, "private": "!!!!"}).encode(),
        json.dumps({"custody_key": 1, "private": 7}).encode(),
        json.dumps({"custody_key": 2, "private": base64.b64encode(bytes(32)).decode()}).encode(),
        b"[" * 4000,
    ],
)
def test_a_damaged_key_file(tmp_path: Path, written: bytes) -> None:
    """Whatever stands in the file, it is refused with a sentence, and left as it is."""
    path = tmp_path / "custody.key"
    path.touch(0o600)
    path.write_bytes(written)
    with pytest.raises(StoreKeyError, match=re.escape(str(path))):
        load_or_create(path, store_is_empty=True)
    assert written == path.read_bytes()


def test_a_key_file_that_is_none(tmp_path: Path) -> None:
    """A folder and a FIFO are refused, at once."""
    os.mkfifo(tmp_path / "fifo", 0o600)
    for name in (".", "fifo"):
        with pytest.raises(StoreKeyError):
            load_or_create(tmp_path / name, store_is_empty=True)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The refusal names the file and the reason."""
    with pytest.raises(StoreKeyError, match="No such file"):
        load_or_create(tmp_path / "nowhere" / "custody.key", store_is_empty=True)


def test_a_key_beside_its_database(tmp_path: Path) -> None:
    """The same folder is told, by whatever way it is named."""
    (tmp_path / "keys").mkdir()
    assert lies_beside(tmp_path / "keys" / ".." / "custody.key", tmp_path / "custody.db")
    assert not lies_beside(tmp_path / "keys" / "custody.key", tmp_path / "custody.db")
