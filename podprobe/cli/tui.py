"""`podprobe tui`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from podprobe.cli.options import INTERVAL, access_options, look_options, target_argument

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.model import Target
    from podprobe.opening import Looker
    from podprobe.session import SessionOptions
    from podprobe.targets.access import Access
    from podprobe.targets.base import PodTarget, Progress
    from podprobe.tui.screens.picker import Listing


@click.command(
    "tui",
    epilog="""
    \b
    Examples:
      podprobe tui web-7d9f              the live view of a Pod
      podprobe tui deploy/web -n shop    of its newest ready replica
      podprobe tui                       choose a Pod from a list
      podprobe tui file:web.json         a snapshot taken earlier
    """,
)
@target_argument(required=False)
@click.option(
    "-A", "--all-namespaces", is_flag=True, help="Without TARGET: offer the Pods of every namespace."
)
@click.option("-l", "--selector", help="Without TARGET: offer only Pods with these labels.")
@click.option(
    "-i", "--interval", type=INTERVAL, default="1s", show_default=True, help="From one look to the next."
)
@click.option(
    "--theme", type=click.Choice(["dark", "light", "16"]), help="Colours.  [default: what suits the terminal]"
)
@access_options
@look_options
def command(
    target: str | None,
    all_namespaces: bool,
    selector: str | None,
    interval: float,
    theme: str | None,
    access: Access,
    options: SessionOptions,
) -> None:
    """Watch a Pod live.

    TARGET is POD, pod/NAME, deploy/NAME, sts/NAME, ds/NAME, job/NAME, local:PID or file:SNAPSHOT.json. Without one,
    a list of Pods to choose from.
    """
    from podprobe.tui import launch

    interval = max(0.25, interval)
    if target is not None and target.startswith("file:"):
        from pathlib import Path

        launch.replay([Path(target.removeprefix("file:"))], theme=theme)
        return
    if target is not None:
        from podprobe.targets.resolve import parse

        # What is wrong with the words themselves is said before the screen is taken.
        parse(target)

        def open_target(progress: Callable[[Progress], None]) -> Looker:
            from podprobe.opening import open_looker

            return open_looker(target, access, options, progress)

        privileged = None if target.startswith("local:") else partial(_open_privileged, access)
        launch.watch(target, open_target, interval=interval, theme=theme, open_privileged=privileged)
        return

    def list_pods(everywhere: bool) -> Listing:
        from podprobe.targets.kubernetes import find_pods, where
        from podprobe.tui.screens.picker import Listing

        namespace, context = where(access)
        place = "every namespace" if everywhere else f"namespace {namespace}"
        pods = find_pods(selector, access, all_namespaces=everywhere)
        return Listing(f"{place}, context {context}" if context else place, pods)

    def open_pod(namespace: str, name: str, progress: Callable[[Progress], None]) -> Looker:
        from podprobe.opening import open_looker

        return open_looker(f"pod/{name}", replace(access, namespace=namespace), options, progress)

    launch.pick(
        list_pods,
        open_pod,
        everywhere=all_namespaces,
        interval=interval,
        theme=theme,
        open_privileged=partial(_open_privileged, access),
    )


def _open_privileged(access: Access, target: Target) -> PodTarget:
    """The Pod that is looked at, with one agent that may capture packets."""
    from podprobe.targets.resolve import open_target, parse

    wanted = replace(access, namespace=target.namespace, profile="netraw", agents="single")
    return open_target(parse(f"pod/{target.pod}"), wanted)
