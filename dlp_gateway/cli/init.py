"""`dlp-gateway init`: the first gateway.yaml and policy.yaml, commented, in observe mode."""

import grp
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from dlp_gateway.cli import options, streams, values
from dlp_gateway.cli.first_files import Answers, NextHop, Sender, gateway_yaml, policy_yaml, smarthost_at

_GROUP: Final = "dlp-gateway"  # that of the user in deploy/systemd
_ETC: Final = Path("/etc")


def _many(take: Any) -> Any:  # noqa: ANN401  click's callbacks have no public type
    return lambda _context, _option, given: tuple(take(one) for one in given)


def _one(take: Any) -> Any:  # noqa: ANN401  click's callbacks have no public type
    return lambda _context, _option, given: None if given is None else take(given)


@click.command("init")
@click.option("--guided", is_flag=True, help="Ask for everything, in plain questions.")
@click.option("--folder", metavar="DIR", default=".", show_default=True, help="Where the files go; made if need be.")
@click.option(
    "--inside",
    metavar="DOMAIN",
    multiple=True,
    callback=_many(values.own_domain),
    help="A mail domain of yours; repeat. [default: that of this machine's name]",
)
@click.option(
    "--smarthost",
    metavar="HOST[:PORT]",
    callback=_one(values.mail_server),
    help="The next mail server, port 25 if untold.",
)
@click.option(
    "--listen",
    metavar="ADDRESS:PORT",
    default="127.0.0.1:2525",
    show_default=True,
    callback=_one(values.socket_address),
    help="Where mail comes in.",
)
@click.option(
    "--network",
    "networks",
    metavar="NETWORK",
    multiple=True,
    callback=lambda _context, _option, given: values.own_networks(tuple(map(values.network, given))),
    help="Hosts that may send; repeat. [default: 127.0.0.0/8, this machine only]",
)
@click.option(
    "--hostname",
    metavar="NAME",
    callback=_one(values.host_name),
    help="The gateway's full name. [default: this machine's]",
)
@click.option(
    "--reviewer",
    "reviewers",
    metavar="ADDRESS",
    multiple=True,
    callback=_many(values.mail_address),
    help="Who is told by mail what waits for a decision; an address of yours; repeat.",
)
@click.option("--schema", is_flag=True, help="Put the JSON Schemas beside the files, for editors.")
def command(
    *,
    guided: bool,
    folder: str,
    inside: tuple[str, ...],
    smarthost: tuple[str, int] | None,
    listen: str,
    networks: tuple[str, ...],
    hostname: str | None,
    reviewers: tuple[str, ...],
    schema: bool,
) -> None:
    """Write gateway.yaml and policy.yaml, with every setting worth knowing and its default in a comment.

    The policy starts with `mode: observe`: everything is counted and written down, and nothing is held or changed until
    you write `mode: enforce`. A file that is there is never overwritten. What was not told is taken from this machine,
    where it can be; --guided asks for it instead, checks each answer, and tries the smarthost if it may.

    \b
    Examples:
      dlp-gateway init --guided --folder /etc/dlp-gateway
      dlp-gateway init --inside corp.example --smarthost mail.example.net:25 \\
          --listen 10.0.0.25:25 --network 10.0.0.0/24
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway.cli import interview, surroundings

    place = Path(folder).absolute()
    _refuse_existing(place)
    name = hostname or surroundings.hostname()
    guess = surroundings.own_domain(name)
    database, key_file = _places(place)
    answers = Answers(
        inside=inside or ((guess,) if guess else ()),
        next_hop=smarthost_at(*smarthost) if smarthost else NextHop(host=""),
        address=listen,
        networks=networks or ("127.0.0.0/8",),
        hostname=name,
        reviewers=reviewers,
        local_networks=surroundings.networks(),
        schemas=schema,
        database=database,
        key_file=key_file,
    )
    files: dict[str, str] = {}
    if guided:
        answers, files = interview.ask(answers, place)
    elif not answers.inside:
        raise click.UsageError("This machine's name tells no mail domain; name yours with --inside, or use --guided.")
    elif not answers.next_hop.host:
        raise click.UsageError("Name the next mail server with --smarthost, or use --guided.")
    for reviewer in answers.reviewers:
        values.colleague(answers.inside, reviewer)
    with options.problems_shown():
        written = _write(place, answers, files)
    _say(place, answers, written, guessed=not inside and not guided)


def _refuse_existing(place: Path) -> None:
    for name in ("gateway.yaml", "policy.yaml"):
        if (place / name).exists():
            raise streams.FileError(place / name, "it exists, and init overwrites nothing; name another --folder")


def _places(place: Path) -> tuple[str, str]:
    """Return where custody and its key go: where systemd's unit makes folders for them, or beside the files."""
    if place.is_relative_to(_ETC):
        return "sqlite:////var/lib/dlp-gateway/custody.db", "/var/lib/dlp-gateway-key/custody.key"
    return "sqlite:///custody/custody.db", "keys/custody.key"


