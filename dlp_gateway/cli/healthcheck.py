"""`dlp-gateway healthcheck`: ask the running gateway's /readyz."""

import json
import sys

import click

from dlp_gateway.cli import options
from dlp_gateway.mail.reply import printable


@click.command("healthcheck")
@options.config
@options.as_json
def command(*, config_path: str | None, as_json: bool) -> None:
    """Exit 0 if the running gateway is ready to take mail, 1 if it is not.

    Asks /readyz at the admin address of the configuration, as a load balancer or a container engine would.
    """
    from dlp_gateway.console.server import healthcheck

    with options.problems_shown(as_json=as_json):
        address = options.loaded(config_path).admin.address
    ready, report = healthcheck(f"http://{address}/readyz")
    mode = ""
    try:
        answer = json.loads(report)
        told, mode = answer["checks"], str(answer.get("mode", ""))
    except (ValueError, KeyError, TypeError):
        told = {"gateway": f"does not answer at {address} ({printable(report, 80)})"}
    if as_json:
        options.print_json({"ready": ready, "checks": told, **({"mode": mode} if mode else {})})
    else:
        click.echo("ready" if ready else "not ready: " + "; ".join(f"{name}: {word}" for name, word in told.items()))
        if mode == "observe":
            click.echo("policy.yaml says `mode: observe`: nothing is held or changed.")
    sys.exit(0 if ready else 1)
