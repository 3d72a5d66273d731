"""Check digits and inner structure: what a compact number (upper case, no separators) can prove about itself.

Each check answers True (holds), False (does not) or None (says nothing about a number of this form). A check alone is
weak evidence: one random number in eleven passes a check modulo 11. It raises or lowers; what owns the number decides.
"""

import re
from collections.abc import Callable
from datetime import date
from string import ascii_uppercase
from typing import Final

from stdnum import iban as stdnum_iban
from stdnum import verhoeff
from stdnum.be import nn as be_nn
from stdnum.br import cpf
from stdnum.ch import ssn as ch_ssn
from stdnum.cn import ric
from stdnum.cz import rc
from stdnum.de import idnr
from stdnum.es import dni, nie
from stdnum.fi import hetu
from stdnum.fr import nir
from stdnum.gb import nhs, utr
from stdnum.ie import pps
from stdnum.it import codicefiscale
from stdnum.mx import curp
from stdnum.nl import bsn
from stdnum.no import fodselsnummer
from stdnum.pl import pesel
from stdnum.pt import nif as pt_nif
from stdnum.ro import cnp
from stdnum.us import rtn
from stdnum.za import idnr as za_idnr

#: A check: compact number → holds, fails, or says nothing.
Check = Callable[[str], bool | None]

_DOUBLED: Final = str.maketrans("0123456789", "0246813579")  # Luhn: twice the digit, cast out nines
_LONGEST_IBAN: Final = 34  # ISO 13616
_IN_DIGITS: Final = {ord(letter): str(int(letter, 36)) for letter in ascii_uppercase}

