"""`dlp-gateway edm`: tables of own records, by which their data are found in mails without being kept."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from dlp_gateway.cli import options
from dlp_gateway.mail.reply import printable

if TYPE_CHECKING:
    from dlp_gateway.detect.edm.building import Built
    from dlp_gateway.detect.edm.detector import Told
    from dlp_gateway.detect.edm.table import Header, Table

_LARGEST: Final = 64_000_000  # octets of a text or mail to be tested
_WEAK: Final = 1e-3

_key_file: Final = click.option(
    "--key-file", type=click.Path(path_type=Path), metavar="FILE", help="The key [default: the table's name with .key]."
)
_csv: Final = click.argument("source", metavar="FILE.csv", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_table: Final = click.argument("table", metavar="FILE.edm", type=click.Path(path_type=Path))


@click.group("edm")
def command() -> None:
    """Find your own customers', patients' or staff's data in mails (exact data match).

    A table is made of a CSV file and holds keyed digests, no value in plain. Name it in policy.yaml, such as
    `edm: {customers: ./customers.edm}`, and rules can count `edm.records.customers`, and `edm.others.customers`: the
    records of people who are not the recipients of the mail.
    """


@command.command()
@_csv
def draft(*, source: Path) -> None:
    """Print a first file of columns for FILE.csv: what each column seems to hold, and what makes a record.

    \b
    Example:
      dlp-gateway edm draft customers.csv > customers.yaml
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway.detect.edm.drafting import draft as drafted

    with options.problems_shown():
        click.echo(drafted(source), nl=False)


