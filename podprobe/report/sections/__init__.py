"""A snapshot as tables: what the table, Markdown and HTML reports have in common.

A section is made once, here, with every string from the Pod neutralised; a renderer only draws it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report.sections import (
    judgement,
    names,
    network,
    policies,
    proxies,
    shared,
    startup,
    traffic,
    unseen,
    workload,
)
from podprobe.report.sections.base import Cell, Column, Marks, Row, Section, Tone

if TYPE_CHECKING:
    from podprobe.model import Snapshot

__all__ = ["Cell", "Column", "Marks", "Row", "Section", "Tone", "sections"]


def sections(snapshot: Snapshot, *, detail: bool = False) -> list[Section]:
    """The sections that have something in them, in reading order.

    Args:
        snapshot: what to show.
        detail: include those that are too long for a terminal: single connections, processes, mounts, limits.
    """
    marks = Marks(snapshot.findings)
    makers = [
        judgement.channels,
        proxies.paths,
        network.ports,
        network.flows,
        traffic.traffic,
        network.unix_listeners,
        shared.ipc,
        shared.dev_shm,
        shared.volumes,
        judgement.latency,
        workload.containers,
        startup.starts,
        judgement.services,
        startup.probes,
        policies.reach,
        policies.policies,
        proxies.mesh,
        proxies.proxies,
        proxies.upstreams,
        names.lookups,
        names.resolvers,
        unseen.visibility,
    ]
    if detail:
        makers += [
            network.connections,
            network.interfaces,
            network.unix_sockets,
            shared.ipc_limits,
            shared.deleted_files,
            shared.locks,
            shared.mounts,
            workload.processes,
        ]
    made = (maker(snapshot, marks) for maker in makers)
    return [section for section in made if section.rows]
