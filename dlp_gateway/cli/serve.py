"""`dlp-gateway serve`: run the gateway in the foreground."""

import sys

import click

from dlp_gateway.cli import options


@click.command("serve")
@options.config
def command(config_path: str | None) -> None:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C.

    It starts one receiver for each core, delivers what is due from custody, and serves /metrics, /livez and /readyz.
    SIGHUP reads policy and configuration again; a file with problems leaves the old rules in force. Logs go to
    standard error. Exit status 78: the configuration is wrong, every problem was printed.
    """
    from dlp_gateway.processes.supervisor import run

    with options.problems_shown():
        sys.exit(run(options.found_config(config_path)))
