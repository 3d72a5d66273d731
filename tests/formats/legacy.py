"""Word, PowerPoint and Outlook files of before 2007, with a text in one place."""

import struct

from tests.formats.compound_file import compound


def doc(text: str, *, wide: bool = True, encrypted: bool = False) -> bytes:
    """Return a .doc whose body is `text`, in one piece."""
    body = text.encode("utf-16-le") if wide else text.encode("cp1252")
    where = 0x800
    main = bytearray(b"\xec\xa5\xc1\x00" + bytes(where - 4))
    struct.pack_into("<H", main, 0x0A, 0x0200 | (0x0100 if encrypted else 0))
    position = where if wide else (where * 2) | 0x4000_0000
    table = struct.pack("<II", 0, len(text)) + struct.pack("<HIH", 0, position, 0)
    clx = b"\x02" + struct.pack("<I", len(table)) + table
    struct.pack_into("<II", main, 0x1A2, 0, len(clx))
    return compound({"WordDocument": bytes(main) + body, "1Table": clx})


def ppt(text: str, *, wide: bool = True, encrypted: bool = False) -> bytes:
    """Return a .ppt with one text atom."""
    atom = text.encode("utf-16-le") if wide else text.encode("latin-1")
    record = struct.pack("<HHI", 0, 0x0FA0 if wide else 0x0FA8, len(atom)) + atom
    slide = struct.pack("<HHI", 0x0F, 0x03EE, len(record)) + record
    session = struct.pack("<HHIII", 0, 0x0FF6, 20, 20, 0xF3D1C4DF if encrypted else 0xE391C05F) + bytes(12)
    return compound({"PowerPoint Document": slide, "Current User": session})


def sealed_office() -> bytes:
    """Return what Office makes of a document with a password."""
    return compound({"EncryptionInfo": bytes(64), "EncryptedPackage": bytes(range(256)) * 8})


def package(name: str, content: bytes) -> bytes:
    """Return the stream of a file that is embedded as a package."""
    label = name.encode() + b"\0"
    inner = b"\x02\0" + label + label + b"\0\0\x03\0" + struct.pack("<I", len(label)) + label
    inner += struct.pack("<I", len(content)) + content
    return struct.pack("<I", len(inner)) + inner


def ole_object(name: str, content: bytes) -> bytes:
    """Return an oleObject.bin, as documents embed files that are no documents."""
    return compound({"\x01Ole10Native": package(name, content)})


def msg(
    subject: str = "Hello",
    body: str = "",
    *,
    html: bytes = b"",
    rtf: bytes = b"",
    attachments: dict[str, bytes] | None = None,
    embedded: str = "",
) -> bytes:
    """Return a message of Outlook's."""
    tree: dict[str, object] = {
        "__properties_version1.0": bytes(32),
        "__substg1.0_0037001F": subject.encode("utf-16-le"),
        "__recip_version1.0_#00000000": {
            "__properties_version1.0": bytes(8),
            "__substg1.0_3001001F": "Bob".encode("utf-16-le"),
        },
    }
    if body:
        tree["__substg1.0_1000001F"] = body.encode("utf-16-le")
    if html:
        tree["__substg1.0_10130102"] = html
    if rtf:
        tree["__substg1.0_10090102"] = rtf
    for number, (name, content) in enumerate((attachments or {}).items()):
        tree[f"__attach_version1.0_#{number:08X}"] = {
            "__properties_version1.0": bytes(8),
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_37010102": content,
        }
    if embedded:
        tree["__attach_version1.0_#000000FF"] = {
            "__properties_version1.0": bytes(8),
            "__substg1.0_3701000D": {
                "__properties_version1.0": bytes(24),
                "__substg1.0_1000001F": embedded.encode("utf-16-le"),
            },
        }
    return compound(tree)  # type: ignore[arg-type]


def tnef(
    body: str = "",
    *,
    subject: str = "Hello",
    html: bytes = b"",
    rtf: bytes = b"",
    attachments: dict[str, bytes] | None = None,
) -> bytes:
    """Return a winmail.dat."""
    found = b"\x78\x9f\x3e\x22\x01\x00"
    found += _attribute(1, 0x8004, 0x0001, subject.encode("cp1252") + b"\0")
    if body:
        found += _attribute(1, 0x9003, 0x0006, struct.pack("<I", 1) + _property(0x001F, 0x1000, _wide(body)))
    if html:
        found += _attribute(1, 0x9003, 0x0006, struct.pack("<I", 1) + _property(0x0102, 0x1013, html))
    if rtf:
        found += _attribute(1, 0x9003, 0x0006, struct.pack("<I", 1) + _property(0x0102, 0x1009, rtf))
    for name, content in (attachments or {}).items():
        found += _attribute(2, 0x9002, 0x0006, bytes(14))
        found += _attribute(2, 0x8010, 0x0001, name.encode("cp1252") + b"\0")
        found += _attribute(2, 0x800F, 0x0006, content)
    return found


def _attribute(level: int, name: int, kind: int, value: bytes) -> bytes:
    return struct.pack("<BHHI", level, name, kind, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def _property(kind: int, name: int, value: bytes) -> bytes:
    return struct.pack("<HHII", kind, name, 1, len(value)) + value + bytes(-len(value) % 4)


def _wide(text: str) -> bytes:
    return (text + "\0").encode("utf-16-le")


def uncompressed_rtf(rtf: bytes) -> bytes:
    """Return RTF as Outlook stores it without compressing."""
    return struct.pack("<II4sI", len(rtf) + 12, len(rtf), b"MELA", 0) + rtf


def compressed_rtf(rtf: bytes) -> bytes:
    """Return RTF compressed as Outlook does, with literals only and the mark at the end (MS-OXRTFCP 3.2)."""
    dictionary = 207
    packed = bytearray()
    octets = [*rtf, None]
    for at in range(0, len(octets), 8):
        run = octets[at : at + 8]
        if None in run:
            packed.append(1 << run.index(None))
            packed += bytes(octet for octet in run if octet is not None)
            offset = (dictionary + len(rtf)) % 4_096
            packed += bytes((offset >> 4, (offset & 0x0F) << 4))
        else:
            packed.append(0)
            packed += bytes(octet for octet in run if octet is not None)
    return struct.pack("<II4sI", len(packed) + 12, len(rtf), b"LZFu", 0) + bytes(packed)
