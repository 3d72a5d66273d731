"""A mail as each kind of its recipients will see it: header and text of every copy, and what changed in the header."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from dlp_gateway.mail.reply import printable

if TYPE_CHECKING:
    from dlp_gateway.content.text import Reading
    from dlp_gateway.policy.model import Policy

#: Lines of one header beyond which no comparison is made: it takes quadratic time at worst.
_LINES: Final = 12_000
_TEXT: Final = 20_000  # characters of text shown of one copy
_WIDEST: Final = 998
_NAMED: Final = 5  # recipients of one copy who are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A copy as it would leave: who gets it, and its octets."""

    recipients: tuple[str, ...]
    content: bytes


def views(original: bytes, copies: Iterable[Made], policy: "Policy") -> Iterator[dict[str, Any]]:
    """Yield what each kind of recipient sees, as `--json` prints it.

    `who` are the kinds that get the same octets: inside, partner, outside, blind. Outsiders with a copy each see it
    alike, each with his own address in it: the first one's is shown, and `alike` counts the others.
    """
    from dlp_gateway.inspection.examination import read
    from dlp_gateway.mail.address import canonical
    from dlp_gateway.mail.parse import parse
    from dlp_gateway.processes import policies

    shown = frozenset(canonical(recipient.address) for recipient in parse(original).visible)
    before = _header_lines(original)
    groups: dict[tuple[str, ...], Made] = {}  # the first of each; a split mail has a copy for everybody
    counts: Counter[tuple[str, ...]] = Counter()
    for copy in copies:
        kinds = tuple(sorted({_kind(recipient, shown, policy) for recipient in copy.recipients}))
        groups.setdefault(kinds, copy)
        counts[kinds] += 1
    readings = read(policies.recipe(policy), (first.content for first in groups.values()))
    for (who, first), reading in zip(groups.items(), readings, strict=True):
        header = _header_lines(first.content)
        yield {
            "who": list(who),
            "recipients": list(first.recipients),
            "alike": counts[who] - 1,
            "header": header,
            "text": _text(reading),
            "diff": _diff(before, header),
        }


def found(finding: dict[str, Any]) -> str:
    """Return what a detector found, how often and where, in a line; `finding` as `--json` prints it."""
    kind = f"{finding['kind']} {finding['country']}".strip()
    return f"found {kind} × {finding['count']} at {finding['where']} (score {finding['score']:.2f})"


def _kind(recipient: str, shown: frozenset[str], policy: "Policy") -> str:
    from dlp_gateway.mail.address import canonical

    if canonical(recipient) not in shown:
        return "blind"
    if policy.inside.contains(recipient):
        return "inside"
    return "partner" if policy.partners.contains(recipient) else "outside"


def _header_lines(raw: bytes) -> list[str]:
    """Return the lines of the header section as they stand, fit for a terminal."""
    from dlp_gateway.mail.header import body_start

    section = raw[: body_start(raw)].decode("utf-8", "replace")
    return [printable(line.expandtabs(), _WIDEST) for line in section.splitlines() if line]


def _text(reading: "Reading") -> list[dict[str, str]]:
    """Return what can be read of the body, part by part, and a word on what cannot."""
    left = _TEXT
    found = []
    for text in reading.texts:
        if text.where.startswith("part:"):
            lines = [printable(line.expandtabs(), _WIDEST) for line in text.text[:left].splitlines()]
            cut = "\n…" if len(text.text) > left else ""
            found.append({"where": text.where, "text": "\n".join(lines) + cut})
            left = max(0, left - len(text.text))
    found.extend(
        {"where": f"part:{part.part}", "text": f"({printable(part.type)}: not read, {part.reason})"}
        for part in reading.unreadable
    )
    return found


def _diff(before: list[str], after: list[str]) -> list[str]:
    if len(before) + len(after) > _LINES:
        return [f"(not compared: {len(before)} lines before, {len(after)} after)"]
    return list(unified_diff(before, after, "as it came", "as it leaves", lineterm="", n=1))


def show(found: Iterable[dict[str, Any]]) -> None:
    """Print views for reading; colours only where a terminal shows them."""
    for view in found:
        who = " and ".join(view["who"])
        alike = f", and {view['alike']} more with a copy each, alike but for the address" if view["alike"] else ""
        click.secho(f"\n{who} ({len(view['recipients'])}{alike}):", bold=True)
        for recipient in islice(view["recipients"], _NAMED):
            click.echo(f"  for {printable(recipient)}")
        if len(view["recipients"]) > _NAMED:
            click.echo(f"  and {len(view['recipients']) - _NAMED} more")
        for line in view["header"]:
            click.echo(f"    {line}")
        for part in view["text"]:
            click.echo(f"    [{part['where']}]")
            for line in part["text"].splitlines():
                click.echo(f"    {line}")
        click.secho("  header, as it came → as it leaves:" if view["diff"] else "  header as it came", bold=True)
        for line in view["diff"]:
            colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
            click.secho(f"    {line}", fg=colour)
