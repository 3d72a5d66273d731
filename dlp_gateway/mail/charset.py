"""The charsets that mail may name, as a closed list of Python's codecs.

Only codecs of this list are used: Python would otherwise import modules by names that come from the mail, keep every
unknown name in a cache for ever, and run codecs that are no charsets ("idna" takes quadratic time).
"""

import re
from encodings.aliases import aliases
from functools import lru_cache
from typing import Final

_NOT_CHARSETS: Final = frozenset(
    (
        "base64_codec",
        "bz2_codec",
        "hex_codec",
        "idna",
        "mbcs",
        "oem",
        "palmos",
        "punycode",
        "quopri_codec",
        "raw_unicode_escape",
        "rot_13",
        "undefined",
        "unicode_escape",
        "uu_codec",
        "zlib_codec",
    )
)
#: What labels mean in practice (Encoding standard, 4.2): the supersets that clients use, and names that Python lacks.
_IN_PRACTICE: Final = {
    "latin_1": "cp1252",
    "iso8859_1": "cp1252",
    "iso8859_9": "cp1254",
    "iso8859_11": "cp874",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "gb_2312_80": "gb18030",
    "x_gbk": "gb18030",
    "windows_874": "cp874",
    "ansi": "cp1252",
    "shift_jis": "cp932",
    "x_sjis": "cp932",
    "windows_31j": "cp932",
    "euc_kr": "cp949",
    "ks_c_5601": "cp949",
    "ks_c_5601_1987": "cp949",
    "iso2022_jp": "iso2022_jp_ext",
    "big5": "big5hkscs",
    "x_big5": "big5hkscs",
    "iso_8859_8_i": "iso8859_8",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_6_i": "iso8859_6",
    "unicode": "utf_16",
    "ucs_2": "utf_16",
    "iso_10646_ucs_2": "utf_16",
    "ucs_4": "utf_32",
    "unicode_1_1_utf_7": "utf_7",
    "unicode_2_0_utf_7": "utf_7",
    "x_unicode_2_0_utf_7": "utf_7",
    "x_mac_roman": "mac_roman",
    "x_mac_cyrillic": "mac_cyrillic",
    "utf_8_sig": "utf_8",
    "cp65001": "utf_8",
}
#: Charsets whose codecs have no alias in Python's table.
_WITHOUT_ALIAS: Final = (
    "cp1006",
    "cp720",
    "cp737",
    "cp856",
    "cp874",
    "cp875",
    "koi8_t",
    "koi8_u",
    "mac_arabic",
    "mac_croatian",
    "mac_farsi",
    "mac_romanian",
)
_CODECS: Final = {
    **{name: name for name in _WITHOUT_ALIAS},
    **{name: name for name in aliases.values() if name not in _NOT_CHARSETS},
    **{alias: name for alias, name in aliases.items() if name not in _NOT_CHARSETS},
}
_LABEL_NOISE: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_LABEL: Final = 64


def codec(label: str) -> str:
    """Return the Python codec for a charset label as mail writes it; "" if there is none."""
    return _codec(label[:_LONGEST_LABEL])


@lru_cache(maxsize=256)
def _codec(label: str) -> str:
    name = _LABEL_NOISE.sub("_", label.lower()).strip("_")
    spellings = (name, name.removeprefix("x_"), name.removeprefix("cs"), name.replace("_", ""))
    known = next((_CODECS[spelling] for spelling in spellings if spelling in _CODECS), "")
    return _IN_PRACTICE.get(name) or _IN_PRACTICE.get(known, known)
