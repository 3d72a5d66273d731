"""`dlp-gateway init --guided`: plain questions with a sensible answer each, checked as soon as they are answered."""

import asyncio
import os
import re
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, assert_never

import click

from dlp_gateway.cli import values
from dlp_gateway.cli.first_files import (
    GOOGLE_FIELD,
    GOOGLE_FILE,
    GUARDED,
    SERVICES,
    USERS_FILE,
    Answers,
    NextHop,
    Sender,
    gateway_yaml,
    smarthost_at,
)
from dlp_gateway.mail.reply import printable

PASSWORD_FILE: Final = "smarthost-password"  # noqa: S105  the name of a file

_SENDERS: Final = {
    Sender.POSTFIX: "a Postfix, or another mail server on Linux, that has us as its relayhost",
    Sender.EXCHANGE: "an Exchange server, by a send connector",
    Sender.CLIENTS: "mail clients, devices and programs in our own networks, without login",
    Sender.LOGINS: "mail clients that log in with a password",
    Sender.MICROSOFT: "Microsoft 365",
    Sender.GOOGLE: "Google Workspace",
}
_USUAL: Final = {
    Sender.LOGINS: "0.0.0.0:587",
    Sender.MICROSOFT: "0.0.0.0:25",
    Sender.GOOGLE: "0.0.0.0:25",
}
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def ask(known: Answers, place: Path) -> tuple[Answers, dict[str, str]]:
    """Return what was answered, and by name what belongs into files of its own, such as the smarthost's password.

    `known` has what was told or can be guessed.
    """
    click.echo("Press Enter to take what stands in [ ]. Nothing is written before the last answer.\n")
    inside = _inside(known)
    partners = _question(
        "Partners: domains whose people may be seen together with yours (empty: none)",
        " ".join(known.partners),
        values.none_or(values.several(values.domain)),
    )
    sender = _sender(known.sender)
    answers = replace(known, inside=inside, partners=tuple(partners), sender=sender)
    answers, files = _way_in(answers)
    next_hop, password = _way_out(answers, place)
    reviewers = _question(
        "\nReviewers: addresses of yours that are told by mail what waits for a decision (empty: none)",
        " ".join(known.reviewers),
        values.none_or(values.several(partial(values.colleague, inside))),
    )
    answers = replace(answers, next_hop=next_hop, reviewers=tuple(reviewers))
    return answers, files | ({PASSWORD_FILE: password} if password else {})


def _question(text: str, default: str, take: Callable[[str], Any]) -> Any:  # noqa: ANN401  what `take` returns
    """Ask until `take` accepts; what is wrong is said at once."""
    return click.prompt(text, default=default, value_proc=take, show_default=bool(default))


def _inside(known: Answers) -> tuple[str, ...]:
    found: tuple[str, ...] = _question(
        "Your own mail domains (several: with blanks)", " ".join(known.inside), values.several(values.own_domain)
    )
    bare = [name for name in found if not name.startswith("*.") and f"*.{name}" not in found]
    if bare and click.confirm(f"Are all subdomains of {', '.join(bare)} yours as well?", default=True):
        found = (*found, *(f"*.{name}" for name in bare))
    return found


def _sender(default: Sender) -> Sender:
    click.echo("\nWho sends through the gateway?")
    for number, text in enumerate(_SENDERS.values(), 1):
        click.echo(f"  {number}  {text}")
    numbers = [str(number) for number in range(1, len(_SENDERS) + 1)]
    chosen = click.prompt("Number", type=click.Choice(numbers), default=str(list(_SENDERS).index(default) + 1))
    return list(_SENDERS)[int(chosen) - 1]


