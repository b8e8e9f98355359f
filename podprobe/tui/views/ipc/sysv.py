"""System V shared memory, semaphores and message queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, bar, role_of_share, said
from podprobe.tui.views.ipc.cells import clock, names, searchable, trend, users_column
from podprobe.tui.views.table import Column, Section, number_column, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Limit, MessageQueue, SharedMemory
    from podprobe.tui.state import State


def queue_share(queue: MessageQueue, limits: Sequence[Limit]) -> float | None:
    """How full a SysV queue is, by its own bound or the namespace's."""
    bound = queue_bound(queue, limits)
    return queue.bytes / bound if bound else None


def queue_bound(queue: MessageQueue, limits: Sequence[Limit]) -> int | None:
    """The most bytes it may hold."""
    if queue.max_bytes is not None:
        return queue.max_bytes
    return next((one.limit for one in limits if one.name == "msgmnb"), None)


def shared_memory(items: list[SharedMemory]) -> Section:
    """Segments, and who has them attached."""

    def attached(one: SharedMemory) -> Line:
        if one.attachments == 0:
            leaked = one.creator_alive is not True
            return (Span("▲ 0", "warning") if leaked else Span("0"),)
        return (Span(f"{one.attachments:,}"),)

    columns = (
        text_column("key", lambda one: one.key, least=10, most=10),
        number_column("id", lambda one: one.id, str),
        number_column("size", lambda one: one.bytes, units.size, least=7),
        number_column("resident", lambda one: one.resident_bytes, units.size, rank=2, least=8),
        Column("attached", attached, lambda one: one.attachments, right=True, least=8),
        users_column("by", lambda one: one.attached),
        Column("creator", _creator, lambda one: one.creator_container or "", least=10, most=24, rank=2),
        text_column("mode", lambda one: one.mode, least=4, rank=3, role="dim"),
    )
    return Section(
        "SysV shared memory",
        columns,
        items,
        keys.of_shared_memory,
        lambda one: searchable("shm", one.key, one.id, names(one.attached), one.creator_container),
        sorted_by="size",
    )


def _creator(one: SharedMemory) -> Line:
    spans: list[Span] = []
    if one.creator_container:
        spans += [said(one.creator_container, "container"), Span(" ")]
    if one.creator_pid is not None:
        spans.append(Span(f"pid {one.creator_pid}"))
    if one.creator_alive is False:
        spans.append(Span(" ✖ gone", "warning"))
    return tuple(spans) or (Span("not seen", "dim"),)


def semaphores(items: list[Any]) -> Section:
    """Sets, their values, and who waits."""

    def values(one: Any) -> Line:
        if one.values is None:
            return (Span("not readable", "dim"),)
        shown = " ".join(str(value) for value in one.values[:8])
        return (Span(shown + (" …" if len(one.values) > 8 else "")),)

    def waiting(one: Any) -> Line:
        if one.waiting is None:
            return (Span(units.ABSENT, "dim"),)
        total = sum(one.waiting)
        return (Span(f"▲ {total}", "warning") if total else Span("0", "dim"),)

    columns = (
        text_column("key", lambda one: one.key, least=10, most=10),
        number_column("id", lambda one: one.id, str),
        number_column("count", lambda one: one.semaphores),
        Column("values", values, None, least=8, most=24),
        Column("waiting", waiting, lambda one: sum(one.waiting or ()), right=True, least=7, descending=True),
        users_column("waiters", lambda one: one.waiters),
        text_column("mode", lambda one: one.mode, least=4, rank=3, role="dim"),
    )
    return Section(
        "SysV semaphores",
        columns,
        items,
        keys.of_semaphores,
        lambda one: searchable("sem", one.key, one.id, names(one.waiters)),
    )


def message_queues(state: State) -> Section:
    """Queues, and how full they are."""
    limits = state.snapshot.ipc.limits

    def fill(one: MessageQueue) -> Line:
        share = queue_share(one, limits)
        bound = queue_bound(one, limits)
        of = "" if bound is None else f" / {units.size(bound)}"
        return (*bar(share, 8), Span(f" {units.size(one.bytes)}{of}", role_of_share(share)))

    columns = (
        text_column("key", lambda one: one.key, least=10, most=10),
        number_column("id", lambda one: one.id, str),
        number_column("messages", lambda one: one.messages, least=8),
        Column("filled", fill, lambda one: queue_share(one, limits), least=18, most=32, descending=True),
        Column(
            "trend",
            lambda one: trend(state, keys.of_message_queue(one), "bytes"),
            None,
            least=12,
            most=12,
            rank=2,
        ),
        number_column("sender", lambda one: one.last_send_pid, str, rank=3),
        number_column("receiver", lambda one: one.last_receive_pid, str, rank=3),
        text_column("last read", lambda one: clock(one.received_at), least=8, most=10, rank=2),
    )
    return Section(
        "SysV message queues",
        columns,
        state.snapshot.ipc.message_queues,
        keys.of_message_queue,
        lambda one: searchable("msg queue", one.key, one.id),
    )
