"""`dlp-gateway serve`: run the gateway in the foreground."""

import sys

import click

from dlp_gateway.cli import options
from dlp_gateway.errors import EX_CONFIG


@click.command("serve")
@options.config
def command(config_path: str | None) -> None:
    """Run the gateway in the foreground until SIGTERM or Ctrl-C.

    It starts one receiver for each core, delivers what is due from custody, and serves /metrics, /livez and /readyz.
    SIGHUP reads policy and configuration again; a file with problems leaves the old rules in force. Logs go to
    standard error. Exit status 78: the configuration, the key or a limit of the system's is wrong, a restart will not
    help; 69: something that it needs cannot be used now, such as the database or an address that another program
    listens on.
    """
    newborn = options.newborn()
    from dlp_gateway.processes.supervisor import StartError, run
    from quarantine.store import StoreError, StoreKeyError

    with options.problems_shown(starting=True):
        try:
            run(options.found_config(config_path), newborn)
        except StoreKeyError as error:
            click.secho(str(error), fg="red", err=True)
            sys.exit(EX_CONFIG)
        except StoreError as error:
            options.unavailable(f"Custody cannot be used: {error}")
        except StartError as error:
            options.unavailable(str(error))
