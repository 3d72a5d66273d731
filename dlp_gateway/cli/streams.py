"""Standard streams and the files that a command names: what cannot be read or written is one sentence, no traceback."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn, TextIO

import click

from dlp_gateway.mail.reply import printable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from rich.console import Console

EX_IOERR: Final = 74  # sysexits.h: a standard stream failed
STANDARD: Final = "-"  # names standard input, or standard output
_OUTPUT: Final = "standard output"
_COLUMNS: Final = 140
_LONGEST: Final = 5000  # characters of a sentence; a path may have 4096


class FileError(click.ClickException):
    """A file that was named cannot be used; exit status 2, as for wrong usage, but the usage is not to blame."""

    exit_code = 2

    def __init__(self, name: str | os.PathLike[str], what: str) -> None:
        """`name` of the file, and what is wrong with it, as a sentence without its full stop."""
        super().__init__(printable(f"{os.fspath(name)}: {what}.", _LONGEST))


class ClosedError(click.ClickException):
    """A standard stream that the command needs was closed by whoever called it."""

    exit_code = EX_IOERR


@contextmanager
def told_of(name: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an `OSError` into a `FileError` with the file's name: the one that the error knows, else `name`."""
    try:
        yield
    except OSError as error:
        if error.filename == _OUTPUT:
            raise
        raise FileError(error.filename or name, error.strerror or type(error).__name__) from error


def existing_file(_context: click.Context, _argument: click.Parameter, path: Path) -> Path:
    """Return the path of a file that is there; a callback for arguments."""
    if not path.exists():
        raise FileError(path, "there is no such file")
    if path.is_dir():
        raise FileError(path, "this is a folder; name a file in it")
    return path


def existing_folder(_context: click.Context, _argument: click.Parameter, path: Path | None) -> Path | None:
    """Return the path of a folder that is there, None if none was named; a callback for arguments."""
    if path is not None and not path.is_dir():
        raise FileError(path, "this is no folder" if path.exists() else "there is no such folder")
    return path


def on_terminal(stream: TextIO | None) -> bool:
    """Tell whether a standard stream is a terminal; one that was closed (None) is none."""
    return stream is not None and stream.isatty()


def is_plain() -> bool:
    """Tell whether the user wants no colours and no bold letters, on terminals neither (https://no-color.org)."""
    return bool(os.environ.get("NO_COLOR"))


def console() -> "Console":
    """Return what prints tables: as wide as the terminal, 140 columns elsewhere."""
    from rich.console import Console

    return Console(width=None if on_terminal(sys.stdout) else _COLUMNS, color_system=None if is_plain() else "auto")


def standard_input() -> BinaryIO:
    """Return standard input for octets."""
    if sys.stdin is None:
        raise ClosedError("Standard input is closed.")
    return sys.stdin.buffer


def standard_output() -> BinaryIO:
    """Return standard output for octets; never a terminal, for what a mail holds may steer it."""
    if sys.stdout is None:
        raise ClosedError("Standard output is closed.")
    if sys.stdout.isatty():
        raise click.UsageError("Name a file with --out: what a message holds is not fit for a terminal.")
    return sys.stdout.buffer


@contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """Give a file for reading or, for "-", standard input; whatever cannot be read inside is told by its name."""
    if name == STANDARD:
        with told_of("standard input"):
            yield standard_input()
        return
    with told_of(name), Path(name).open("rb") as stream:
        yield stream


def lines(name: str, *, longest: int) -> Iterator[bytes]:
    """Yield the lines of a file or, for "-", of standard input, cut at `longest` octets."""
    with opened(name) as stream:
        while line := stream.readline(longest):
            yield line


def read_bytes(name: str, *, limit: int) -> bytes:
    """Return the octets of a file or, for "-", of standard input; a `FileError` if there are more than `limit`."""
    with opened(name) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise FileError(name, f"larger than {limit} bytes")
    return data


def write_bytes(name: str, data: bytes) -> None:
    """Write a new file for its owner only; nothing is written over, and nothing is left of what could not be whole."""
    with told_of(name):
        if Path(name).is_dir():
            raise FileError(name, "this is a folder; name a file in it")
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
        except OSError:
            with suppress(OSError):
                Path(name).unlink()
            raise


# --- how a standard stream fails --------------------------------------------------------------------------------------


class _Output(FileIO):
    """Standard output, whose errors bear its name: no other error is taken for one of its own."""

    def write(self, octets: "ReadableBuffer", /) -> int:
        """Write, as a file does."""
        try:
            return super().write(octets)
        except OSError as error:
            error.filename = _OUTPUT
            raise


def _name_output() -> None:
    """Let what fails in this process's standard output say so; what stands in for it already is left alone."""
    stream = sys.stdout
    if not isinstance(stream, TextIOWrapper) or stream is not sys.__stdout__:
        return
    stream.flush()
    raw = _Output(stream.fileno(), "wb", closefd=False)
    sys.stdout = TextIOWrapper(
        BufferedWriter(raw) if isinstance(stream.buffer, BufferedWriter) else raw,  # PYTHONUNBUFFERED has no buffer
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn an `OSError` that nobody caught into a sentence and exit status 74; around a whole command.

    What lies in the buffer of standard output is written here, for Python itself would only warn, and end with 120.
    """
    _name_output()
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except OSError as error:
        _end(error)


def _end(error: OSError) -> NoReturn:
    """Say what failed: standard output, a file by its name, or what has none."""
    what = error.strerror or type(error).__name__
    if error.filename == _OUTPUT:
        what = f"Standard output cannot be written: {what}. What the command had to do may be done all the same."
    elif error.filename:
        what = f"{error.filename}: {what}."
    else:
        what = f"Something that the command needs failed: {what}."
    if error.errno != errno.EPIPE:  # who closed a pipe has read enough
        with suppress(OSError):
            click.secho(printable(what, _LONGEST), fg="red", err=True)
    for stream in (sys.stdout, sys.stderr):
        _let_go(stream)
    sys.exit(1 if error.errno == errno.EPIPE else EX_IOERR)


def _let_go(stream: TextIO | None) -> None:
    """Let what a stream still holds go nowhere if it cannot be written, so that Python ends in peace."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
