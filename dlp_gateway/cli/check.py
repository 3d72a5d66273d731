"""`dlp-gateway check`: every problem of the configuration at once, warnings, what works now, and the rules in words."""

import asyncio
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from dlp_gateway.cli import options
from dlp_gateway.errors import EX_CONFIG
from dlp_gateway.mail.reply import printable

if TYPE_CHECKING:
    from dlp_gateway.checks.remark import Remark
    from dlp_gateway.policy.model import Policy
    from dlp_gateway.settings import Settings

_COLOURS: Final = {"ok": "green", "warning": "yellow", "problem": "red", "wrong": "red"}


@click.command("check")
@options.config
@click.option(
    "--live", is_flag=True, help="Try ports, custody, logins, disk, clock and smarthost as well; sends no mail."
)
@click.option("--show", is_flag=True, help="Print the settings too, with every default filled in.")
@options.as_json
def command(*, config_path: str | None, live: bool, show: bool, as_json: bool) -> None:
    """Read gateway.yaml and policy.yaml as `serve` would, and print every problem as file:line:column.

    Without problems prints the rules in force in sentences, and warnings about what may be meant otherwise:
    certificates that end soon, rules that are over, files that others may read, networks that let in too many, a
    smarthost without TLS, observe mode.

    With --live also tries what the gateway needs: whether its ports are free (or its own), custody opens with its key
    and has room, those who check logins answer, the smarthost resolves, answers, has TLS and takes the login, and who
    is in the teams that the directory knows. Nothing is sent or changed; run it as the user that runs the gateway.
    Exits 0, also with warnings; 78 if a file is wrong; 69 if something that it needs does not work now.

    \b
    Examples:
      dlp-gateway check
      sudo -u dlp-gateway dlp-gateway check --live
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway import document
    from dlp_gateway.checks.advice import advice
    from dlp_gateway.policy.explain import explain
    from dlp_gateway.processes import policies

    with options.problems_shown(as_json=as_json):
        path = options.found_config(config_path)
        settings, policy = policies.load(path)
        remarks = advice(path, settings, policy)
    sentences = explain(policy)
    tried = _live(settings, policy) if live else ()
    problems = tuple(one for one in (*remarks, *tried) if one.level in {"wrong", "problem"})
    if as_json:
        shown: dict[str, Any] = {"settings": settings.model_dump(mode="json")} if show else {}
        told = {"warnings": _as_json(remarks), **({"live": _as_json(tried)} if live else {})}
        options.print_json(
            {
                "file": str(path),
                "problems": _as_json(problems),
                "mode": policy.mode,
                "rules": list(sentences),
                **told,
                **shown,
            }
        )
    else:
        _print_sum(f"{path} and {settings.policy}", len(problems))
        if show:
            click.echo(document.written(settings))
        for sentence in sentences:
            click.echo(f"- {sentence}")
        for remark in (*remarks, *tried):
            _print(remark)
    levels = {remark.level.value for remark in problems}
    sys.exit(EX_CONFIG if "wrong" in levels else options.EX_UNAVAILABLE if levels else 0)


def _live(settings: "Settings", policy: "Policy") -> "tuple[Remark, ...]":
    from dlp_gateway.checks.live import live
    from dlp_gateway.observe import log

    log.configure("error", "console")  # what a probe finds is told as a remark
    return asyncio.run(live(settings, policy))


def _as_json(remarks: "tuple[Remark, ...]") -> list[dict[str, str]]:
    return [{"level": one.level.value, "about": one.about, "says": one.says} for one in remarks]


def _print_sum(files: str, problems: int) -> None:
    """Say first whether anything is to be mended; what, is told below."""
    count = f"{problems} problem{'s' if problems != 1 else ''}, told below" if problems else "no problems"
    click.secho(printable(f"{files} have {count}.", 10_000), fg="red" if problems else "green")


def _print(remark: "Remark") -> None:
    word = "problem" if remark.level == "wrong" else remark.level.value
    said = f"{printable(remark.about)}: {printable(remark.says, 1000)}"
    click.echo(f"{click.style(f'{word}:', fg=_COLOURS[remark.level])} {said}")
