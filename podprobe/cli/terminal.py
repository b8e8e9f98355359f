"""What stdout is, and writing to it."""

from __future__ import annotations

import io
import os
import sys

import click

from podprobe.errors import OutputError


def color_and_width() -> tuple[bool, int | None]:
    """Whether to write colours to stdout, and its columns; no colour and no width where it is no terminal."""
    import shutil

    if not sys.stdout.isatty():
        return False, None
    # https://no-color.org: present and not empty
    return not os.environ.get("NO_COLOR"), shutil.get_terminal_size().columns


def prepare_stdout() -> None:
    """Let no character be one that cannot be written.

    A terminal is shown an escape for what its encoding lacks. A file or a pipe gets UTF-8, which JSON, YAML and HTML
    have to be, whatever the terminal speaks.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding = None if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


def emit(text: str, *, color: bool = False) -> bool:
    """Write to stdout now. False where its reader has gone (`| head`): a command with a verdict still ends with that.

    Raises:
        OutputError: there is no room, for one.
    """
    try:
        click.echo(text, nl=False, color=color)
    except BrokenPipeError:
        drop_stdout()
        return False
    except OSError as error:
        drop_stdout()
        raise OutputError(f"cannot write to stdout: {error.strerror}") from None
    return True


def write_whole(text: str) -> None:
    """Write to stdout now, and all of it.

    A signal that arrives while a pipe is full cuts a write short, and Python's own stdout (seen with 3.11 and 3.13)
    then loses the rest.

    Raises:
        OutputError: there is no room, for one.
        BrokenPipeError: its reader has gone.
    """
    sys.stdout.flush()
    data = memoryview(text.encode("utf-8", "backslashreplace"))
    try:
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to stdout: {error.strerror}") from None


def drop_stdout() -> None:
    """What is still buffered goes nowhere, or the interpreter would complain when it flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
