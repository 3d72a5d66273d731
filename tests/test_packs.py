"""Where packs are found: beside the package in a checkout, inside it in a wheel, or in a given folder."""

from pathlib import Path

import pytest

from dlp_gateway import packs
from dlp_gateway.errors import ConfigurationError


def test_checkout_has_the_built_in_packs() -> None:
    """The folder holds packs, whichever way the package was installed."""
    assert {"bulk-visible", "reply-all", "identity-documents", "payment"} <= {
        one.name for one in packs.listing(packs.builtin())
    }


def test_wheel_has_the_packs_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies inside the package goes before a folder that happens to stand beside it."""
    (tmp_path / "dlp_gateway" / "_rules").mkdir(parents=True)
    (tmp_path / "rules").mkdir()
    monkeypatch.setattr(packs, "files", lambda name: tmp_path / name)
    assert packs.builtin() == tmp_path / "dlp_gateway" / "_rules"


def test_installation_without_packs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway without rules would forward everything, so it does not start."""
    monkeypatch.setattr(packs, "files", lambda name: tmp_path / name)
    with pytest.raises(ConfigurationError, match="install the package anew"):
        packs.builtin()


def test_first_folder_that_has_the_pack_wins(tmp_path: Path) -> None:
    """An operator's folder can stand before the built-in one."""
    for folder in ("one/a", "two/a", "two/b"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "pack.yaml").touch()
    folders = (tmp_path / "one", tmp_path / "two")
    assert [packs.find(name, folders) for name in ("a", "b")] == [tmp_path / "one/a", tmp_path / "two/b"]
    with pytest.raises(ConfigurationError, match="There is no such pack"):
        packs.find("c", folders)
