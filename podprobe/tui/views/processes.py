"""Processes: a tree per container."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, said
from podprobe.tui.views.table import Column, Section, number_column, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    roots, children = _tree(container.name, top)
    note = "not seen yet" if declared else "not seen"
    if processes is not None:
        note = f"{_plural(processes.count, 'process', 'es')}, {_plural(processes.threads, 'thread')}"
        if processes.zombies:
            note += f", {_plural(processes.zombies, 'zombie')}"
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


def _plural(count: int, word: str, ending: str = "s") -> str:
    return f"{count:,} {word}{'' if count == 1 else ending}"


def _tree(container: str, processes: Sequence[Process]) -> tuple[list[Row], dict[int, list[Row]]]:
    """Processes without a parent in the list, and the children of each PID. Every PID is in it once.

    The parents that a Pod claims need not make a tree: what no root leads to becomes a root of its own.
    """
    by_pid = {process.pid: process for process in reversed(processes)}
    children: dict[int, list[Row]] = {}
    placed: set[int] = set()
    roots: list[Row] = []
    below: dict[int, list[Process]] = {}
    for process in by_pid.values():
        below.setdefault(process.parent, []).append(process)
    firsts = [one for one in processes if one.parent not in by_pid or one.parent == one.pid]
    for first in (*firsts, *processes):
        if first.pid in placed:
            continue
        placed.add(first.pid)
        roots.append(Row(container, by_pid[first.pid]))
        pending = [first.pid]
        while pending:
            pid = pending.pop()
            for child in sorted(below.get(pid, ()), key=lambda one: one.pid):
                if child.pid not in placed:
                    placed.add(child.pid)
                    children.setdefault(pid, []).append(Row(container, child))
                    pending.append(child.pid)
    return roots, children


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
    Column("pid", lambda row: (Span(str(row.process.pid)),), lambda row: row.process.pid, least=6, most=28),
    text_column("name", lambda row: row.process.name, least=10, most=24),
    Column("state", _state, lambda row: row.process.state, least=8, most=12),
    number_column("memory", lambda row: row.process.memory_bytes, units.size, least=8),
    number_column("cpu s", lambda row: row.process.cpu_seconds, lambda value: f"{value:,.1f}", rank=1),
    number_column("thr", lambda row: row.process.threads, rank=2),
    Column("files", _files, lambda row: row.process.open_files, right=True, least=5, rank=2, descending=True),
    number_column("uid", lambda row: row.process.uid, str, rank=3),
    text_column("command", lambda row: row.process.command, least=16, most=120, rank=1, role="dim"),
)
