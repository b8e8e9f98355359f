"""`podprobe snapshot`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podprobe.cli.exits import ExitCode, FailOn, judged
from podprobe.cli.options import access_options, end_progress, look_options, show_progress, target_argument
from podprobe.cli.terminal import color_and_width, emit
from podprobe.errors import OutputError, UsageError
from podprobe.report import FORMATS

if TYPE_CHECKING:
    from podprobe.fleet import Member, Outcome
    from podprobe.report import Missed
    from podprobe.report.files import Folder
    from podprobe.session import SessionOptions
    from podprobe.targets.access import Access


@click.command(
    "snapshot",
    epilog="""
    \b
    Examples:
      podprobe snapshot web-7d9f                        what is wrong, as a table
      podprobe snapshot deploy/web -o json > web.json   everything, as one JSON document
      podprobe snapshot web-7d9f -o html > web.html     one page, with the map
      podprobe snapshot web-7d9f --fail-on warning      a gate: exits 3 (critical) or 4 (warning)
      podprobe snapshot -l app=web                      many Pods, a line each, worst first
      podprobe snapshot -A -o json --out snapshots      every Pod of the cluster, a file each
      podprobe snapshot local:4711                      a container's process on this machine
    """,
)
@target_argument(required=False, nargs=-1)
@click.option("-l", "--selector", help="Every Pod with these labels, as kubectl's -l.")
@click.option(
    "-A", "--all-namespaces", is_flag=True, help="Every Pod of all namespaces; with -l those it selects."
)
@click.option("-o", "--output", type=click.Choice(FORMATS), default=None, help="Format.  [default: table]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a file per Pod into DIR (json, where -o says nothing else), and a summary to stdout.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["none", "warning", "critical"]),
    default="none",
    show_default=True,
    help="Exit 3 on a critical finding, 4 on a warning.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=8,
    show_default=True,
    help="Pods looked at at the same time.",
)
@access_options
@look_options
def command(
    targets: tuple[str, ...],
    selector: str | None,
    all_namespaces: bool,
    output: str | None,
    out: Path | None,
    fail_on: FailOn,
    parallel: int,
    access: Access,
    options: SessionOptions,
) -> None:
    """Look at a Pod once, or at many.

    TARGET is POD, pod/NAME, deploy/NAME, sts/NAME, ds/NAME, job/NAME, local:PID or file:SNAPSHOT.json.
    """
    if bool(targets) == bool(selector or all_namespaces):
        raise UsageError(
            "name Pods, or select them: one of the two",
            "podprobe snapshot POD…, or podprobe snapshot -l LABEL=VALUE",
        )
    if len(targets) == 1 and out is None:
        sys.exit(_one(targets[0], output or "table", fail_on, access, options))
    from podprobe.fleet import Member, select

    if targets:
        members = tuple(Member(target) for target in targets)
    else:
        selection = select(selector, access, all_namespaces=all_namespaces)
        members = selection.members
        if selection.finished:
            click.echo(f"podprobe: {selection.finished} Pods have ended and are left out", err=True)
    sys.exit(_many(members, output, out, fail_on, access, options, parallel))


def _one(target: str, output: str, fail_on: FailOn, access: Access, options: SessionOptions) -> ExitCode:
    from podprobe.opening import open_looker
    from podprobe.report import render

    with open_looker(target, access, options, show_progress) as looker:
        try:
            snapshot = looker.look()
        finally:
            end_progress()
        color, width = color_and_width()
        text = render([snapshot], output, color=color, width=width, past=looker.past)
    emit(text, color=color)
    return judged(snapshot, fail_on)


def _many(
    members: tuple[Member, ...],
    output: str | None,
    out: Path | None,
    fail_on: FailOn,
    access: Access,
    options: SessionOptions,
    parallel: int,
) -> ExitCode:
    from podprobe.cli.fleet_progress import FleetProgress
    from podprobe.fleet import look_at_all
    from podprobe.report import Look, renderer
    from podprobe.report.files import Folder

    color, width = color_and_width()
    folder = Folder(out, output or "json") if out else None
    document = renderer("table" if folder else output or "table", Look(color=color, width=width, many=True))
    progress = FleetProgress(len(members), parallel)
    codes: set[ExitCode] = set()
    read = True
    for outcome in look_at_all(members, access, options, parallel=parallel):
        done = _filed(outcome, folder) if folder else outcome
        progress.count(done)
        if done.snapshot is None:
            codes.add(ExitCode.COULD_NOT_LOOK)
            text = document.failed(_missed(done))
        else:
            codes.add(judged(done.snapshot, fail_on))
            text = document.add(done.snapshot)
        if text and read:
            progress.clear()
            read = emit(text, color=color)
        if not read and fail_on == "none" and not folder:
            break  # nobody waits for the rest, neither for the text nor for a verdict or a file
    progress.clear()
    if read:
        emit(document.end(), color=color)
    return worst(codes)


def _filed(outcome: Outcome, folder: Folder) -> Outcome:
    """With the snapshot in its file; where that cannot be written, that is the Pod's failure and no other's."""
    try:
        if outcome.snapshot is None:
            folder.failed(_missed(outcome))
        else:
            folder.write(outcome.snapshot)
    except OutputError as error:
        return replace(outcome, snapshot=None, error=outcome.error or error)
    return outcome


def _missed(outcome: Outcome) -> Missed:
    from podprobe.report import Missed

    return Missed(outcome.namespace, outcome.pod, str(outcome.error))


def worst(codes: set[ExitCode]) -> ExitCode:
    """The one exit code of many: that something could not be looked at says most, then critical, then warning."""
    order = (ExitCode.COULD_NOT_LOOK, ExitCode.CRITICAL, ExitCode.WARNING)
    return next((code for code in order if code in codes), ExitCode.OK)
