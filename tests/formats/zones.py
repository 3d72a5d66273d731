"""Zones for machines as issuers print them (ICAO Doc 9303), with their check digits."""

_WEIGHTS = (7, 3, 1)


def digit(value: str) -> str:
    """Return the check digit of a value."""
    return str(sum((0 if sign == "<" else int(sign, 36)) * _WEIGHTS[at % 3] for at, sign in enumerate(value)) % 10)


def passport(
    number: str = "K4403217",
    *,
    state: str = "UTO",
    kind: str = "P<",
    names: str = "TIDEWELL<<ORLA<JUNE",
    size: int = 44,
) -> tuple[str, str]:
    """Return the two lines of a passport (44 characters), or of a visa or a card of the middle size (36)."""
    number, state = number.ljust(9, "<"), state.ljust(3, "<")
    birth, expiry = "810304", "330919"
    proved = (number + digit(number), birth + digit(birth), expiry + digit(expiry) + "<" * (size - 29))
    line = f"{proved[0]}{state}{proved[1]}F{proved[2]}"
    return f"{kind}{state}{names}".ljust(size, "<"), line + digit("".join(proved))


def card(number: str = "K44032171", *, state: str = "UTO", names: str = "TIDEWELL<<ORLA") -> tuple[str, str, str]:
    """Return the three lines of an identity card; a long number goes on behind a filler, as in Belgium."""
    state = state.ljust(3, "<")
    head = number.ljust(9, "<")[:9]
    behind = digit(head) if len(number) <= 9 else f"<{number[9:]}{digit(number)}"
    first = f"ID{state}{head}{behind}".ljust(30, "<")
    birth, expiry = "810304", "330919"
    second = f"{birth}{digit(birth)}F{expiry}{digit(expiry)}{state}".ljust(29, "<")
    composite = first[5:] + second[:7] + second[8:15] + second[18:]
    return first, second + digit(composite), names.ljust(30, "<")
