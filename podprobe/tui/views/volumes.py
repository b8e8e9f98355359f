"""Volumes: bytes and inodes of every one, who has it mounted, and what deleted files and locks hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.analysis.held import holdings
from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, bar, role_of_share, said, spark
from podprobe.tui.views.table import Column, Section, container_column, number_column, text_column

if TYPE_CHECKING:
    from podprobe.model import DeletedFile, FileLock, LockHolder, Mount, Volume
    from podprobe.tui.state import State


class HeldFile(NamedTuple):
    """A deleted file and where it takes room."""

    place: str
    file: DeletedFile


class HeldLock(NamedTuple):
    """A lock and where its file is."""

    place: str
    lock: FileLock


def sections(state: State) -> list[Section]:
    """Volumes, deleted files, locks, other mounts."""
    volumes = [
        one
        for one in state.snapshot.volumes
        if state.focus is None or any(mount.container == state.focus for mount in one.mounts)
    ]
    mounts = [one for one in state.snapshot.mounts if state.shows(one.container)]
    places = [one for one in holdings(state.snapshot) if one.at in volumes or one.at in mounts]
    held = [HeldFile(one.name, file) for one in places for file in one.at.deleted_files]
    locks = [HeldLock(one.name, lock) for one in places for lock in one.at.locks]
    shown = [_volumes(state, volumes)]
    if held:
        shown.append(_deleted(held))
    if locks:
        shown.append(_locks(locks))
    shown.append(_mounts(mounts))
    return shown


def bytes_share(volume: Volume) -> float | None:
    """How full it is: against its own size limit where there is one, else its filesystem."""
    if volume.size_limit_bytes and volume.usage is not None:
        return volume.usage.bytes / volume.size_limit_bytes
    return filesystem_share(volume)


def filesystem_share(volume: Volume | Mount) -> float | None:
    """How full the filesystem is, for whoever is not root."""
    fs = volume.filesystem
    if fs is None:
        return None
    total = fs.used_bytes + fs.available_bytes
    return fs.used_bytes / total if total else None


def inode_share(volume: Volume | Mount) -> float | None:
    """How many of the filesystem's inodes are taken; `None` where it makes them as needed."""
    fs = volume.filesystem
    return fs.used_inodes / fs.inodes if fs is not None and fs.inodes else None


def worst_share(volume: Volume) -> float | None:
    """The fuller of the two."""
    return max(
        (share for share in (bytes_share(volume), inode_share(volume)) if share is not None), default=None
    )


def kind_of(volume: Volume) -> str:
    """`emptyDir`, `emptyDir in memory`, `configMap app-config`."""
    medium = {"Memory": " in memory", "HugePages": " in huge pages"}.get(volume.medium or "", "")
    return f"{volume.type}{medium}" + (f" {volume.source}" if volume.source else "")


def _volumes(state: State, items: list[Volume]) -> Section:
    def fill(one: Volume) -> Line:
        share = bytes_share(one)
        if one.size_limit_bytes and one.usage is not None:
            said = units.ratio(share) if one.usage.complete else units.least_ratio(share)
            text = f" {said} of {units.size(one.size_limit_bytes)} limit"
        elif one.filesystem is not None:
            text = f" {units.ratio(share)} of {units.size(one.filesystem.bytes)}"
        else:
            return (Span("not seen yet" if state.declared else "not seen", "dim"),)
        return (*bar(share, 8), Span(text, role_of_share(share)))

    def inodes(one: Volume) -> Line:
        share = inode_share(one)
        if one.filesystem is None:
            return (Span(units.ABSENT, "dim"),)
        if share is None:
            return (Span("made as needed", "dim"),)
        return (
            *bar(share, 8),
            Span(f" {units.ratio(share)} of {one.filesystem.inodes:,}", role_of_share(share)),
        )

    measure = "usage" if any(one.usage for one in items) else "bytes"
    columns = (
        text_column("volume", lambda one: one.name, least=8, most=28),
        text_column("type", kind_of, least=8, most=34, rank=2, role="dim"),
        Column(
            "its own", _usage, lambda one: one.usage.bytes if one.usage else None, right=True, least=8, rank=1
        ),
        Column("bytes", fill, bytes_share, least=16, most=34, descending=True),
        Column("inodes", inodes, inode_share, least=16, most=30, descending=True),
        Column("trend", lambda one: _trend(state, one, measure), None, least=10, most=10, rank=3),
        Column("mounted at", _mounted, None, least=16, most=70, rank=2),
    )
    return Section(
        "Volumes",
        columns,
        items,
        keys.of_volume,
        lambda one: f"{one.name} {kind_of(one)} " + " ".join(f"{m.container} {m.path}" for m in one.mounts),
        empty="the Pod has no volume",
    )


