"""The command line. Each command is a module of its own, imported only when it is called: it starts in under 0.3 s.

Exit statuses: 0 done · 1 done, and the answer is no (a case failed, a message came out wrong, not healthy, no such
item) · 2 wrong usage, or a file that cannot be read or written · 69 something that the command needs cannot be used now
(custody, gateway) · 74 standard input or output failed · 78 the configuration is wrong; every problem was printed as
file:line:column.
"""

from importlib import import_module
from typing import Any, Final

import click

from dlp_gateway import __version__
from dlp_gateway.cli import streams
from dlp_gateway.processes import cores

_COMMANDS: Final = {
    "demo": "See it work: send sample mails through a gateway of its own, and look at what came out.",
    "init": "Write the first gateway.yaml and policy.yaml, commented, in observe mode.",
    "check": "Find every problem in both files, try what they need, and print the rules in force in sentences.",
    "serve": "Run the gateway: receive, inspect, forward or hold, deliver.",
    "send-test": "Send a sample of each rule through the running gateway, and show what came out.",
    "scan": "Say what would become of one message, and write it as it would leave.",
    "simulate": "Say what another policy would have done with mail that passed, or that lies in folders.",
    "detect": "Find identifiers in texts (JSON lines in, JSON lines out).",
    "rules": "Test rule packs against their cases.",
    "edm": "Make tables of your own records, by which their data are found in mails (exact data match).",
    "quarantine": "List, show, release, discard and export mail in custody.",
    "users": "Add, list and remove those who may log in, and set their passwords.",
    "healthcheck": "Exit 0 if the running gateway is ready.",
    "doctor": "Tell what a support engineer would ask for, without secrets and addresses.",
    "schema": "Print the JSON Schema of gateway.yaml or policy.yaml, for editors.",
    "completion": "Print the completion script of a shell.",
    "man": "Print or write manual pages.",
}


class _Commands(click.Group):
    """Commands that are imported when they are called, and listed without being imported."""

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  click's signature
        with streams.failures_told():
            return super().main(*args, **kwargs)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:  # click looks for the likes of it among commands that are imported
            raise click.NoSuchCommand(error.command_name, possibilities=_COMMANDS, ctx=ctx) from None

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"dlp_gateway.cli.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.command(
    cls=_Commands,
    epilog="Start with `dlp-gateway demo`, then `dlp-gateway init --guided`. Exit statuses: 0 yes, 1 no, 2 wrong "
    "usage or file, 69 cannot be used now, 74 standard input or output failed, 78 wrong configuration.",
)
@click.version_option(__version__, prog_name="dlp-gateway")
@click.pass_context
def main(context: click.Context) -> None:
    """An outbound mail proxy that keeps personal data and recipient lists from leaking by mail.

    Mail clients and mail servers send through it as their smarthost. It reads each mail, and by policy forwards it,
    hides outsiders from each other, holds it for a reviewer or refuses it.
    """
    cores.refuse()
    if streams.is_plain():
        context.color = False
