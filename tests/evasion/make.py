"""Writes the corpus of hiding places to tests/eml/evasion: `python -m tests.evasion.make`."""

import json
from pathlib import Path

from tests.evasion.specimen import Specimen
from tests.evasion.specimens import specimens

FOLDER = Path(__file__).parents[1] / "eml" / "evasion"


def expectations(one: Specimen) -> dict[str, str]:
    """Return what the manifest says of a specimen."""
    return {"expected": one.expected, "twin": one.twin_expected, "needs": one.needs, "also": one.also}


def main() -> None:
    """Write each specimen, its twin, and what is expected of both."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.eml"):
        old.unlink()
    manifest = {}
    for one in specimens():
        assert one.name not in manifest, one.name
        manifest[one.name] = expectations(one)
        (FOLDER / f"{one.name}.eml").write_bytes(one.mail)
        (FOLDER / f"{one.name}.clean.eml").write_bytes(one.twin)
    lines = json.dumps(manifest, indent=1, sort_keys=True)
    (FOLDER / "manifest.json").write_text(f"{lines}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
