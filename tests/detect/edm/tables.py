"""Tables of invented people for tests, built as an administrator builds them."""

from pathlib import Path
from typing import Final

from dlp_gateway import document
from dlp_gateway.detect.edm import building, keys
from dlp_gateway.detect.edm.spec import Spec
from dlp_gateway.detect.edm.table import Table, open_table

COLUMNS: Final = """\
columns:
  customer no: code
  licence: code
  iban: code
  surname: name
  born: date-dmy
  postcode: code
  email: own-address
enough:
  - {of: [licence, iban]}
  - {of: [customer no, surname, born, postcode], count: 2}
"""

PEOPLE: Final = """\
customer no,licence,iban,surname,born,postcode,email
K-100234,D1234567,DE89 3704 0044 0532 0130 00,Müller,02.01.1980,10115,ann@home.example
K-100235,D7654321,GB29 NWBK 6016 1331 9268 19,O'Brien,1.3.1975,10117,Ben@Home.example
K-100236,D5550001,FR14 2004 1010 0505 0001 3M02 606,"de la Cruz, Ana",31.12.1990,20095,cleo@home.example
K-100237,,,Иванов,15.06.1966,20095,dan@home.example
"""


def spec(text: str = COLUMNS) -> Spec:
    """Return a file of columns."""
    return document.parse(text, Spec, "columns.yaml")


def build(folder: Path, people: str = PEOPLE, columns: str = COLUMNS, name: str = "people") -> Table:
    """Return the table of some people, built in a folder that may hold a key already."""
    source, target, key_file = folder / f"{name}.csv", folder / f"{name}.edm", folder / f"{name}.key"
    source.write_text(people, encoding="utf-8")
    if not key_file.exists():
        keys.save(key_file, keys.make())
    building.build(source, spec(columns), keys.load(key_file), target)
    return open_table(target, key_file, whole=True)
