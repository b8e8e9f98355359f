"""`podprobe cleanup`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from podprobe.cli.options import access_options, target_argument
from podprobe.cli.terminal import emit

if TYPE_CHECKING:
    from podprobe.targets.access import Access


@click.command("cleanup")
@target_argument()
@access_options
def command(target: str, access: Access) -> None:
    """End podprobe's agents in a Pod now, whoever started them.

    They end by themselves when their lifetime is over, and with the Pod; this is for those who do not want to wait.
    Their entries stay in the Pod's spec, terminated: Kubernetes never removes an ephemeral container.
    """
    from podprobe.errors import UsageError
    from podprobe.report.neutral import neutral
    from podprobe.targets.kubernetes.target import KubernetesTarget
    from podprobe.targets.resolve import open_target, parse

    ref = parse(target)
    if ref.kind in ("local", "file"):
        raise UsageError(f"{target} has no agents that outlive a command", "cleanup is for Pods on a cluster")
    opened = open_target(ref, access)
    assert isinstance(opened, KubernetesTarget)
    try:
        ended = opened.end_agents()
        label = opened.label
    finally:
        opened.close()
    emit(f"ended {len(ended)} {'agent' if len(ended) == 1 else 'agents'} in {neutral(label)}\n")
