"""Where rule packs are found: in the wheel, in a checkout, or in a folder that is given."""

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from dlp_gateway import document
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.policy import pack

#: In the wheel the packs lie inside the package, since a top-level `rules` belongs to another project.
_IN_WHEEL: Final = "_rules"
_IN_CHECKOUT: Final = "rules"
#: Where the built-in packs list the providers of mailboxes.
_FREE_MAIL: Final = "bulk-visible/free-mail.yaml"


class _FreeMail(document.Model):
    """The domains at which anybody can have a mailbox."""

    domains: tuple[str, ...]


def builtin() -> Path:
    """Return the folder of the built-in packs; raise `ConfigurationError` if the installation lacks it."""
    package = Path(str(files("dlp_gateway")))
    for folder in (package / _IN_WHEEL, package.parent / _IN_CHECKOUT):
        if folder.is_dir():
            return folder
    message = "The built-in rule packs are missing from this installation; install the package anew."
    raise ConfigurationError.of(package, message)


def find(name: str, folders: tuple[Path, ...]) -> Path:
    """Return the folder of the pack called `name` in the first of `folders` that has it; raise `ConfigurationError`."""
    for folder in folders:
        if (folder / name / "pack.yaml").is_file():
            return folder / name
    places = " nor in ".join(str(folder) for folder in folders)
    message = f"There is no such pack in {places}."
    raise ConfigurationError.of(f"pack {name}", message)


def listing(folder: Path) -> Iterator[pack.Pack]:
    """Yield the packs in a folder of packs, by name; raise `ConfigurationError` at the first that is broken."""
    for name in pack.names(folder):
        yield pack.read(folder / name)


@lru_cache(maxsize=1)
def free_mail() -> tuple[str, ...]:
    """Return the domains at which anybody can have a mailbox."""
    return document.load(builtin() / _FREE_MAIL, _FreeMail).domains