# ISO/IEC 7812 issuer ranges with the lengths in use: (first digits from, to, lengths).
_ISSUERS: Final = (
    (4, 4, (13, 16, 18, 19)),  # Visa
    (51, 55, (16,)),  # Mastercard
    (2221, 2720, (16,)),  # Mastercard, 2-series
    (34, 34, (15,)),  # American Express
    (37, 37, (15,)),
    (36, 36, (14, 15, 16, 17, 18, 19)),  # Diners Club
    (38, 39, (14, 16, 19)),
    (300, 305, (14, 16)),
    (3095, 3095, (14, 16)),
    (6011, 6011, (16, 19)),  # Discover
    (644, 659, (16, 19)),
    (622126, 622925, (16, 17, 18, 19)),  # UnionPay, Discover
    (62, 62, (16, 17, 18, 19)),
    (81, 81, (16, 17, 18, 19)),
    (3528, 3589, (16, 17, 18, 19)),  # JCB
    (1800, 1800, (15,)),
    (2131, 2131, (15,)),
    (50, 50, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro
    (56, 58, (12, 13, 14, 15, 16, 17, 18, 19)),
    (60, 69, (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro, RuPay, Hipercard
    (2200, 2204, (16, 17, 18, 19)),  # Mir
    (9792, 9792, (16,)),  # Troy
)
_ISSUER_LENGTHS: Final = {
    prefix: frozenset(lengths) for low, high, lengths in reversed(_ISSUERS) for prefix in map(str, range(low, high + 1))
}


def luhn(number: str) -> bool:
    """Tell whether the digits satisfy ISO/IEC 7812 annex B."""
    if not number.isdigit():
        return False
    doubled = number[-2::-2].translate(_DOUBLED)
    return (sum(map(int, number[-1::-2])) + sum(map(int, doubled))) % 10 == 0


def payment_card(number: str) -> bool:
    """Tell whether an issuer gives out numbers of this beginning and length, and the check digit holds.

    Published test numbers (4111…) count as cards: they are what administrators try first, and the demo sends them.
    """
    for digits in (6, 4, 3, 2, 1):
        lengths = _ISSUER_LENGTHS.get(number[:digits])
        if lengths and len(number) in lengths:
            return len(set(number)) > 1 and luhn(number)
    return False


def iban(number: str) -> bool:
    """Tell whether country, length and ISO 7064 modulo 97 hold; the last first, since it is quick and fails most."""
    rearranged = f"{number[4:]}{number[:4]}".translate(_IN_DIGITS)
    return (
        len(number) <= _LONGEST_IBAN
        and rearranged.isdecimal()
        and int(rearranged) % 97 == 1
        and bool(stdnum_iban.is_valid(number, check_country=False))
    )


def us_ssn(number: str) -> bool:
    """Tell whether area, group and serial can have been given out (areas of 900 and more are ITINs)."""
    return number[:3] not in {"000", "666"} and number[0] != "9" and number[3:5] != "00" and number[5:] != "0000"


def us_itin(number: str) -> bool:
    """Tell whether the group is one of an ITIN (IRS publication 1915)."""
    return number[0] == "9" and (50 <= int(number[3:5]) <= 65 or 70 <= int(number[3:5]) <= 88 or number[3] == "9")


def uk_nino(number: str) -> bool:
    """Tell whether the prefix can have been given out (HMRC NIM39110)."""
    return number[:2] not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


def uk_driving_licence(number: str) -> bool:
    """Tell whether the first sixteen characters can be a name, a birth date and two initials as DVLA codes them."""
    surname, month, day = number[:5], int(number[6:8]), int(number[8:10])
    month = month - 50 if month > 50 else month
    padded = re.fullmatch(r"[A-Z]+9*", surname) is not None
    initials = number[11] != "9" or number[12] == "9"
    return padded and initials and 1 <= month <= 12 and 1 <= day <= 31


def de_driving_licence(number: str) -> bool:
    """Tell whether the check character at the tenth place is the sum modulo 11 (FeV annex 8; X is ten)."""
    total = sum(int(character, 36) * weight for character, weight in zip(number[:9], range(9, 0, -1), strict=True))
    return number[9] == "0123456789X"[total % 11]


def de_document(number: str) -> bool:
    """Tell whether the tenth character checks the nine before it (ICAO 9303, weights 7 3 1); nine alone say nothing."""
    if len(number) < 10:
        return True
    total = sum(int(character, 36) * weight for character, weight in zip(number[:9], (7, 3, 1) * 3, strict=True))
    return number[9] == str(total % 10)


def es_identity(number: str) -> bool:
    """Tell whether the letter of a DNI or NIE is right."""
    return bool(dni.is_valid(number) or nie.is_valid(number))


def ca_on_licence(number: str) -> bool:
    """Tell whether the last six digits can be a birth date, yymmdd, with 50 added to a woman's month."""
    month, day = int(number[-4:-2]) % 50, int(number[-2:])
    return int(number[-4:-2]) < 63 and 1 <= month <= 12 and 1 <= day <= 31


def ca_qc_licence(number: str) -> bool:
    """Tell whether digits five to ten can be a birth date, ddmmyy, with 50 added to a woman's month."""
    day, month = int(number[5:7]), int(number[7:9])
    return month < 63 and 1 <= month % 50 <= 12 and 1 <= day <= 31


def us_fl_licence(number: str) -> bool:
    """Tell whether Soundex and day code can be: (month - 1) * 40 + day, 500 more for women."""
    day = int(number[9:12]) % 500
    return set(number[1:4]) <= set("0123456") and 1 <= day % 40 <= 31 and day < 480


def us_il_licence(number: str) -> bool:
    """Tell whether Soundex and day code can be: (month - 1) * 31 + day, 600 more for women (Wisconsin: 40 and 500)."""
    return set(number[1:4]) <= set("0123456") and 1 <= int(number[9:12]) <= 980


def br_cnh(number: str) -> bool:
    """Tell whether the two check digits of a Carteira Nacional de Habilitação hold (modulo 11)."""
    digits = [int(digit) for digit in number[:9]]
    first = sum(digit * weight for digit, weight in zip(digits, range(9, 0, -1), strict=True)) % 11
    second = sum(digit * weight for digit, weight in zip(digits, range(1, 10), strict=True)) % 11
    carry, first = (2, 0) if first >= 10 else (0, first)
    second = 0 if second >= 10 else second - carry
    return number[9:] == f"{first}{second % 11 % 10}"


def jp_licence(number: str) -> bool:
    """Tell whether the prefecture exists and the eleventh digit checks the ten before it."""
    total = sum(int(digit) * weight for digit, weight in zip(number[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=True))
    return 10 <= int(number[:2]) <= 97 and int(number[10]) == (11 - total % 11) % 10


_INDIAN_STATES: Final = frozenset(  # and union territories, as vehicle offices write them
    {"AN", "AP", "AR", "AS", "BR", "CG", "CH", "DD", "DL", "DN", "GA", "GJ", "HP", "HR", "JH", "JK", "KA", "KL", "LA"}
    | {"LD", "MH", "ML", "MN", "MP", "MZ", "NL", "OD", "OR", "PB", "PY", "RJ", "SK", "TN", "TR", "TS", "UA", "UK"}
    | {"UP", "WB"}
)


def in_licence(number: str) -> bool:
    """Tell whether state code and year of issue are possible."""
    return number[:2] in _INDIAN_STATES and 1950 <= int(number[4:8]) <= date.today().year  # noqa: DTZ011 -- a year


def in_aadhaar(number: str) -> bool:
    """Tell whether the Verhoeff digit holds and the first digit is one in use."""
    return number[0] not in "01" and bool(verhoeff.is_valid(number))


def ca_ramq(number: str) -> bool:
    """Tell whether a Quebec health number can hold a birth date: yymmdd behind four letters, 50 added for women."""
    month, day = int(number[6:8]), int(number[8:10])
    return 1 <= month % 50 <= 12 and month <= 62 and 1 <= day <= 31


def ca_sin(number: str) -> bool:
    """Tell whether the Luhn digit holds and the first digit is in use."""
    return number[0] != "8" and luhn(number)  # 0 is of specimens


def se_personnummer(number: str) -> bool:
    """Tell whether the Luhn digit of the last ten digits holds."""
    return luhn(number[-10:])


def us_mbi(number: str) -> bool:
    """Tell whether no letter stands that a Medicare beneficiary identifier never uses (S L O I B Z)."""
    return not set("SLOIBZ") & set(number)


def jp_my_number(number: str) -> bool:
    """Tell whether the twelfth digit checks the eleven before it (weights 6 5 4 3 2 7 6 5 4 3 2, modulo 11)."""
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = sum(int(digit) * weight for digit, weight in zip(number[:11], weights, strict=True)) % 11
    return int(number[11]) == (0 if rest <= 1 else 11 - rest)


def kr_rrn(number: str) -> bool | None:
    """Tell whether birth date and century can be; the check digit says nothing of numbers since October 2020."""
    month, day = int(number[2:4]), int(number[4:6])
    if not (1 <= month <= 12 and 1 <= day <= 31 and number[6] in "12345678"):
        return False
    weights = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)
    total = sum(int(digit) * weight for digit, weight in zip(number[:12], weights, strict=True))
    return True if int(number[12]) == (11 - total % 11) % 10 else None


def dk_cpr(number: str) -> bool:
    """Tell whether the birth date can be; since 2007 the tenth digit checks nothing."""
    return 1 <= int(number[:2]) <= 31 and 1 <= int(number[2:4]) <= 12


def au_tfn(number: str) -> bool:
    """Tell whether the weighted sum of a tax file number is a multiple of eleven."""
    weights = (1, 4, 3, 7, 5, 8, 6, 9, 10) if len(number) == 9 else (10, 7, 8, 4, 6, 3, 5, 1)
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=True)) % 11 == 0


def au_medicare(number: str) -> bool:
    """Tell whether the ninth digit checks the eight before it (weights 1 3 7 9)."""
    return sum(int(d) * w for d, w in zip(number[:8], (1, 3, 7, 9, 1, 3, 7, 9), strict=True)) % 10 == int(number[8])


def de_health(number: str) -> bool:
    """Tell whether the check digit of a Krankenversichertennummer holds: the letter as two digits, then Luhn's way."""
    digits = f"{ord(number[0]) - 64:02d}{number[1:9]}"
    total = sum(sum(divmod(int(digit) * weight, 10)) for digit, weight in zip(digits, (1, 2) * 5, strict=True))
    return total % 10 == int(number[9])


def nz_ird(number: str) -> bool:
    """Tell whether the check digit of an IRD number holds."""
    padded = number.zfill(9)
    for weights in ((3, 2, 7, 6, 5, 4, 3, 2), (7, 4, 3, 2, 5, 2, 7, 6)):
        rest = sum(int(digit) * weight for digit, weight in zip(padded, weights, strict=False)) % 11
        if rest != 1:
            return int(padded[8]) == (0 if rest == 0 else 11 - rest)
    return False


#: The checks that a rule file may name.
CHECKS: Final[dict[str, Check]] = {
    "au-medicare": au_medicare,
    "au-tfn": au_tfn,
    "be-national-number": lambda number: bool(be_nn.is_valid(number)),
    "br-cnh": br_cnh,
    "ch-ahv": lambda number: bool(ch_ssn.is_valid(number)),
    "br-cpf": lambda number: bool(cpf.is_valid(number)),
    "ca-on-driving-licence": ca_on_licence,
    "ca-qc-driving-licence": ca_qc_licence,
    "ca-ramq": ca_ramq,
    "ca-sin": ca_sin,
    "cn-resident": lambda number: bool(ric.is_valid(number)),
    "cz-rodne-cislo": lambda number: bool(rc.is_valid(number)),
    "de-document": de_document,
    "de-health": de_health,
    "de-driving-licence": de_driving_licence,
    "de-tax-id": lambda number: bool(idnr.is_valid(number)),
    "dk-cpr": dk_cpr,
    "es-identity": es_identity,
    "fi-hetu": lambda number: bool(hetu.is_valid(f"{number[:6]}-{number[6:]}") or hetu.is_valid(number)),
    "fr-nir": lambda number: bool(nir.is_valid(number)) if len(number) == 15 else None,
    "gb-driving-licence": uk_driving_licence,
    "gb-nhs": lambda number: bool(nhs.is_valid(number)),
    "gb-nino": uk_nino,
    "gb-utr": lambda number: bool(utr.is_valid(number)),
    "iban": iban,
    "ie-pps": lambda number: bool(pps.is_valid(number)),
    "in-aadhaar": in_aadhaar,
    "in-driving-licence": in_licence,
    "it-codice-fiscale": lambda number: bool(codicefiscale.is_valid(number)),
    "jp-driving-licence": jp_licence,
    "jp-my-number": jp_my_number,
    "kr-rrn": kr_rrn,
    "luhn": luhn,
    "mx-curp": lambda number: bool(curp.is_valid(number)),
    "nl-bsn": lambda number: bool(bsn.is_valid(number)),
    "no-fodselsnummer": lambda number: bool(fodselsnummer.is_valid(number)),
    "nz-ird": nz_ird,
    "payment-card": payment_card,
    "pl-account": lambda number: iban("PL" + number),
    "pl-pesel": lambda number: bool(pesel.is_valid(number)),
    "pt-nif": lambda number: bool(pt_nif.is_valid(number)),
    "ro-cnp": lambda number: bool(cnp.is_valid(number)),
    "se-personnummer": se_personnummer,
    "us-fl-driving-licence": us_fl_licence,
    "us-il-driving-licence": us_il_licence,
    "us-itin": us_itin,
    "us-mbi": us_mbi,
    "us-routing": lambda number: bool(rtn.is_valid(number)),
    "us-ssn": us_ssn,
    "za-identity": lambda number: bool(za_idnr.is_valid(number)),
}