@command.command()
@_csv
@click.option(
    "--columns",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What the columns are [default: FILE.yaml beside FILE.csv].",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="The table [default: FILE.edm beside it].")
@_key_file
@options.as_json
def build(*, source: Path, columns: Path | None, out: Path | None, key_file: Path | None, as_json: bool) -> None:
    """Make a table of FILE.csv, in place of the former one; a running gateway takes it on reload (SIGHUP).

    The key is made at the first build, for its owner alone: without it the table tells nothing and finds nothing.
    Build as the user that runs the gateway. Values that are too short, or that many records have, are left out and
    counted. Exits 78 if a file is wrong; no value of it is ever shown.

    \b
    Example:
      sudo -u dlp-gateway dlp-gateway edm build customers.csv && sudo systemctl reload dlp-gateway
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway import document
    from dlp_gateway.detect.edm import building, keys
    from dlp_gateway.detect.edm.spec import Spec
    from dlp_gateway.errors import ConfigurationError

    columns = columns or source.with_suffix(".yaml")
    target = out or source.with_suffix(".edm")
    key_file = key_file or target.with_suffix(".key")
    with options.problems_shown(as_json=as_json):
        if not columns.exists():
            told = f"There is no such file of columns; write one: dlp-gateway edm draft {source} > {columns}"
            raise ConfigurationError.of(columns, told)
        spec = document.load(columns, Spec)
        if key_file.exists():
            key = keys.load(key_file)
        else:
            keys.save(key_file, key := keys.make())
        size = source.stat().st_size
        with click.progressbar(length=size, label="edm", file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
            built = building.build(source, spec, key, target, bar.update)
    if as_json:
        options.print_json({"table": str(target), "rows": built.rows, **_told(built.header)})
    else:
        _print_built(built, source, target, key_file)


@command.command()
@_table
@_key_file
@options.as_json
def show(*, table: Path, key_file: Path | None, as_json: bool) -> None:
    """Look at every octet of a table, and say what it is made of: records, values, columns, what was left out."""
    with options.problems_shown(as_json=as_json):
        header = _opened(table, key_file).header
    told = _told(header)
    if as_json:
        options.print_json({"table": str(table), **told})
        return
    click.secho(f"{printable(str(table), 5000)} is whole.", fg="green")
    for name in ("built", "source", "key", "columns_id", "records", "values"):
        click.echo(printable(f"  {name}: {told[name]}", 5000))
    for name, sort in header.spec.columns.items():
        click.echo(printable(f"  column {name}: {sort}"))
    _print_left_out(header)


@command.command()
@_table
@click.argument("source", metavar="FILE|-")
@click.option("--to", "recipients", multiple=True, metavar="ADDRESS", help="A recipient outside; repeat.")
@click.option("--mail", is_flag=True, help="FILE is a mail (RFC 5322): read all its parts as the gateway does.")
@_key_file
@options.as_json
def test(
    *, table: Path, source: str, recipients: tuple[str, ...], mail: bool, key_file: Path | None, as_json: bool
) -> None:
    """Say which records of a table a text, or a mail, holds, why, and whether they are the recipients' own.

    Exits 1 if it holds records of others, 0 if not.

    \b
    Example:
      dlp-gateway edm test customers.edm --to ann@home.example --mail letter.eml
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway.detect.edm.detector import score

    raw = options.read_bytes(source, limit=_LARGEST)
    with options.problems_shown(as_json=as_json):
        opened = _opened(table, key_file)
    found = _tested(opened, raw, recipients, mail=mail)
    for told in found:
        columns = [opened.header.spec.named[column] for column in told.match.columns]
        place = f"{told.where}:{told.match.start}-{told.match.end}"
        if as_json:
            own = {"own": told.own} if recipients else {}
            options.print_json({"where": place, "columns": columns, "score": score(told.match), **own})
        else:
            whose = ", the recipients' own" if told.own else ""
            click.echo(printable(f"{place}  a record's {_listed(columns)}{whose}  {score(told.match):.2f}"))
    if not as_json:
        click.echo(f"{len(found)} record{'' if len(found) == 1 else 's'}")
    sys.exit(1 if any(not told.own for told in found) else 0)


def _opened(table: Path, key_file: Path | None) -> "Table":
    from dlp_gateway.detect.edm.table import open_table

    return open_table(table, key_file or table.with_suffix(".key"), whole=True)


def _tested(table: "Table", raw: bytes, recipients: tuple[str, ...], *, mail: bool) -> "list[Told]":
    from dlp_gateway.content.text import Text
    from dlp_gateway.detect.edm.detector import found_in, told_apart
    from dlp_gateway.detect.edm.matching import Matcher
    from dlp_gateway.detect.registry import Recipe
    from dlp_gateway.inspection.examination import read

    texts = (
        read(Recipe(inside=()), [raw])[0].texts
        if mail
        else (Text(where="text", text=raw.decode("utf-8-sig", "replace")),)
    )
    matcher = Matcher(table)
    return told_apart(found_in(matcher, texts), matcher, recipients)


def _told(header: "Header") -> dict[str, Any]:
    return {
        "built": header.built.isoformat(),
        "source": header.source,
        "key": header.key,
        "columns_id": header.spec_id,
        "records": header.records,
        "values": header.values,
        "columns": dict(header.spec.columns),
        "left_out": header.left_out,
    }


def _print_built(built: "Built", source: Path, target: Path, key_file: Path) -> None:
    header = built.header
    size = target.stat().st_size
    counted = f"{built.rows} rows, {header.records} distinct records, {header.values} values, {size / 1e6:.1f} MB"
    click.secho(printable(f"{target}: {counted}", 5000), fg="green")
    _print_left_out(header)
    for name, (line, column) in built.first.items():
        click.echo(printable(f"  {source}:{line}:{column}: the first cell of {name} that is not usable", 5000))
    for form, share in _weak(header):
        click.echo(f"  {form}: of all numbers of this shape {share:.1%} are yours; alone one is of little confidence")
    click.echo(
        printable(
            f"Key: {key_file}. Name the table in policy.yaml, and reload: edm: {{{target.stem}: {target.absolute()}}}",
            5000,
        )
    )
    if os.geteuid() == 0 and target.stat().st_uid == 0:
        click.echo(
            printable(f"Only root may read them: chown USER {target} {key_file}, USER runs the gateway.", 10_000)
        )
    click.echo(printable(f"{source} holds all values in plain: keep it elsewhere, or delete it.", 5000))


def _print_left_out(header: "Header") -> None:
    for name, counts in header.left_out.items():
        click.echo(printable(f"  left out of {name}: {', '.join(f'{count} {why}' for why, count in counts.items())}"))


def _weak(header: "Header") -> list[tuple[str, float]]:
    """Return the shapes of which chance finds many, if a code is enough alone."""
    from dlp_gateway.detect.edm.values import room

    spec = header.spec
    alone = any(spec.columns[name] in {"code", "digits"} for one in spec.enough if one.count == 1 for name in one.of)
    shares = [(form, min(1.0, count / room(form))) for form, count in header.shapes.items()]
    return sorted((one for one in shares if one[1] > _WEAK), key=lambda one: -one[1])[:5] if alone else []


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
