"""The command line: one file per command. A command parses, calls, prints; it holds no logic."""

from __future__ import annotations

import atexit
import gc
import importlib
import sys
from typing import Any

import click

from podprobe import __version__
from podprobe.cli.terminal import drop_stdout, prepare_stdout
from podprobe.errors import PodprobeError

COMMANDS = {
    "tui": "the live view of a Pod",
    "snapshot": "look once: table, json, yaml, markdown, html, prometheus, sarif",
    "watch": "a snapshot every interval as JSON Lines, or Prometheus metrics",
    "latency": "active probes between containers, with percentiles",
    "capture": "packets of the Pod, and what they say of each flow",
    "diff": "what differs between two snapshots, Pods or replicas",
    "split": "what would break if a container moved to a Pod of its own",
    "replay": "a snapshot or recording in the live view, offline",
    "lint": "findings that a manifest alone shows",
    "doctor": "can podprobe work here? what to grant if not",
    "cleanup": "end podprobe's agents in a Pod now",
    "explain": "what a finding means, how it is measured, what to do",
    "demo": "a Pod made of Linux namespaces, with real faults in it",
    "schema": "the snapshot's JSON Schema",
}
"""Commands in the order of --help, with their one-line help. Kept here so that --help imports none of them."""


_TURN_SECONDS = 0.001
"""How long a thread may keep the others from running. Streams to several agents are opened while modules are imported:
at Python's 5 ms each step of each handshake would wait that long."""


class _LazyGroup(click.Group):
    """Imports a command's module when the command is called, and not for --help."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A reader of our output that has gone (`| head`) is no error; click would exit with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            drop_stdout()
            sys.exit(0)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Try it without a cluster: podprobe demo",
)
@click.version_option(__version__, "-V", "--version", message="podprobe %(version)s")
def podprobe() -> None:
    """An X-ray of one Kubernetes Pod.

    Names the container behind every port, connection, shared segment and volume, measures what passes between
    the containers, and says what is wrong and what to do about it.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Entry point. Errors meant for users are printed to stderr, without a traceback."""
    _collect_rarely()
    sys.setswitchinterval(_TURN_SECONDS)
    prepare_stdout()
    try:
        return podprobe.main(arguments, prog_name="podprobe", standalone_mode=True)
    except PodprobeError as error:
        click.echo(f"podprobe: {_shown(error.message)}", err=True)
        if error.hint:
            click.echo(f"  → {_shown(error.hint)}", err=True)
        sys.exit(error.exit_code)


def _collect_rarely() -> None:
    """Have no garbage collected at every 700 objects, nor at the end.

    Importing makes hundreds of thousands of objects that stay: to go through them time and again, and once more
    while Python ends, is a sixth of what a command costs.
    """
    gc.set_threshold(20_000, 20, 50)
    atexit.register(gc.freeze)


def _shown(text: str) -> str:
    """An error may quote what a server or a Pod has said."""
    from podprobe.report.neutral import neutral

    return "\n".join(neutral(line, 2000) for line in text.split("\n"))
