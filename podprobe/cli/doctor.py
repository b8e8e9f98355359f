"""`podprobe doctor`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from podprobe.cli.options import access_options, target_argument
from podprobe.cli.terminal import emit

if TYPE_CHECKING:
    from podprobe.targets.access import Access
    from podprobe.targets.kubernetes.diagnosis import Check

_MARKS = {
    "ok": ("✔", "green"),
    "missing": ("✖", "red"),
    "optional": ("○", "yellow"),
    "unknown": ("?", "cyan"),
}


@click.command(
    "doctor",
    epilog="""
    \b
    Examples:
      podprobe doctor -n shop             may I look into Pods of this namespace?
      podprobe doctor web-7d9f -n shop    and into this one: profiles, image, node
      podprobe doctor --as jane           what about somebody else?
      podprobe doctor --role              the role to grant: … | kubectl apply -f -
    """,
)
@target_argument(required=False)
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format."
)
@click.option(
    "--role", is_flag=True, help="Print the role that podprobe needs, as a manifest, and ask nothing."
)
@access_options
def command(target: str | None, output: str, role: bool, access: Access) -> None:
    """Find out whether podprobe can work on a cluster, and what to grant or change if not.

    Nothing is added to any Pod: what admission would say is asked by dry run. Exits 1 when something is missing that
    podprobe cannot do without.
    """
    from podprobe.errors import UsageError
    from podprobe.targets import kubernetes
    from podprobe.targets.resolve import parse

    if role:
        emit(kubernetes.role())
        return
    named = None
    if target is not None:
        ref = parse(target)
        if ref.kind in ("local", "file"):
            raise UsageError(f"doctor looks at clusters, not at {target}", "name a Pod, or nothing")
        named = f"{ref.kind}/{ref.name}"
    made: list[Check] = []
    for check in kubernetes.diagnose(named, access):
        made.append(check)
        if output == "text":
            _show(check)
    missing = sum(check.level == "missing" for check in made)
    if output == "json":
        from podprobe.model import json_text

        emit(json_text({"works": not missing, "checks": made}) + "\n")
    else:
        emit(f"podprobe cannot work here: {missing} missing\n" if missing else "podprobe can work here\n")
    sys.exit(1 if missing else 0)


def _show(check: Check) -> None:
    from podprobe.report.neutral import neutral

    mark, color = _MARKS[check.level]
    plain = "NO_COLOR" in os.environ or not sys.stdout.isatty()
    head = f"{mark} {check.level:<8}"
    emit(
        f"{head if plain else click.style(head, fg=color)} {neutral(check.name)}: {neutral(check.detail, 600)}\n",
        color=not plain,
    )
    if check.remedy:
        emit(f"             → {neutral(check.remedy, 600)}\n")
