"""`dlp-gateway rules`: rule packs and their cases."""

import sys
from pathlib import Path

import click

from dlp_gateway.cli import options


@click.group("rules")
def command() -> None:
    """Test rule packs against their cases."""


@command.command("test")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--verbose", "-v", is_flag=True, help="Print every case, not only those that failed.")
@options.as_json
def test(folder: Path | None, verbose: bool, as_json: bool) -> None:  # noqa: FBT001  click passes flags by name
    """Run every case of the packs in FOLDER; without FOLDER those of the built-in packs.

    A case says what a rule must find and what it must leave alone, or holds a whole mail with its envelope, the verdict
    that is expected, and the mail as it must leave. Exits 1 if a case fails, 78 if a file cannot be used.
    """
    from dlp_gateway import packs
    from dlp_gateway.policy.cases import check_folder
    from dlp_gateway.processes import composition

    passed = failed = 0
    with options.problems_shown(as_json=as_json):
        for result in check_folder(folder or packs.builtin(), composition.inspect, builtin=packs.builtin()):
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
