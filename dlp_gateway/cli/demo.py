"""`dlp-gateway demo`: a gateway of its own, sample mails through its real listener, and what came out of them."""

import asyncio
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from dlp_gateway.cli import options, streams

if TYPE_CHECKING:
    from dlp_gateway.cli.samples import Sample
    from dlp_gateway.cli.trial import Trial
    from dlp_gateway.inspection.fork_server import Newborn

_FOLDER: Final = "dlp-gateway-demo"
_MARK: Final = ".dlp-gateway-demo"  # only a folder with this file in it is emptied

_GATEWAY_YAML: Final = """\
# Written by `dlp-gateway demo`. A real one looks the same; docs/operating.md tells every key.
listeners:
  - {{address: "127.0.0.1:{listener}", tls: none, auth: none, networks: [127.0.0.0/8]}}
smarthost: {{host: 127.0.0.1, port: {smarthost}, tls: none}}
custody: {{url: "sqlite:///custody.db", key_file: custody.key, keep: 30d}}
journal: {{keep: 90d}}
admin: {{address: "127.0.0.1:{admin}"}}
limits: {{message_size: 50MB}}
hostname: gateway.corp.example
policy: policy.yaml
"""

_POLICY_YAML: Final = """\
# Written by `dlp-gateway demo`. `packs` is left out, so all built-in packs apply with their defaults.
version: 1
inside: [corp.example, "*.corp.example"]
"""


@click.command("demo")
@click.option("--once", is_flag=True, help="Use free ports, end after the table; exit 0 only if all came out right.")
@click.option(
    "--folder",
    metavar="DIR",
    help="Where configuration, custody and received mail go. [default: dlp-gateway-demo; with --once none stays]",
)
def command(*, once: bool, folder: str | None) -> None:
    """See it work: no configuration, no mail server, nothing outside this machine.

    Starts a gateway and a next mail server behind it, sends sample mails through the gateway over SMTP, and shows for
    each what went in, what the verdict was and why, and what came out: To and Cc as each recipient now sees them. Then
    it stays up for you to try, until Ctrl-C.
    """
    with options.problems_shown(starting=True), _folder(folder, once=once) as place:
        sys.exit(asyncio.run(_demo(place, options.newborn(), once=once)))


@contextmanager
def _folder(given: str | None, *, once: bool) -> Iterator[Path]:
    """Give an empty folder: one that stays to be looked at, or for --once, if none was named, goes with the process."""
    if once and given is None:
        with tempfile.TemporaryDirectory(prefix="dlp-gateway-demo-") as made:
            yield Path(made)
        return
    place = Path(given or _FOLDER)
    if place.exists() and not (place / _MARK).exists():
        raise streams.FileError(place, "it exists and is not a demo's folder; name another one with --folder")
    shutil.rmtree(place, ignore_errors=True)
    with streams.told_of(place):
        place.mkdir(mode=0o700, parents=True)
        (place / _MARK).touch()
    yield place.absolute()


async def _demo(place: Path, newborn: "Newborn", *, once: bool) -> int:
    """Run the whole demo; return the exit status."""
    from dlp_gateway.cli import trial
    from dlp_gateway.cli.samples import samples
    from dlp_gateway.observe import instruments, log
    from dlp_gateway.processes import policies, review
    from dlp_gateway.processes.ceiling import require_file_size
    from dlp_gateway.processes.supervisor import StartError, Supervisor
    from dlp_gateway.smtp.maildrop import Maildrop
    from quarantine.store import StoreError

    require_file_size()
    counted = instruments.prepare()
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, counted, ignore_errors=True)
        maildrop = Maildrop(place / "received")
        smarthost = await maildrop.start("127.0.0.1", _port(0 if once else 2526))
        stack.push_async_callback(maildrop.stop)
        listener, admin = _port(0 if once else 2525), _port(0 if once else 8025)
        config = place / "gateway.yaml"
        config.write_text(_GATEWAY_YAML.format(listener=listener, smarthost=smarthost, admin=admin), encoding="utf-8")
        (place / "policy.yaml").write_text(_POLICY_YAML, encoding="utf-8")
        settings, policy = policies.load(config)
        logged = stack.enter_context((place / "gateway.log").open("w", encoding="utf-8"))
        log.configure("info", "json", logged)
        supervisor = Supervisor(config, settings, policy, errors=logged, newborn=newborn)
        try:
            async with supervisor.running():
                journal = await review.journal(settings)
                try:
                    trials = await trial.run(samples(), listener, journal, place / "received", _tell(once=once))
                finally:
                    await journal.close()
                _show(trials)
                if not once:
                    _say_what_next(config, listener, smarthost, admin)
                    await supervisor.stopped()
                    click.echo("Stopped. The folder stays; the next demo empties it.")
        except (StartError, StoreError) as error:
            options.unavailable(str(error))
    return 1 if once and any(one.problem for one in trials) else 0


