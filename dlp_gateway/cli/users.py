"""`dlp-gateway users`: who may log in, where `login.backend` is a file of users."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from dlp_gateway.cli import options, streams
from dlp_gateway.mail.reply import printable

if TYPE_CHECKING:
    from dlp_gateway.login.users import User

_LONGEST_INPUT: Final = 10_000  # octets of standard input

_stdin: Final = click.option(
    "--stdin", "from_stdin", is_flag=True, help="Read the password from standard input (its first line)."
)
_name: Final = click.argument("name")


@click.group("users")
def command() -> None:
    """Add, list and remove those who may log in, and set their passwords.

    They stand in the file `login.users_file` of gateway.yaml, one a line; a running gateway sees a change at the next
    login. A password is asked for twice, or read from standard input; it is never an argument, which others could see.
    """


@command.command()
@options.config
@_name
@click.option(
    "--address",
    "addresses",
    metavar="ADDRESS",
    multiple=True,
    help="An address or domain that this user may write as; can be repeated. Without one he may write as anybody.",
)
@_stdin
@options.as_json
def add(*, config_path: str | None, name: str, addresses: tuple[str, ...], from_stdin: bool, as_json: bool) -> None:
    """Add a user; NAME is what a mail client sends, often the address."""
    from dlp_gateway.login import passwords, users

    file = _file(config_path, as_json=as_json)
    if not passwords.is_name(name):
        raise click.UsageError("A name is printable, without blanks, and 255 octets at the most.")
    if name.startswith("#"):
        raise click.UsageError("A name must not begin with #, which begins a comment in the file.")
    for address in addresses:
        if not users.is_pattern(address) or not {"@", "."} & set(address):
            message = f"{printable(address)} is no address and no domain, such as ann@corp.example or corp.example."
            raise click.UsageError(message)

    def require_new(known: "dict[str, User]") -> None:
        if passwords.prepared_name(name) in known:
            _end(f"{name} is there already; `users passwd` sets a new password.")

    with _told(as_json=as_json):
        require_new(_users(file))  # said before a password is asked for
        user = users.User(name=name, password=passwords.hashed(_password(name, from_stdin)), addresses=addresses)

        def change(known: "dict[str, User]") -> "dict[str, User | None]":
            require_new(known)
            return {passwords.prepared_name(name): user}

        _change(file, change)
    _say("added", user, as_json=as_json)


@command.command()
@options.config
@_name
@_stdin
@options.as_json
def passwd(*, config_path: str | None, name: str, from_stdin: bool, as_json: bool) -> None:
    """Set a new password for a user."""
    from dataclasses import replace

    from dlp_gateway.login import passwords

    file = _file(config_path, as_json=as_json)
    with _told(as_json=as_json):
        _one(_users(file), name)
        made = passwords.hashed(_password(name, from_stdin))
        found: list[User] = []

        def change(known: "dict[str, User]") -> "dict[str, User | None]":
            found.append(replace(_one(known, name), password=made))
            return {passwords.prepared_name(name): found[-1]}

        _change(file, change)
    _say("changed", found[-1], as_json=as_json)


@command.command("list")
@options.config
@options.as_json
def list_(*, config_path: str | None, as_json: bool) -> None:
    """List the users and the addresses that they may write as."""
    file = _file(config_path, as_json=as_json)
    with _told(as_json=as_json):
        known = _users(file)
    for user in known.values():
        if as_json:
            options.print_json({"name": user.name, "addresses": list(user.addresses)})
        else:
            click.echo(f"{user.name}: {', '.join(user.addresses) or 'may write as anybody'}")
    if not known and not as_json:
        click.echo(printable(f"No users in {file}.", 5000))


@command.command()
@options.config
@_name
@options.as_json
def remove(*, config_path: str | None, name: str, as_json: bool) -> None:
    """Remove a user; sessions in which he is logged in go on to their end."""
    from dlp_gateway.login import passwords

    file = _file(config_path, as_json=as_json)
    found: list[User] = []

    def change(known: "dict[str, User]") -> "dict[str, User | None]":
        found.append(_one(known, name))
        return {passwords.prepared_name(name): None}

    with _told(as_json=as_json):
        _one(_users(file), name)
        _change(file, change)
    _say("removed", found[-1], as_json=as_json)


def _file(config_path: str | None, *, as_json: bool) -> Path:
    """Return the users' file of gateway.yaml; ends with 78 if the users are kept elsewhere."""
    from dlp_gateway.errors import ConfigurationError

    with options.problems_shown(as_json=as_json):
        path = options.found_config(config_path)
        login = options.loaded(str(path)).login
        if login is None or login.backend != "users":
            message = (
                "There is no `login:` section; write `login: {backend: users}`, and `auth: required` at a listener."
                if login is None
                else f"Users are kept by {login.backend} (`login.backend`), not in a file."
            )
            raise ConfigurationError.of(path, message)
        file: Path = login.users_file
        return file


def _users(file: Path) -> "dict[str, User]":
    """Return who is in the file, nobody if it is not there."""
    from dlp_gateway.login.file import load

    return load(file)[0] if os.path.lexists(file) else {}


def _change(file: Path, change: "Callable[[dict[str, User]], dict[str, User | None]]") -> None:
    from dlp_gateway.login import file as users_file

    users_file.change(file, change)


def _one(known: "dict[str, User]", name: str) -> "User":
    """Return a user by name; ends with 1 if there is none."""
    from dlp_gateway.login.passwords import prepared_name

    user = known.get(prepared_name(name))
    if user is None:
        _end(f"{name}: no such user.")
    return user


def _password(name: str, from_stdin: bool) -> str:  # noqa: FBT001  a private function of two callers
    """Return a password that may be used: the first line of standard input, or asked for twice."""
    from dlp_gateway.login.passwords import PasswordRefusedError, require_good

    if from_stdin:
        with streams.opened(streams.STANDARD) as stream:
            line = stream.readline(_LONGEST_INPUT)
        try:
            password = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            raise click.UsageError("Standard input is not UTF-8.") from None
    elif streams.on_terminal(sys.stdin):
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, default="", show_default=False)
    else:
        raise click.UsageError("There is no terminal to ask for the password; give it with --stdin.")
    try:
        require_good(password, name)
    except PasswordRefusedError as error:
        raise click.UsageError(str(error)) from None
    return password


def _say(word: str, user: "User", *, as_json: bool) -> None:
    if as_json:
        options.print_json({"name": user.name, "action": word, "addresses": list(user.addresses)})
    else:
        bound = f", bound to {', '.join(user.addresses)}" if user.addresses and word == "added" else ""
        click.echo(f"{user.name}: {word}{bound}")


def _end(message: str) -> NoReturn:
    click.secho(printable(message), fg="red", err=True)
    sys.exit(1)


@contextmanager
def _told(*, as_json: bool) -> Iterator[None]:
    """End with 78 and every problem of the file, or with 69 if it cannot be written or nothing can be hashed."""
    from dlp_gateway.login.file import UsersFileError
    from dlp_gateway.login.passwords import HashingFailedError

    with options.problems_shown(as_json=as_json):
        try:
            yield
        except UsersFileError as error:
            options.unavailable(str(error))
        except HashingFailedError as error:
            options.unavailable(f"The password cannot be hashed now: {error}. 64 MiB of memory are needed.")
