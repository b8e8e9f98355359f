"""IPC: what System V and POSIX keep in the namespace that the containers share, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, bar, role_of_share, said, spark
from podprobe.tui.views.table import Column, Section, number_column, text_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.model import Attachment, DevShm, Limit, MessageQueue, SemaphoreWaiter, SharedMemory
    from podprobe.tui.state import State


def sections(state: State) -> list[Section]:
    """One section per kind of object, then /dev/shm and the kernel's limits."""
    ipc = state.snapshot.ipc

    def touches(users: Sequence[Attachment | SemaphoreWaiter], *others: str | None) -> bool:
        return state.focus is None or state.focus in {*others, *(one.container for one in users)}

    return [
        _shared_memory([one for one in ipc.shared_memory if touches(one.attached, one.creator_container)]),
        _semaphores([one for one in ipc.semaphores if touches(one.waiters) or not one.waiters]),
        _message_queues(state),
        _posix_memory([one for one in ipc.posix_shared_memory if touches(one.mapped, *one.containers)]),
        _posix_queues(state, touches),
        _dev_shm(state),
        _limits(ipc.limits),
    ]


def users(attached: Sequence[Attachment | SemaphoreWaiter]) -> Line:
    """Who has it: `nginx worker 7, webapp app 12`."""
    spans: list[Span] = []
    for one in attached[:4]:
        if spans:
            spans.append(Span(", ", "dim"))
        spans += [said(one.container, "container"), said(f" {one.process}"), Span(f" {one.pid}", "dim")]
    if len(attached) > 4:
        spans.append(Span(f" and {len(attached) - 4} more", "dim"))
    return tuple(spans) or (Span("nobody seen", "dim"),)


def queue_share(queue: MessageQueue, limits: Sequence[Limit]) -> float | None:
    """How full a SysV queue is, by its own bound or the namespace's."""
    bound = queue_bound(queue, limits)
    return queue.bytes / bound if bound else None


def queue_bound(queue: MessageQueue, limits: Sequence[Limit]) -> int | None:
    """The most bytes it may hold."""
    if queue.max_bytes is not None:
        return queue.max_bytes
    return next((one.limit for one in limits if one.name == "msgmnb"), None)


def _users_column(title: str, value: Any) -> Column:
    return Column(title, lambda one: users(value(one)), None, least=12, most=60, rank=1)


def _searchable(*parts: object) -> str:
    return " ".join(str(part) for part in parts)


def _names(attached: Sequence[Attachment | SemaphoreWaiter]) -> str:
    return " ".join(f"{one.container} {one.process}" for one in attached)


def _shared_memory(items: list[SharedMemory]) -> Section:
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
        _users_column("by", lambda one: one.attached),
        Column("creator", _creator, lambda one: one.creator_container or "", least=10, most=24, rank=2),
        text_column("mode", lambda one: one.mode, least=4, rank=3, role="dim"),
    )
    return Section(
        "SysV shared memory",
        columns,
        items,
        keys.of_shared_memory,
        lambda one: _searchable("shm", one.key, one.id, _names(one.attached), one.creator_container),
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


def _semaphores(items: list[Any]) -> Section:
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
        _users_column("waiters", lambda one: one.waiters),
        text_column("mode", lambda one: one.mode, least=4, rank=3, role="dim"),
    )
    return Section(
        "SysV semaphores",
        columns,
        items,
        keys.of_semaphores,
        lambda one: _searchable("sem", one.key, one.id, _names(one.waiters)),
    )


def _message_queues(state: State) -> Section:
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
            lambda one: _trend(state, keys.of_message_queue(one), "bytes"),
            None,
            least=12,
            most=12,
            rank=2,
        ),
        number_column("sender", lambda one: one.last_send_pid, str, rank=3),
        number_column("receiver", lambda one: one.last_receive_pid, str, rank=3),
        text_column("last read", lambda one: _clock(one.received_at), least=8, most=10, rank=2),
    )
    return Section(
        "SysV message queues",
        columns,
        state.snapshot.ipc.message_queues,
        keys.of_message_queue,
        lambda one: _searchable("msg queue", one.key, one.id),
    )


def _posix_memory(items: list[Any]) -> Section:
    columns = (
        text_column("name", lambda one: one.name, least=10, most=32),
        number_column("length", lambda one: one.bytes, units.size, least=7),
        number_column("in use", lambda one: one.used_bytes, units.size, least=7),
        _users_column("mapped by", lambda one: one.mapped),
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
        lambda one: _searchable("posix shm", one.name, _names(one.mapped), *one.containers),
        sorted_by="length",
    )


def _posix_queues(state: State, touches: Any) -> Section:
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
        _users_column("open in", lambda one: one.open_by),
        text_column("mode", lambda one: one.mode, least=4, rank=3, role="dim"),
    )
    items = [one for one in state.snapshot.ipc.posix_message_queues if touches(one.open_by)]
    return Section(
        "POSIX message queues",
        columns,
        items,
        keys.of_posix_queue,
        lambda one: _searchable("mqueue", one.name, _names(one.open_by)),
    )


def _dev_shm(state: State) -> Section:
    def share(one: DevShm) -> float | None:
        return one.filesystem.used_bytes / one.filesystem.bytes if one.filesystem.bytes else None

    def fill(one: DevShm) -> Line:
        text = f" {units.used(one.filesystem.used_bytes, one.filesystem.bytes)}"
        return (*bar(share(one), 12), Span(text, role_of_share(share(one))))

    columns = (
        text_column("containers", lambda one: " ".join(one.containers), least=12, most=40, role="container"),
        Column("filled", fill, share, least=24, most=48),
        Column(
            "trend", lambda one: _trend(state, keys.of_dev_shm(one), "bytes"), None, least=12, most=12, rank=2
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
        lambda one: _searchable("dev shm", *one.containers, one.volume),
    )


def _limits(limits: Sequence[Limit]) -> Section:
    def share(one: Limit) -> float | None:
        return one.used / one.limit if one.used is not None and one.limit else None

    def amount(one: Limit, value: int | None) -> str:
        if value is not None and value >= 1 << 60:
            return "unlimited"
        return (
            units.size(value) if one.name.endswith("bytes") or one.name == "msgmnb" else units.number(value)
        )

    columns = (
        text_column("limit", lambda one: one.name, least=12, most=20),
        Column(
            "used",
            lambda one: (Span(amount(one, one.used), role_of_share(share(one))),),
            None,
            right=True,
            least=8,
        ),
        Column("of", lambda one: (Span(amount(one, one.limit), "dim"),), None, right=True, least=9),
        Column("", lambda one: bar(share(one), 16), share, least=16, most=16, rank=1),
    )
    return Section(
        "Kernel limits of the namespace",
        columns,
        limits,
        keys.of_limit,
        lambda one: _searchable("limit", one.name),
        empty="not read yet",
    )


def _trend(state: State, key: Any, measure: str) -> Line:
    return (Span(spark(state.history.series(key, measure), 12), "plot"),)


def _clock(moment: str | None) -> str | None:
    return None if moment is None else units.moment(moment)[11:19]
