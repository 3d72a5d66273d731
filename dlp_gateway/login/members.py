"""Who is in a team, as a directory knows it: the addresses of the entries that a filter finds; work for a thread."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dlp_gateway.login.ldap import addresses_in, connected, entry_of, found_by, translated, values_in
from dlp_gateway.ports import LoginUnavailable

#: Entries of one team, groups and people together; a team of more is the whole house.
_MOST: Final = 100_000
#: How deep groups may stand in groups.
_DEPTH: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersOptions:
    """Where the directory is, who searches below which `base`, and the attributes that hold a person's addresses.

    `bind_dn` "" searches anonymously. `timeout` in seconds for each step.
    """

    url: str
    base: str
    addresses: tuple[str, ...]
    ca_file: Path | None = None
    bind_dn: str = ""
    bind_password: str = field(default="", repr=False)
    timeout: float = 10


def members(options: MembersOptions, wanted: str, attribute: str | None) -> frozenset[str]:
    """Return the addresses of all entries that the filter `wanted` finds, or of the members that they name.

    `attribute` is where groups name the entries of their members, None if the filter finds the people themselves;
    groups may name groups. Raises `LoginUnavailable` with a word: a part of a team is never taken for the whole.
    """
    with (
        translated(),
        connected(options.url, options.ca_file, options.timeout, options.bind_dn, options.bind_password) as connection,
    ):
        if connection is None:
            raise LoginUnavailable("searcher")
        return frozenset(_addresses(connection, options, wanted, attribute))


def _addresses(connection: Any, options: MembersOptions, wanted: str, attribute: str | None) -> Iterator[str]:  # noqa: ANN401
    asked = (*options.addresses, *((attribute,) if attribute else ()))
    seen: set[str] = set()
    named: list[str] = []

    def read(entry: dict[str, Any]) -> Iterator[str]:
        if len(seen) >= _MOST:
            raise LoginUnavailable("too-many")
        seen.add(entry["dn"].casefold())
        yield from addresses_in(entry, options.addresses)
        if attribute:
            named.extend(raw.decode("utf-8", "replace") for raw in values_in(entry, attribute))

    for entry in found_by(connection, options.base, wanted, asked):
        yield from read(entry)
    for _ in range(_DEPTH):
        below, named = named, []
        for name in below:
            entry_found = None if name.casefold() in seen else entry_of(connection, name, asked)
            if entry_found is not None:
                yield from read(entry_found)
    if named:
        raise LoginUnavailable("too-deep")
