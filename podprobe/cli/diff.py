"""`podprobe diff`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podprobe.cli.exits import ExitCode
from podprobe.cli.options import access_options, end_progress, look_options, show_progress, target_argument
from podprobe.cli.terminal import color_and_width, emit
from podprobe.errors import UsageError

if TYPE_CHECKING:
    from podprobe.model import Snapshot
    from podprobe.session import SessionOptions
    from podprobe.targets.access import Access

_WORKLOADS = ("deploy", "sts", "ds", "job")


@click.command(
    "diff",
    epilog="""
    \b
    Examples:
      podprobe diff yesterday.json web-7d9f    what has changed since a snapshot was taken
      podprobe diff web-7d9f web-x2x4          two Pods
      podprobe diff deploy/web                 the replica that differs from its siblings, and in what
    """,
)
@target_argument(nargs=-1)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--noise", is_flag=True, help="Show counters, times and fill levels too.")
@access_options
@look_options
def command(
    targets: tuple[str, ...], output: str, noise: bool, access: Access, options: SessionOptions
) -> None:
    """Say what differs between two snapshots or Pods, or which replica of a workload differs from its siblings.

    Each TARGET is a file with a snapshot (- is stdin), or anything that podprobe snapshot looks at. Exits 0 where all
    is the same, 4 where something differs.
    """
    if len(targets) == 1:
        sys.exit(_replicas(targets[0], output, access, options))
    if len(targets) != 2:
        raise UsageError(
            f"diff compares two, not {len(targets)}", "podprobe diff A B, or podprobe diff deploy/NAME"
        )
    from podprobe.analysis.diff import diff
    from podprobe.report.changes import difference_json, difference_table

    before, after = (_snapshot(target, access, options) for target in targets)
    found = diff(before, after)
    color, width = color_and_width()
    if output == "json":
        text = difference_json(before, after, found, noise=noise)
    else:
        text = difference_table(before, after, found, noise=noise, color=color, width=width)
    emit(text, color=color)
    sys.exit(ExitCode.WARNING if found.changes else ExitCode.OK)


def _snapshot(target: str, access: Access, options: SessionOptions) -> Snapshot:
    from podprobe.opening import open_looker

    if _names_a_file(target):
        target = f"file:{target}"
    with open_looker(target, access, options, show_progress) as looker:
        try:
            return looker.look()
        finally:
            end_progress()


def _names_a_file(target: str) -> bool:
    """A file that is there, or what can be nothing else: of a mistyped one the cluster knows nothing."""
    if target.startswith(("file:", "local:")):
        return False
    path = Path(target)
    return (
        target == "-"
        or target.startswith(("/", "./", "../", "~"))
        or path.suffix in (".json", ".jsonl")
        or (path.exists() and not path.is_dir())
    )


def _replicas(target: str, output: str, access: Access, options: SessionOptions) -> ExitCode:
    from podprobe.analysis.diff import odd_ones
    from podprobe.cli.fleet_progress import FleetProgress
    from podprobe.fleet import PARALLEL, look_at_all, replicas
    from podprobe.report.changes import replicas_json, replicas_table
    from podprobe.targets.resolve import parse

    ref = parse(target)
    if ref.kind not in _WORKLOADS:
        raise UsageError(
            f"diff needs something to compare {target} with",
            "podprobe diff A B, or podprobe diff deploy/NAME",
        )
    members = replicas(f"{ref.kind}/{ref.name}", access).members
    if len(members) < 3:
        raise UsageError(
            f"{target} has {len(members)} replicas; it takes three to say which one is odd",
            "compare two by name: podprobe diff " + " ".join(member.target for member in members),
        )
    progress = FleetProgress(len(members), PARALLEL)
    looked: dict[str, Snapshot] = {}
    failed: dict[str, str] = {}
    for outcome in look_at_all(members, access, options):
        progress.count(outcome)
        if outcome.snapshot:
            looked[outcome.member.target] = outcome.snapshot
        else:
            failed[outcome.member.target] = str(outcome.error)
    progress.clear()
    looked = dict(sorted(looked.items()))
    oddities = odd_ones(looked)
    color, width = color_and_width()
    if output == "json":
        text = replicas_json(looked, failed, oddities)
    else:
        text = replicas_table(looked, failed, oddities, color=color, width=width)
    emit(text, color=color)
    if failed:
        return ExitCode.COULD_NOT_LOOK
    return ExitCode.WARNING if oddities else ExitCode.OK
