"""`dlp-gateway doctor`: what a support engineer would ask for, without secrets."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from dlp_gateway.cli import options, streams
from dlp_gateway.errors import ConfigurationError
from dlp_gateway.mail.reply import printable


@click.command("doctor")
@options.config
@click.option(
    "--log", "log_file", metavar="FILE", help="Add the last errors of this log (`-`: standard input, from journalctl)."
)
@click.option("--out", metavar="FILE", help="Write it to a file (mode 600, never over a file that is there).")
@options.as_json
def command(*, config_path: str | None, log_file: str | None, out: str | None, as_json: bool) -> None:
    """Tell what a support engineer would ask for: versions, system, configuration, checks, and how the gateway is.

    Host names, networks, domains and paths stay readable. The local parts of addresses, logins, passwords and keys do
    not appear, nor does anything of a mail: you may send the report to somebody. Read it first all the same.

    \b
    Examples:
      dlp-gateway doctor
      journalctl -u dlp-gateway -o cat -n 20000 | dlp-gateway doctor --log - --json --out report.json
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway.checks.support import report
    from dlp_gateway.observe import log

    log.configure("error", "console")
    path: Path | None = None
    missing: ConfigurationError | None = None
    try:
        path = options.found_config(config_path)
    except ConfigurationError as error:
        missing = error
    told = asyncio.run(report(path, missing))
    if log_file is not None:
        from dlp_gateway.checks.logged import troubles

        with streams.opened(log_file) as stream:
            told["log"] = troubles(stream)
    text = json.dumps(told, ensure_ascii=True, default=str) if as_json else "\n".join(_lines(told))
    if out is None:
        click.echo(text)
        return
    streams.write_bytes(out, f"{text}\n".encode())
    click.echo(printable(f"Wrote {out}. Read it before you send it.", 5000))


def _lines(value: Any, indent: int = 0) -> Iterator[str]:  # noqa: ANN401  what JSON may hold
    """Yield nested values for reading: a key each line, what is below it further in."""
    margin = "  " * indent
    for name, below in value.items() if isinstance(value, dict) else enumerate(value, 1):
        key = f"{margin}{printable(str(name))}:" if isinstance(value, dict) else f"{margin}-"
        match below:
            case dict() | list() if below:
                if indent == 0:
                    yield ""
                yield key
                yield from _lines(below, indent + 1)
            case dict() | list() | None:
                yield f"{key} none"
            case _:
                yield f"{key} {printable(str(below), 10_000)}"