def _tell(*, once: bool) -> "Callable[[Sample], None]":
    """Return what says which sample is being sent: on a terminal only, a line that the next one overwrites."""

    def tell(sample: "Sample") -> None:
        if streams.on_terminal(sys.stderr) and not once:
            click.echo(f"\r\033[Ksending: {sample.story}", nl=False, err=True)

    return tell


def _show(trials: "tuple[Trial, ...]") -> None:
    """Print the table: what went in, the verdict and why, what came out."""
    from rich.markup import escape
    from rich.table import Table

    colours = {"forward": "green", "rewrite": "yellow", "hold": "red"}
    table = Table(title="What the gateway did", title_justify="left", show_lines=True)
    for heading in ("went in", "verdict", "why", "came out"):
        table.add_column(heading, overflow="fold")
    for one in trials:
        label = one.entry.disposition.label if one.entry else "?"
        colour = colours.get(label, "red")
        verdict = f"[{colour}]{label}[/]" + (f"\n[bold red]WRONG: {escape(one.problem)}[/]" if one.problem else "")
        why = ", ".join(one.entry.reasons) if one.entry else ""
        table.add_row(escape(_went_in(one)), verdict, escape(why or "nothing found"), escape(_came_out(one)))
    console = streams.console()
    console.print(table)
    wrong = sum(bool(one.problem) for one in trials)
    console.print(f"[red]{wrong} came out wrong.[/]" if wrong else "[green]Every mail came out as it should.[/]")


def _went_in(one: "Trial") -> str:
    from dlp_gateway.mail.parse import parse

    fields = _fields(parse(one.sample.content).visible)
    return f"{one.sample.story}\n{fields}"


def _came_out(one: "Trial") -> str:
    """Say which recipients got a copy and what To and Cc they see; recipients who see the same share a line."""
    if not one.copies:
        return f"nothing; in custody\n(the client was told: {one.reply})"
    views: dict[str, list[str]] = {}
    for recipient, copy in one.copies:
        views.setdefault(_fields(copy.visible), []).append(recipient)
    lines = []
    for view, readers in views.items():
        who = readers[0] if len(readers) == 1 else f"each of {len(readers)} recipients"
        lines.append(f"{who} sees\n{view or '(no To or Cc)'}")
    return "\n".join(lines)


def _fields(visible: "tuple[object, ...]") -> str:
    """Return To and Cc in short."""
    lines = []
    for name in ("To", "Cc"):
        addresses = [str(getattr(one, "address", "")) for one in visible if getattr(one, "field", "") == name]
        if addresses:
            more = f" and {len(addresses) - 2} more" if len(addresses) > 3 else ""
            lines.append(f"{name}: {', '.join(addresses[: 2 if more else 3])}{more}")
    return "\n".join(lines)


def _say_what_next(config: Path, listener: int, smarthost: int, admin: int) -> None:
    """Say what to try while it is up."""
    command_line = f"dlp-gateway quarantine {{}} --config {_short(config)}"
    click.echo()
    click.secho("The gateway is up. Try, in another terminal:", bold=True)
    for what, line in (
        (
            "send a mail through it",
            f"swaks --server 127.0.0.1:{listener} --from you@corp.example --to me@bakery.example",
        ),
        ("see what is held", command_line.format("list")),
        ("look at one", command_line.format("show") + " ID"),
        ("let it go", command_line.format("release") + " ID"),
        ("see its metrics", f"curl http://127.0.0.1:{admin}/metrics"),
        ("read what was delivered", f"ls {_short(config.parent / 'received' / 'new')}"),
    ):
        click.echo(f"  {what + ':':<26}{line}")
    click.echo(f"\nListener 127.0.0.1:{listener}, next mail server 127.0.0.1:{smarthost}. Ctrl-C stops everything.")


def _short(path: Path) -> str:
    """Return the path relative to here, if it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _port(wanted: int) -> int:
    """Return `wanted` if nobody listens there, else a free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise click.ClickException("There is no free port on 127.0.0.1.")