def _mounted(one: Volume) -> Line:
    spans: list[Span] = []
    for mount in one.mounts:
        if spans:
            spans.append(Span("  "))
        spans += [said(mount.container, "container"), Span(":", "dim"), said(mount.path)]
        if mount.read_only or mount.mounted_read_only:
            spans.append(Span(" ro", "dim"))
    return tuple(spans) or (Span("not mounted", "dim"),)


def _usage(one: Volume) -> Line:
    if one.usage is None:
        return (Span(units.ABSENT, "dim"),)
    least = "" if one.usage.complete else "≥ "
    return (Span(least + units.size(one.usage.bytes)),)


def _trend(state: State, one: Volume, measure: str) -> Line:
    return (Span(spark(state.history.series(keys.of_volume(one), measure), 10), "plot"),)


def _deleted(items: list[HeldFile]) -> Section:
    columns = (
        text_column("file", lambda one: one.file.path, least=16, most=60),
        number_column("still takes", lambda one: one.file.bytes, units.size, least=8),
        container_column("container", lambda one: one.file.container),
        text_column(
            "process", lambda one: f"{one.file.process.name} {one.file.process.pid}", least=8, most=28
        ),
        text_column("in", lambda one: one.place, least=8, most=32, rank=1),
    )
    return Section(
        "Deleted files still open",
        columns,
        items,
        lambda one: keys.of_deleted_file(one.place, one.file),
        lambda one: f"deleted {one.place} {one.file.path} {one.file.container} {one.file.process.name}",
        sorted_by="still takes",
    )


def _who(holder: LockHolder) -> Line:
    pid = "" if holder.pid is None else f" {holder.pid}"
    return said(holder.container, "container"), Span(" "), said(holder.process or "?"), Span(pid, "dim")


def _locks(items: list[HeldLock]) -> Section:
    def waiters(one: HeldLock) -> Line:
        if not one.lock.waiters:
            return (Span("nobody", "dim"),)
        spans: list[Span] = [Span("▲ ", "warning")]
        for waiter in one.lock.waiters[:3]:
            if len(spans) > 1:
                spans.append(Span(", ", "dim"))
            spans += _who(waiter)
        more = len(one.lock.waiters) - 3
        return (*spans, Span(f" and {more} more", "dim")) if more > 0 else tuple(spans)

    columns = (
        text_column("file", lambda one: one.lock.path or f"inode {one.lock.inode}", least=14, most=48),
        Column("held by", lambda one: _who(one.lock.holder), None, least=14, most=40),
        Column(
            "waited for by", waiters, lambda one: len(one.lock.waiters), least=14, most=60, descending=True
        ),
        text_column(
            "kind", lambda one: f"{one.lock.kind} {one.lock.holder.access}", least=8, rank=1, role="dim"
        ),
        text_column("in", lambda one: one.place, least=8, most=32, rank=2),
    )
    return Section(
        "File locks",
        columns,
        items,
        lambda one: keys.of_lock(one.place, one.lock),
        lambda one: f"lock {one.place} {one.lock.path} {one.lock.holder.container} {one.lock.holder.process}",
    )


def _mounts(items: list[Mount]) -> Section:
    def fill(one: Mount) -> Line:
        if one.filesystem is None or not one.filesystem.bytes:
            return (Span(units.ABSENT, "dim"),)
        share = filesystem_share(one)
        text = f" {units.ratio(share)} of {units.size(one.filesystem.bytes)}"
        return (*bar(share, 8), Span(text, role_of_share(share)))

    def inodes(one: Mount) -> Line:
        share = inode_share(one)
        return (Span(units.ratio(share), role_of_share(share)),)

    columns = (
        container_column("container", lambda one: one.container),
        text_column("path", lambda one: one.path, least=14, most=48),
        text_column("filesystem", lambda one: one.filesystem_type, least=8, most=14),
        Column("bytes", fill, filesystem_share, least=16, most=30, descending=True, rank=1),
        Column("inodes", inodes, inode_share, right=True, least=7, descending=True, rank=1),
        text_column(
            "mode", lambda one: "read-only" if one.read_only else "", least=9, most=9, rank=3, role="dim"
        ),
        text_column("source", lambda one: one.source, least=8, most=40, rank=3, role="dim"),
    )
    return Section(
        "Other mounts",
        columns,
        items,
        keys.of_mount,
        lambda one: f"mount {one.container} {one.path} {one.filesystem_type} {one.source}",
        empty="not read yet",
        sorted_by="bytes",
    )
