"""POSIX shared memory and message queues, and the /dev/shm that holds the former."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, bar, role_of_share
from podprobe.tui.views.ipc.cells import names, searchable, trend, users_column
from podprobe.tui.views.table import Column, Section, number_column, text_column

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.model import DevShm
    from podprobe.tui.state import State


def posix_memory(items: list[Any]) -> Section:
    """Objects in /dev/shm, and who has them mapped."""

    def name(one: Any) -> str:
        return f"{one.name} (unlinked)" if one.unlinked else str(one.name)

    columns = (
        text_column("name", name, least=10, most=32),
        _size("length", lambda one: one.bytes),
        _size("in use", lambda one: one.used_bytes),
        users_column("mapped by", lambda one: one.mapped),
        text_column("in", lambda one: " ".join(one.containers), least=8, most=24, rank=2, role="container"),
        text_column(
            "kind", lambda one: "semaphore" if one.semaphore else "memory", least=6, rank=3, role="dim"
        ),
        text_column("mode", lambda one: one.mode, least=4, rank=3, role="dim"),
    )
    return Section(
        "POSIX shared memory",
        columns,
        items,
        keys.of_posix_memory,
        lambda one: searchable(
            "posix shm", one.name, "unlinked" if one.unlinked else "", names(one.mapped), *one.containers
        ),
        sorted_by="length",
    )


def _size(title: str, value: Callable[[Any], int]) -> Column:
    def cell(one: Any) -> Line:
        least = "≥ " if one.measured == "mapping" else ""
        return (Span(least + units.size(value(one)), "" if value(one) else "dim"),)

    return Column(title, cell, value, right=True, least=7, most=16, descending=True)


def posix_queues(state: State, touches: Any) -> Section:
    """Queues, and how full they are."""

    def share(one: Any) -> float | None:
        return one.messages / one.max_messages if one.messages is not None and one.max_messages else None

    def fill(one: Any) -> Line:
        if one.messages is None:
            return (Span("not readable", "dim"),)
        text = f" {one.messages}" + (f" / {one.max_messages}" if one.max_messages else "")
        return (*bar(share(one), 8), Span(text, role_of_share(share(one))))

    columns = (
        text_column("name", lambda one: one.name, least=10, most=32),
        Column("messages", fill, share, least=14, most=22, descending=True),
        number_column("queued", lambda one: one.queued_bytes, units.size, rank=1, least=7),
        number_column("largest", lambda one: one.message_bytes, units.size, rank=2, least=7),
        users_column("open in", lambda one: one.open_by),
        text_column("mode", lambda one: one.mode, least=4, rank=3, role="dim"),
    )
    items = [one for one in state.snapshot.ipc.posix_message_queues if touches(one.open_by)]
    return Section(
        "POSIX message queues",
        columns,
        items,
        keys.of_posix_queue,
        lambda one: searchable("mqueue", one.name, names(one.open_by)),
    )


def dev_shm(state: State) -> Section:
    """The filesystem that they are in."""

    def share(one: DevShm) -> float | None:
        return one.filesystem.used_bytes / one.filesystem.bytes if one.filesystem.bytes else None

    def fill(one: DevShm) -> Line:
        text = f" {units.used(one.filesystem.used_bytes, one.filesystem.bytes)}"
        return (*bar(share(one), 12), Span(text, role_of_share(share(one))))

    columns = (
        text_column("containers", lambda one: " ".join(one.containers), least=12, most=40, role="container"),
        Column("filled", fill, share, least=24, most=48),
        Column(
            "trend", lambda one: trend(state, keys.of_dev_shm(one), "bytes"), None, least=12, most=12, rank=2
        ),
        text_column(
            "volume", lambda one: one.volume or "the Pod's own", least=8, most=20, rank=2, role="dim"
        ),
    )
    items = [
        one for one in state.snapshot.ipc.dev_shm if state.focus is None or state.focus in one.containers
    ]
    return Section(
        "Shared-memory filesystems",
        columns,
        items,
        keys.of_dev_shm,
        lambda one: searchable("dev shm", *one.containers, one.volume),
    )
