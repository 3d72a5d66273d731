"""Tables of own records: `python -m tests.benchmarks.edm [VALUES]` builds one (10,000,000) and searches in it.

Five values a record (number, licence, IBAN, surname, date of birth) and an address. Told are the seconds and the memory
of the build, the size of the file, microseconds a look-up of values that are there and that are not, and MB of text a
second: prose without a number, prose with some, and rows of a table of other people.
"""

import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from dlp_gateway import document
from dlp_gateway.detect.edm import building, keys, values
from dlp_gateway.detect.edm.matching import Matcher, new_budget
from dlp_gateway.detect.edm.spec import Spec
from dlp_gateway.detect.edm.table import Table, open_table

_COLUMNS = """\
columns: {no: code, licence: code, iban: code, surname: name, born: date, email: own-address}
enough: [{of: [no, licence, iban]}, {of: [surname, born], count: 2}]
common: 1000
"""
_WORDS = ("offer", "of", "chairs", "for", "your", "house", "until", "Monday", "please", "call", "about", "delivery")
_LOOKED_UP = 20_000
_MB = 1_000_000


def row(number: int) -> str:
    """Return the row of one invented person, always the same."""
    licence = number * 2_654_435_761 % 10**12
    iban = number * 40_503 % 10**18
    first, second, third = number % 10, number // 10 % 14, number // 140 % 9
    vowels = f"{'aeiou'[number // 1_260 % 5]}{'aeiou'[number // 6_300 % 5]}"
    surname = f"{'bcdfghklmn'[first]}{vowels[0]}{'bcdfghklmnprst'[second]}{vowels[1]}{'bcdfghklm'[third]}er"
    day = number * 2_654_435_761 % 2**32 >> 9  # has nothing to do with the name
    born = f"{1930 + day % 80}-{day // 80 % 12 + 1:02d}-{day // 960 % 28 + 1:02d}"
    return f"K-{number:09d},X{licence:012d},DE{iban:020d},{surname},{born},p{number}@home.example\n"


def csv(path: Path, records: int) -> None:
    """Write a file of so many people."""
    with path.open("w", encoding="ascii") as file:
        file.write("no,licence,iban,surname,born,email\n")
        file.writelines(map(row, range(records)))


def prose(size: int, every: int) -> str:
    """Return text of about so many characters with a number after each so many words, none with 0."""
    chance = random.Random(7)
    words: list[str] = []
    for place in range(size // 6):
        words.append(chance.choice(_WORDS))
        if every and place % every == 0:
            words.append(str(chance.randrange(10**9)))
        if place % 14 == 13:
            words[-1] += ".\n"
    return " ".join(words)


def lookups(table: Table, records: int) -> Iterator[tuple[str, float]]:
    """Yield microseconds for one value: its digest, and its place among all."""
    chance = random.Random(3)
    for name, first in (("there", 0), ("not there", records)):
        wanted = [f"K{first + chance.randrange(records):09d}" for _ in range(_LOOKED_UP)]
        for how, size in (("in a text of many", _LOOKED_UP), ("one by one", 1)):
            begun = time.process_time()
            for at in range(0, _LOOKED_UP, size):
                table.places(b"".join(table.key.digest(values.CODE, one) for one in wanted[at : at + size]))
            yield f"look-up, {name}, {how}", (time.process_time() - begun) / _LOOKED_UP * 1e6


def best(work: Callable[[], object], rounds: int = 3) -> float:
    """Return the seconds of the best round."""
    found = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def main() -> None:
    """Build and measure."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    records = wanted // 6
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        csv(folder / "people.csv", records)
        keys.save(folder / "people.key", key := keys.make())
        spec = document.parse(_COLUMNS, Spec, "columns")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000
        begun = time.perf_counter()
        header = building.build(folder / "people.csv", spec, key, folder / "people.edm").header
        print(f"build: {header.values} values of {header.records} records in {time.perf_counter() - begun:.0f} s")
        print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000:.0f} MB, {before:.0f} before")
        print(f"size: {(folder / 'people.edm').stat().st_size / _MB:.0f} MB")
        begun = time.perf_counter()
        open_table(folder / "people.edm", folder / "people.key", whole=True)
        print(f"open, every octet looked at: {time.perf_counter() - begun:.2f} s")
        begun = time.perf_counter()
        table = open_table(folder / "people.edm", folder / "people.key")
        print(f"open: {(time.perf_counter() - begun) * 1e3:.1f} ms")
        for what, spent in lookups(table, records):
            print(f"{what}: {spent:.1f} µs")
        matcher = Matcher(table)
        texts = {
            "prose without numbers": prose(_MB, 0),
            "prose with a number in thirty words": prose(_MB, 30),
            "rows of other people": "".join(row(records * 3 + number) for number in range(_MB // 80)),
            "rows of ours": "".join(row(number * 101 % records) for number in range(_MB // 80)),
        }
        for what, text in texts.items():
            spent = best(lambda text=text: list(matcher.matches(text, new_budget())))  # type: ignore[misc]
            found = len(list(matcher.matches(text, new_budget())))
            print(f"{what}: {len(text) / _MB / spent:.1f} MB/s, {found} records")


if __name__ == "__main__":
    main()
