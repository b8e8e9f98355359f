"""`podprobe snapshot`."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from podprobe.cli.exits import FailOn, judged
from podprobe.cli.options import access_options, end_progress, look_options, show_progress, target_argument
from podprobe.report import FORMATS

if TYPE_CHECKING:
    from podprobe.session import SessionOptions
    from podprobe.targets.access import Access


@click.command(
    "snapshot",
    epilog="""
    \b
    Examples:
      podprobe snapshot web-7d9f                        what is wrong, as a table
      podprobe snapshot deploy/web -o json > web.json   everything, as one JSON document
      podprobe snapshot web-7d9f --fail-on warning      a gate: exits 3 (critical) or 4 (warning)
      podprobe snapshot local:4711                      a container's process on this machine
    """,
)
@target_argument()
@click.option("-o", "--output", type=click.Choice(FORMATS), default=None, help="Format.  [default: table]")
@click.option(
    "--fail-on",
    type=click.Choice(["none", "warning", "critical"]),
    default="none",
    show_default=True,
    help="Exit 3 on a critical finding, 4 on a warning.",
)
@access_options
@look_options
def command(
    target: str, output: str | None, fail_on: FailOn, access: Access, options: SessionOptions
) -> None:
    """Look at a Pod once.

    TARGET is POD, pod/NAME, deploy/NAME, sts/NAME, ds/NAME, job/NAME, local:PID or file:SNAPSHOT.json.
    """
    from podprobe.opening import open_looker
    from podprobe.report import render

    with open_looker(target, access, options, show_progress) as looker:
        try:
            snapshot = looker.look()
        finally:
            end_progress()
    terminal = sys.stdout.isatty()
    color = terminal and "NO_COLOR" not in os.environ
    width = shutil.get_terminal_size().columns if terminal else None
    click.echo(render([snapshot], output or "table", color=color, width=width), nl=False, color=color)
    sys.exit(judged(snapshot, fail_on))
