"""Processes: a tree per container."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, said
from podprobe.tui.views.table import Column, Section, number_column, text_column

if TYPE_CHECKING:
    from podprobe.model import Container, Process
    from podprobe.tui.state import State


class Row(NamedTuple):
    """A process and the container it runs in."""

    container: str
    process: Process


def sections(state: State) -> list[Section]:
    """One section per container that has processes to show."""
    return [
        _container(one, state.declared)
        for one in state.snapshot.containers
        if state.shows(one.name) and (one.processes is not None or one.state == "running")
    ]


def _container(container: Container, declared: bool) -> Section:
    processes = container.processes
    top = processes.top if processes else ()
    known = {process.pid for process in top}
    children: dict[int, list[Row]] = {}
    for process in top:
        if process.parent in known and process.parent != process.pid:
            children.setdefault(process.parent, []).append(Row(container.name, process))
    roots = [
        Row(container.name, process)
        for process in top
        if process.parent not in known or process.parent == process.pid
    ]
    note = "not seen yet" if declared else "not seen"
    if processes is not None:
        note = f"{processes.count:,} processes, {processes.threads:,} threads"
        if processes.zombies:
            note += f", {processes.zombies:,} zombies"
        if len(top) < processes.count:
            note += f"; the {len(top)} largest listed"
    return Section(
        container.name,
        _COLUMNS,
        roots,
        lambda row: keys.of_process(row.container, row.process),
        lambda row: f"{row.process.pid} {row.process.name} {row.process.command or ''} {row.process.state}",
        children=lambda row: children.get(row.process.pid, ()),
        opened=True,
        note=note,
        empty=note,
    )


def state_role(state: str) -> str:
    """Zombies, and processes that cannot be woken, stand out."""
    return {"zombie": "warning", "disk-sleep": "warning", "running": "ok", "stopped": "warning"}.get(
        state, "dim"
    )


def _state(row: Row) -> Line:
    mark = "▲ " if state_role(row.process.state) == "warning" else ""
    return (said(mark + row.process.state, state_role(row.process.state)),)


def _files(row: Row) -> Line:
    count, limit = row.process.open_files, row.process.open_files_limit
    if count is None:
        return (Span(units.ABSENT, "dim"),)
    close = limit is not None and limit > 0 and count / limit >= 0.85
    return (Span(("▲ " if close else "") + f"{count:,}", "warning" if close else ""),)


_COLUMNS = (
    Column("pid", lambda row: (Span(str(row.process.pid)),), lambda row: row.process.pid, least=6, most=16),
    text_column("name", lambda row: row.process.name, least=10, most=24),
    Column("state", _state, lambda row: row.process.state, least=8, most=12),
    number_column("memory", lambda row: row.process.memory_bytes, units.size, least=8),
    number_column("cpu s", lambda row: row.process.cpu_seconds, lambda value: f"{value:,.1f}", rank=1),
    number_column("thr", lambda row: row.process.threads, rank=2),
    Column("files", _files, lambda row: row.process.open_files, right=True, least=5, rank=2, descending=True),
    number_column("uid", lambda row: row.process.uid, str, rank=3),
    text_column("command", lambda row: row.process.command, least=16, most=120, rank=1, role="dim"),
)