def _write(place: Path, answers: Answers, files: dict[str, str]) -> list[Path]:
    """Write all files, or none if the two have problems; return what was made. `files` hold secrets, one each."""
    from dlp_gateway import document, packs
    from dlp_gateway.policy import load
    from dlp_gateway.processes import policies
    from dlp_gateway.settings import Settings

    texts = {"gateway.yaml": gateway_yaml(answers), "policy.yaml": policy_yaml(answers)}
    settings = document.parse(texts["gateway.yaml"], Settings, str(place / "gateway.yaml"))
    load.parse(texts["policy.yaml"], str(place / "policy.yaml"), builtin=packs.builtin(), kinds=policies.known_kinds())
    if answers.schemas:
        from dlp_gateway.cli import schema

        texts |= {f"{name}.schema.json": schema.text(name) for name in schema.NAMES}
    made: list[Path] = []
    with _all_or_none(made), streams.told_of(place):
        place.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not place.is_relative_to(_ETC):
            for below in (
                settings.custody.key_file.parent,
                Path(settings.custody.url.removeprefix("sqlite:///")).parent,
            ):
                below.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, text in texts.items():
            _make(place / name, text, 0o640, made)
        for name, secret in files.items():
            _make(place / name, f"{secret}\n" if secret else "", 0o600, made)
    return made


@contextmanager
def _all_or_none(made: list[Path]) -> Iterator[None]:
    """Take back the files `made` if one cannot be written: whoever tries again would find them in the way."""
    try:
        yield
    except streams.FileError:
        for path in made:
            path.unlink(missing_ok=True)
        raise


def _make(path: Path, text: str, mode: int, made: list[Path]) -> None:
    """Make a file that was not there; as root it is given to the group of the gateway's user, who must read it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    made.append(path)
    with streams.told_of(path), os.fdopen(descriptor, "w", encoding="utf-8") as file:
        if os.geteuid() == 0:
            try:
                os.fchown(descriptor, 0, grp.getgrnam(_GROUP).gr_gid)
                mode |= 0o040
            except KeyError:  # no such group: nothing secret stands in a file that is no password
                mode |= 0o004 if mode == 0o640 else 0
        os.fchmod(descriptor, mode)
        file.write(text)


def _say(place: Path, answers: Answers, written: list[Path], *, guessed: bool) -> None:
    """Say what was written, that nothing is held yet, and what comes next."""
    for path in written:
        click.echo(f"Wrote {path}")
    if guessed:
        click.echo(f"Inside is {', '.join(answers.inside)}, from this machine's name: look whether that is right.")
    click.secho("\nThe policy says `mode: observe`: everything is counted, NOTHING is held or changed.", fg="yellow")
    click.echo("When you have seen enough, write `mode: enforce` in policy.yaml and reload.\n")
    found = place in {Path.cwd(), _ETC / "dlp-gateway"}
    config = "" if found else f" --config {place / 'gateway.yaml'}"
    start = "systemctl enable --now dlp-gateway" if place.is_relative_to(_ETC) else f"dlp-gateway serve{config}"
    click.secho("Next:", bold=True)
    users = f"dlp-gateway users add NAME{config}"
    for line, why in (
        *(((users, "add those who may log in"),) if answers.sender is Sender.LOGINS else ()),
        (f"dlp-gateway check --live{config}", "is everything there that it needs?"),
        (start, "start it"),
        (f"dlp-gateway send-test{config} --to YOU", "see what each rule does; YOU: an address of yours outside"),
    ):
        click.echo(f"  {line}\n      {why}")
