"""The configurations in docs/guides, as they stand there: each fenced block behind a comment with its name."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

GUIDES: Final = Path(__file__).parents[2] / "docs" / "guides"
_BLOCK: Final = re.compile(r"^( *)<!-- (\S+) -->\n *```\w*\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


def blocks(guide: str) -> dict[str, str]:
    """Return the named blocks of docs/guides/`guide`.md."""
    found = _BLOCK.findall((GUIDES / f"{guide}.md").read_text(encoding="utf-8"))
    return {name: re.sub(rf"(?m)^{margin}", "", text) for margin, name, text in found}


def adapted(text: str, places: Mapping[str, str]) -> str:
    """Return a block with the addresses of the guide replaced by those of a test; each must stand there."""
    for written, ours in places.items():
        if written not in text:
            raise ValueError(f"{written} does not stand in the block")
        text = text.replace(written, ours)
    return text


def commands(guide: str, row: str) -> tuple[str, ...]:
    """Return the commands in backticks of each further cell of a table's row that begins with `row`."""
    text = (GUIDES / f"{guide}.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"^\| {re.escape(row)} \|(.*)\|$", text, re.MULTILINE)
    return tuple("\n".join(re.findall(r"`([^`]+)`", cell)) for cell in found.split(" | "))
