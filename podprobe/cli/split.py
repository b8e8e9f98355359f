"""`podprobe split`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podprobe.cli.options import access_options, end_progress, look_options, show_progress, target_argument
from podprobe.cli.terminal import color_and_width, emit

if TYPE_CHECKING:
    from podprobe.session import SessionOptions
    from podprobe.targets.access import Access


@click.command("split")
@target_argument()
@click.option("-c", "--container", required=True, help="The container that would move.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Format."
)
@access_options
@look_options
def command(target: str, container: str, output: str, access: Access, options: SessionOptions) -> None:
    """Say what would break if a container moved to a Pod of its own.

    Every channel between it and the others survives behind a Service, needs a change, or binds it to the Pod. Looks
    several times within two seconds: much is used for a moment at a time.
    """
    from podprobe.analysis.split import split
    from podprobe.opening import open_looker
    from podprobe.report.split import as_json, as_text
    from podprobe.splitting import looks

    with open_looker(target, access, options, show_progress) as looker:
        try:
            result = split(looks(looker, container), container)
        finally:
            end_progress()
    if output == "json":
        emit(as_json(result))
    else:
        color, width = color_and_width()
        emit(as_text(result, color=color, width=width), color=color)