def _way_in(answers: Answers) -> tuple[Answers, dict[str, str]]:
    """Ask where mail comes in, from whom, and with which certificate; return also what goes into files of its own."""
    click.echo()
    sender = answers.sender
    default = _USUAL.get(sender, answers.address)
    address = _question("Listen on (IP address and port)", default, values.socket_address)
    hostname = _question("The gateway's own full name", answers.hostname, values.host_name)
    answers = _certified(replace(answers, address=address, hostname=hostname))
    match sender:
        case Sender.LOGINS:
            networks = _question(
                "Networks from which they may log in (empty: from everywhere)", "", values.none_or(_networks)
            )
            return replace(answers, networks=tuple(networks)), {USERS_FILE: ""}
        case Sender.MICROSOFT:
            click.echo("Microsoft 365 sends for all its customers: the tenant's id tells your mail from theirs.")
            tenant = _question("Tenant ID (Entra admin centre, Overview)", "", _tenant)
            click.echo("Add your ….onmicrosoft.com domain to `inside`: forwarded mail comes from there.")
            return replace(answers, networks=SERVICES[sender], tenant=tenant), {}
        case Sender.GOOGLE:
            click.echo(
                "Google sends for all its customers. In its Admin console (Routing, Add custom headers) add the field\n"
                f"{GOOGLE_FIELD} with the value that is written into {GOOGLE_FILE}: it tells your mail from theirs."
            )
            return replace(answers, networks=SERVICES[sender]), {GOOGLE_FILE: secrets.token_hex(20)}
        case Sender.POSTFIX | Sender.EXCHANGE | Sender.CLIENTS:
            if answers.local_networks:
                click.echo(f"This machine is in {', '.join(answers.local_networks)}.")
            text = "Networks whose hosts may send (several: with blanks; name as few as you can)"
            return replace(answers, networks=_question(text, " ".join(answers.networks), _own_networks)), {}
        case _:
            assert_never(sender)


def _networks(text: str) -> tuple[str, ...]:
    return values.several(values.network)(text)


def _own_networks(text: str) -> tuple[str, ...]:
    return values.own_networks(_networks(text))


def _tenant(text: str) -> str:
    if not _GUID.fullmatch(text.strip()):
        raise click.BadParameter("This is a GUID, such as 00000000-0000-0000-0000-000000000000.")
    return text.strip().lower()


def _certified(answers: Answers) -> Answers:
    """Ask for the certificate; some senders are served under TLS only."""
    guarded = answers.sender in GUARDED
    if guarded:
        click.echo("Nothing is taken without TLS here, so a certificate for that name is needed.")
    elif not click.confirm("Is there a certificate for it, so that mail comes in under TLS?", default=False):
        return replace(answers, certificate="", key="")
    certificate = _file("PEM file with the certificate and its chain", answers.certificate)
    return replace(answers, certificate=certificate, key=_file("PEM file with its key", answers.key))


def _file(question: str, default: str) -> str:
    """Return the path of a file that is there, or that will be there before the gateway starts."""
    while True:
        path: str = _question(question, default, _path)
        if Path(path).is_file() and os.access(path, os.R_OK):
            return path
        click.echo(f"There is no file {printable(path, 500)}, or you may not read it.")
        if click.confirm("Write it down all the same, to put it there before the first start?", default=False):
            return path


def _path(text: str) -> str:
    if not text.strip():
        raise click.BadParameter("A path is needed.")
    return str(Path(text.strip()).absolute())


def _way_out(answers: Answers, place: Path) -> tuple[NextHop, str]:
    """Ask for the smarthost, try it if allowed, and ask for its login; return it, and the password or ""."""
    click.echo()
    known = answers.next_hop
    default = f"{known.host}:{known.port}" if known.host else ""
    host, port = _question("The next mail server, to which all mail goes (name:port)", default, values.mail_server)
    hop = smarthost_at(host, port)
    if click.confirm(f"May I try {host}:{port} now? (No mail is sent.)", default=True):
        hop = replace(hop, tls=_tried(replace(answers, next_hop=hop), place))
    elif hop.tls != "implicit" and click.confirm("Does it have TLS with a valid certificate?", default=False):
        hop = replace(hop, tls="required")
    user = click.prompt("Login at it (empty: none)", default="", show_default=False).strip()
    if not user:
        return hop, ""
    password: str = click.prompt(f"Password of {printable(user)} (goes into a file of its own)", hide_input=True)
    if hop.tls not in {"required", "implicit"}:
        click.echo("A password is sent only under TLS with a valid certificate: `tls: required` is written.")
        hop = replace(hop, tls="required")
    return replace(hop, user=user, password_file=PASSWORD_FILE), password


def _tried(answers: Answers, place: Path) -> Literal["opportunistic", "required", "implicit"]:
    """Try the smarthost, say what it offers, and return the strictest TLS that works."""
    from dlp_gateway import document
    from dlp_gateway.checks import next_hop
    from dlp_gateway.observe import log
    from dlp_gateway.settings import Settings

    log.configure("error", "console")
    settings = document.parse(gateway_yaml(answers), Settings, str(place / "gateway.yaml"))
    best, remarks = asyncio.run(next_hop.strictest(settings, answers.hostname))
    for remark in remarks:
        click.echo(f"  {remark.level}: {printable(remark.says, 400)}")
    return best
