"""`dlp-gateway healthcheck`: ask the running gateway's /readyz."""

import sys

import click

from dlp_gateway.cli import options


@click.command("healthcheck")
@options.config
@options.as_json
def command(config_path: str | None, as_json: bool) -> None:  # noqa: FBT001  click passes flags by name
    """Exit 0 if the running gateway is ready to take mail, 1 if it is not.

    Asks /readyz at the admin address of the configuration, as a load balancer or a container engine would.
    """
    from dlp_gateway.console.health import ask

    with options.problems_shown(as_json=as_json):
        address = options.loaded(config_path).admin.address
    ready, report = ask(address.host, address.port)
    if as_json:
        options.print_json({"ready": ready, **report})
    else:
        click.echo("ready" if ready else "not ready: " + ", ".join(f"{name} {word}" for name, word in report.items()))
    sys.exit(0 if ready else 1)
