"""Writes compound files (MS-CFB): just enough for documents of before 2007, messages of Outlook, sealed documents."""

import struct
from collections.abc import Mapping

SECTOR = 512
FREE, END, FAT = 0xFFFF_FFFF, 0xFFFF_FFFE, 0xFFFF_FFFD
Tree = Mapping[str, "bytes | Tree"]


def compound(tree: Tree) -> bytes:
    """Return a compound file with these streams (octets) and storages (mappings)."""
    entries: list[dict[str, object]] = []
    _add(entries, "Root Entry", tree, 5)
    chains: list[bytes] = []
    sectors: list[bytes] = []
    fat: list[int] = []

    def put(octets: bytes) -> int:
        start = len(sectors)
        pieces = [octets[at : at + SECTOR].ljust(SECTOR, b"\0") for at in range(0, len(octets), SECTOR)]
        sectors.extend(pieces)
        fat.extend([*range(start + 1, start + len(pieces)), END])
        return start

    for entry in entries:
        content = entry["content"]
        if entry["kind"] == 2:
            assert isinstance(content, bytes)
            padded = content.ljust(4_096, b"\0")  # shorter ones would lie in the mini stream
            entry["start"], entry["size"] = put(padded), len(padded)
    directory = b"".join(_entry(entry) for entry in entries)
    directory += _entry(None) * (-len(entries) % 4)
    first_directory = put(directory)
    count = 1
    while (len(sectors) + count + 127) // 128 > count:
        count += 1
    assert count <= 109
    fat_at = len(sectors)
    fat.extend([FAT] * count)
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(count * SECTOR, b"\xff")
    del chains
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIII",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, count, first_directory, 0, 4_096, END, 0, END, 0),
    )
    difat = struct.pack("<109I", *range(fat_at, fat_at + count), *[FREE] * (109 - count))
    return head + difat + b"".join(sectors) + table


def _add(entries: list[dict[str, object]], name: str, content: "bytes | Tree", kind: int) -> int:
    place = len(entries)
    entry: dict[str, object] = {"name": name, "content": content, "kind": kind, "child": FREE, "right": FREE}
    entries.append(entry)
    if not isinstance(content, bytes):
        ordered = sorted(content.items(), key=lambda one: (len(one[0]), one[0].upper()))
        entry["child"] = _siblings(entries, ordered)
    return place


def _siblings(entries: list[dict[str, object]], ordered: "list[tuple[str, bytes | Tree]]") -> int:
    """A tree that is a list: each to the right of the one before it."""
    first = before = FREE
    for name, content in ordered:
        place = _add(entries, name, content, 2 if isinstance(content, bytes) else 1)
        if before == FREE:
            first = place
        else:
            entries[before]["right"] = place
        before = place
    return first


def _entry(entry: dict[str, object] | None) -> bytes:
    if entry is None:
        return struct.pack("<64sHBBIII16xI16xIQ", b"", 0, 0, 0, FREE, FREE, FREE, 0, 0, 0)
    name = str(entry["name"]).encode("utf-16-le") + b"\0\0"
    start = entry.get("start", END if entry["kind"] == 5 else 0)
    return struct.pack(
        "<64sHBBIII16xI16xIQ",
        name,
        len(name),
        entry["kind"],
        1,
        FREE,
        entry["right"],
        entry["child"],
        0,
        start,
        entry.get("size", 0),
    )
