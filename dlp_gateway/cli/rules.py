"""`dlp-gateway rules`: rule packs and their cases."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlp_gateway.cli import options, streams

if TYPE_CHECKING:
    from dlp_gateway.policy.cases import CaseResult


@click.group("rules")
def command() -> None:
    """Test rule packs against their cases."""


@command.command("test")
@click.argument("folder", type=click.Path(path_type=Path), callback=streams.existing_folder, required=False)
@click.option("--verbose", "-v", is_flag=True, help="Print every case, not only those that failed.")
@options.as_json
def test(*, folder: Path | None, verbose: bool, as_json: bool) -> None:
    """Run every case of the packs in FOLDER, or of the pack FOLDER; without it those of the built-in packs.

    A case says what a rule must find and what it must leave alone, or holds a whole mail with its envelope, the verdict
    that is expected, and the mail as it must leave. Exits 1 if a case fails, 78 if a file cannot be used.

    \b
    Examples:
      dlp-gateway rules test
      dlp-gateway rules test /etc/dlp-gateway/packs/ours --verbose
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    passed = failed = 0
    with options.problems_shown(as_json=as_json):
        for result in _results(folder):
            passed, failed = passed + result.passed, failed + (not result.passed)
            if as_json:
                options.print_json({"case": result.case, "passed": result.passed, "problem": result.problem})
            elif not result.passed:
                click.secho(f"FAILED {result.case}: {result.problem}", fg="red")
            elif verbose:
                click.echo(f"ok {result.case}")
    if not as_json:
        click.secho(f"{passed} passed, {failed} failed", fg="red" if failed else "green")
    sys.exit(1 if failed or not passed else 0)


def _results(folder: Path | None) -> "Iterator[CaseResult]":
    """Yield the outcome of every case: those of policy and whole mails first, then those of detection."""
    from dlp_gateway import packs
    from dlp_gateway.policy.cases import check_folder
    from dlp_gateway.processes import policies

    builtin = packs.builtin()
    tested = folder.absolute() if folder else builtin
    yield from check_folder(tested, policies.inspect, builtin=builtin, kinds=policies.known_kinds())
    yield from _detection_results(tested, builtin)


def _detection_results(folder: Path, builtin: Path) -> "Iterator[CaseResult]":
    """Yield the outcome of every file of cases beside a rule of detection, together with the built-in rules."""
    from dlp_gateway.detect.identifier_cases import results
    from dlp_gateway.detect.identifier_rules import load_rules
    from dlp_gateway.policy import pack
    from dlp_gateway.policy.cases import CaseResult

    shelf, names = (folder.parent, (folder.name,)) if (folder / "pack.yaml").is_file() else (folder, pack.names(folder))
    own = () if shelf == builtin else tuple(shelf / name for name in names)
    for path, problems in results(load_rules(builtin, own), folder):
        told = " ".join(f"line {one.line}: {one.message}" if one.line else one.message for one in problems)
        yield CaseResult(case=str(path.relative_to(shelf)), problem=told)
