"""`dlp-gateway man`: manual pages, made from the commands themselves."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from inspect import cleandoc
from pathlib import Path
from typing import Final

import click

from dlp_gateway import __version__
from dlp_gateway.cli import streams

_SECTION: Final = "8"  # system administration
_CODE: Final = re.compile(r"`([^`]+)`")
_STATUSES: Final = (
    ("0", "done; for a question: yes"),
    ("1", "done, and the answer is no: not ready, a case failed, a sample came out wrong, no such item"),
    ("2", "wrong usage: an unknown option, a file that cannot be read or written or is already there"),
    ("69", "something that the command needs cannot be used now: the database, an address, the gateway"),
    ("74", "standard output or standard input failed: a full disk, a closed stream; what was to be done may be done"),
    ("78", "the configuration or the key is wrong; every problem was printed, and trying again will not help"),
)
_FILES: Final = (
    ("/etc/dlp-gateway/gateway.yaml", "how the gateway runs; ./gateway.yaml and $DLP_GATEWAY_CONFIG come before it"),
    ("/etc/dlp-gateway/policy.yaml", "what may leave"),
)


@click.command("man")
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@click.option("--out", metavar="DIR", help="Write a page for every command into DIR/man8 instead.")
def command(*, words: tuple[str, ...], out: str | None) -> None:
    """Print the manual page of a command (without one: of the program), for `man -l -`.

    \b
      dlp-gateway man quarantine release | man -l -
      dlp-gateway man --out /usr/local/share/man && mandb -q
    """  # noqa: D301  a backspace is how click is told to leave lines as they are
    from dlp_gateway.cli import main

    found = {one.command_path: one for one in contexts(main)}
    if out is None:
        wanted = " ".join(("dlp-gateway", *words))
        if wanted not in found:
            raise click.UsageError(f"There is no command {wanted}.")
        click.echo(page(found[wanted]), nl=False)
        return
    if words:
        raise click.UsageError("--out writes all pages; name no command with it.")
    folder = Path(out) / f"man{_SECTION}"
    with streams.told_of(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for path, context in found.items():
        file = folder / f"{path.replace(' ', '-')}.{_SECTION}"
        with streams.told_of(file):
            file.write_text(page(context), encoding="utf-8")
    click.echo(f"Wrote {len(found)} pages into {folder}")


def contexts(program: click.Command) -> Iterator[click.Context]:
    """Yield a context for the program and each of its commands, groups before what is in them."""
    yield from _below(click.Context(program, info_name="dlp-gateway"))


def _below(context: click.Context) -> Iterator[click.Context]:
    yield context
    group = context.command
    if isinstance(group, click.Group):
        for name in group.list_commands(context):
            below = group.get_command(context, name)
            if below is not None:
                yield from _below(click.Context(below, parent=context, info_name=name))


def page(context: click.Context) -> str:
    """Return the manual page of one command in the man macros, ASCII."""
    command_, name = context.command, context.command_path.replace(" ", "-")
    day = datetime.now(UTC).date()
    lines = [
        f'.TH "{name.upper()}" "{_SECTION}" "{day}" "DLP Gateway {__version__}" "DLP Gateway"',
        ".SH NAME",
        f"{_escaped(name)} \\- {_escaped(_summary(context))}",
        ".SH SYNOPSIS",
        f".B {_escaped(context.command_path)}",
        _escaped(" ".join(command_.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_description(command_.help or ""),
        *_commands(context),
        *_options(context),
        ".SH EXIT STATUS",
        *_pairs(_STATUSES),
        ".SH FILES",
        *_pairs(_FILES),
        ".SH SEE ALSO",
        _escaped(
            ", ".join(f"{one}({_SECTION})" for one in _neighbours(context)) or "docs/operating.md, docs/policy.md"
        ),
    ]
    return "\n".join(lines) + "\n"


def _summary(context: click.Context) -> str:
    """Return one line without its full stop, as whatis(1) wants it."""
    return context.command.get_short_help_str(400).rstrip(".")


def _description(help_text: str) -> Iterator[str]:
    """Yield the help text: a paragraph each; those that begin with a backspace as they stand."""
    for number, paragraph in enumerate(cleandoc(help_text).split("\n\n")):
        if number:
            yield ".PP"
        if paragraph.startswith("\b\n"):
            yield from (".nf", *map(_escaped, paragraph.removeprefix("\b\n").splitlines()), ".fi")
        else:
            yield _marked(" ".join(paragraph.split()))


def _commands(context: click.Context) -> Iterator[str]:
    group = context.command
    if isinstance(group, click.Group):
        yield ".SH COMMANDS"
        for name in group.list_commands(context):
            below = group.get_command(context, name)
            if below is not None:
                yield from _pairs(((name, below.get_short_help_str(400)),))


def _options(context: click.Context) -> Iterator[str]:
    records = [record for one in context.command.get_params(context) if (record := one.get_help_record(context))]
    if records:
        yield ".SH OPTIONS"
        yield from _pairs(records)


def _pairs(pairs: "list[tuple[str, str]] | tuple[tuple[str, str], ...]") -> Iterator[str]:
    for term, text in pairs:
        yield from (".TP", f"\\fB{_escaped(term)}\\fP", _marked(" ".join(text.split())))


def _neighbours(context: click.Context) -> Iterator[str]:
    """Yield the pages around one: the group's, or for a group those in it."""
    if context.parent is not None:
        yield context.parent.command_path.replace(" ", "-")
    if isinstance(context.command, click.Group):
        for name in context.command.list_commands(context):
            yield f"{context.command_path} {name}".replace(" ", "-")


def _marked(text: str) -> str:
    """Return text with what stands in backticks in bold."""
    return "".join(
        f"\\fB{_escaped(piece)}\\fP" if number % 2 else _escaped(piece)
        for number, piece in enumerate(_CODE.split(text))
    )


def _escaped(text: str) -> str:
    """Return text that groff takes for nothing but text; letters beyond ASCII by their numbers."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    safe = "".join(one if one.isascii() else f"\\[u{ord(one):04X}]" for one in safe)
    return f"\\&{safe}" if safe.startswith((".", "'")) else safe
