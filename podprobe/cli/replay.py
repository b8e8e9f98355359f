"""`podprobe replay`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "replay",
    epilog="""
    \b
    Examples:
      podprobe replay web.json            a snapshot
      podprobe replay incident.jsonl      a recording, its rotated files too: [ and ] step, p plays
      podprobe replay before.json after.json
      podprobe replay after.json --diff before.json
                                          and what differs between the two
    """,
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
@click.option(
    "--diff",
    "against",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Open with what differs from a saved snapshot.",
)
@click.option(
    "--theme", type=click.Choice(["dark", "light", "16"]), help="Colours.  [default: what suits the terminal]"
)
def command(files: tuple[Path, ...], against: Path | None, theme: str | None) -> None:
    """Show a snapshot or a recording in the live view, offline.

    FILE is what `podprobe snapshot -o json`, `podprobe watch` or the live view (w, r) has written. Several follow one
    another in time, in whatever order they are named.
    """
    from podprobe.tui import launch

    launch.replay(files, theme=theme, against=against)
