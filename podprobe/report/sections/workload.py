"""Containers and their processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.report.sections.base import (
    Cell,
    Column,
    Marks,
    Section,
    count,
    full,
    ident,
    ratio,
    section,
    size,
    text,
)

if TYPE_CHECKING:
    from podprobe.model import Container, Snapshot
    from podprobe.report.sections.base import Tone


def containers(snapshot: Snapshot, marks: Marks) -> Section:
    """State, restarts, and how near each container is to its limits."""
    rows = []
    for index, container in enumerate(snapshot.containers):
        state, tone = state_of(container)
        group, processes = container.cgroup, container.processes
        memory = None if group is None else group.memory_working_set_bytes or group.memory_bytes
        limit = (
            group.memory_limit_bytes
            if group and group.memory_limit_bytes
            else container.resources.memory_limit_bytes
        )
        rows.append(
            marks.row(
                f"/containers/{index}",
                text(container.name, 63),
                Cell(_part(container), tone="plain" if container.kind == "app" else "dim"),
                Cell(state, tone=tone),
                count(container.restarts),
                size(memory),
                full(memory, limit),
                ratio(group.cpu_throttled_ratio if group else None),
                count(processes.count if processes else None),
                count(processes.zombies if processes else None),
                text(container.image, 120),
            )
        )
    columns = (
        Column("container"),
        Column("kind", 2),
        Column("state"),
        Column("restarts", right=True),
        Column("memory", right=True),
        Column("of limit", right=True),
        Column("throttled", right=True),
        Column("procs", 1, right=True),
        Column("zombies", 1, right=True),
        Column("image", 3),
    )
    return section("containers", "Containers", columns, rows)


def _part(container: Container) -> str:
    """Its kind, and the part it plays where that is known: `sidecar, log shipper`."""
    return f"{container.kind}, {container.role.replace('-', ' ')}" if container.role else container.kind


def processes(snapshot: Snapshot, marks: Marks) -> Section:
    """The largest processes of each container."""
    rows = [
        marks.row(
            f"/containers/{index}/processes/top/{number}",
            text(container.name, 63),
            Cell(str(found.pid), found.pid),
            text(found.command or found.name, 200),
            text(found.state, 20, "critical" if found.state == "zombie" else "plain"),
            ident(found.uid),
            count(found.threads),
            size(found.memory_bytes),
            Cell(
                units.ABSENT if found.cpu_seconds is None else f"{found.cpu_seconds:.1f} s", found.cpu_seconds
            ),
            count(found.open_files),
        )
        for index, container in enumerate(snapshot.containers)
        for number, found in enumerate(container.processes.top if container.processes else ())
    ]
    columns = (
        Column("container"),
        Column("pid", right=True),
        Column("command"),
        Column("state"),
        Column("uid", right=True),
        Column("threads", right=True),
        Column("memory", right=True),
        Column("cpu", right=True),
        Column("open files", right=True),
    )
    return section("processes", "Processes", columns, rows)


def state_of(container: Container) -> tuple[str, Tone]:
    """A container's state in a word or two with a sign, and the tone to show it in."""
    if container.state == "running":
        return ("○ not ready", "warning") if container.ready is False else ("● running", "ok")
    reason = text(container.state_reason, 40).text if container.state_reason else container.state
    if container.state == "terminated":
        failed = container.last_exit is not None and container.last_exit.exit_code not in (0, None)
        return (
            (f"✖ {reason}", "critical")
            if failed and container.kind != "ephemeral"
            else (f"■ {reason}", "dim")
        )
    return f"✖ {reason}", "critical" if container.state == "waiting" else "dim"
