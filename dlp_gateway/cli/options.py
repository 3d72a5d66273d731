"""Options that commands share, and how they end: printing JSON, problems of a configuration, what cannot be used."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from dlp_gateway.errors import EX_CONFIG, ConfigurationError
from dlp_gateway.mail.reply import printable

if TYPE_CHECKING:
    from dlp_gateway.inspection.fork_server import Newborn

_LONGEST: Final = 5000  # characters of a sentence; a path may have 4096
EX_UNAVAILABLE: Final = 69  # sysexits.h: something that the command needs cannot be used

config: Final = click.option(
    "--config",
    "config_path",
    metavar="FILE",
    help="gateway.yaml to use [default: $DLP_GATEWAY_CONFIG, ./gateway.yaml, /etc/dlp-gateway/gateway.yaml].",
)

as_json: Final = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")


def print_json(value: object) -> None:
    """Print one object on one line; what is not ASCII is escaped, so no control character reaches a terminal."""
    click.echo(json.dumps(value, ensure_ascii=True, default=str))


def unavailable(message: str) -> NoReturn:
    """End with status 69 and a sentence."""
    click.secho(printable(message, _LONGEST), fg="red", err=True)
    sys.exit(EX_UNAVAILABLE)


@contextmanager
def problems_shown(*, as_json: bool = False, starting: bool = False) -> Iterator[None]:
    """Turn a `ConfigurationError` into its list of problems and exit status 78; `starting`: say that nothing runs."""
    try:
        yield
    except ConfigurationError as error:
        for problem in error.problems:
            if as_json:
                place = {"file": problem.source, "line": problem.line, "column": problem.column}
                print_json({"problem": problem.message, **place})
            else:
                click.secho(printable(str(problem), _LONGEST), fg="red", err=True)
        count = len(error.problems)
        if not as_json:
            end = "; nothing was started." if starting else "."
            click.echo(f"{count} problem{'s' if count != 1 else ''} found{end}", err=True)
        sys.exit(EX_CONFIG)


def newborn() -> "Newborn":
    """Fork a fork server from this process, when both have loaded what they share: before anything else is done."""
    from dlp_gateway.inspection.fork_server import ONE_THREAD

    os.environ.update(ONE_THREAD)  # read when NumPy is imported
    from dlp_gateway.processes import forking, supervisor  # noqa: F401 - the supervisor is what is shared

    return forking.newborn()


def found_config(path: str | None) -> Path:
    """Return the gateway.yaml to use; raises `ConfigurationError` naming every place that was tried."""
    from dlp_gateway import settings

    return settings.find(path, os.environ)


def loaded(path: str | None) -> Any:  # noqa: ANN401  Settings, imported late
    """Return the `Settings` of the gateway.yaml to use."""
    from dlp_gateway import settings

    return settings.load(found_config(path))


Command = Callable[..., None]
