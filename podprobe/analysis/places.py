"""Where the files are that processes hold: in which volume of the Pod, or on which other mount of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podprobe.agents.answers import LockItem, MountItem, OpenFileItem
    from podprobe.analysis.answered import Answered
    from podprobe.model import Volume


class Place(NamedTuple):
    """A volume by its name, or a container's mount that is none, by its path."""

    volume: str | None = None
    container: str | None = None
    path: str | None = None


class _Entry(NamedTuple):
    item: MountItem
    place: Place


def topmost(answer: Answered) -> dict[str, MountItem]:
    """The mounts of an agent's container by path; of several at one path, the last hides the others."""
    return {item.path: item for item in answer.areas.items["mounts"]}


def declared_at(table: Mapping[str, MountItem], path: str) -> MountItem | None:
    """The mount that a manifest declares at a path. Where /var/run is a link to /run, the kernel knows it by that."""
    found = table.get(path)
    if found is None and path.startswith("/var/run/"):
        found = table.get(path.removeprefix("/var"))
    return found


def claims(declared: Sequence[Volume]) -> dict[tuple[str, str], str]:
    """The volume at each container's path, by either name that `declared_at` knows it by."""
    claimed = {(mount.container, mount.path): volume.name for volume in declared for mount in volume.mounts}
    run = {
        (container, path.removeprefix("/var")): name
        for (container, path), name in claimed.items()
        if path.startswith("/var/run/")
    }
    return {**run, **claimed}


class Places:
    """Tells a file's place.

    Args:
        declared: the Pod's volumes.
        answers: the agents' answers, with the mounts of their containers.
    """

    def __init__(self, declared: Sequence[Volume], answers: Sequence[Answered]) -> None:
        claimed = claims(declared)
        self._tables: dict[str, list[_Entry]] = {}
        for answer in answers:
            if answer.container is None:
                continue
            self._tables[answer.container] = [
                _Entry(item, _place(claimed.get((answer.container, path)), answer.container, path))
                for path, item in topmost(answer).items()
            ]

    def find(self, container: str | None, file: OpenFileItem | LockItem) -> Place | None:
        """Where a file is that a process of a container holds; `None` where that is not certain.

        Args:
            container: `None` where it is not known whose the process is: then all containers have to agree.
            file: with its device, and its mount or at least its path, as far as the agent could tell.
        """
        tables = self._tables.values() if container is None else [self._tables.get(container, [])]
        found = {place for table in tables if (place := _find(table, file)) is not None}
        return found.pop() if len(found) == 1 else None


def _place(volume: str | None, container: str, path: str) -> Place:
    return Place(container=container, path=path) if volume is None else Place(volume=volume)


def _find(table: Iterable[_Entry], file: OpenFileItem | LockItem) -> Place | None:
    found = _by_mount(table, file) if file.mount_root is not None else _by_path(table, file)
    return found or _by_device(table, file.device)


def _by_mount(table: Iterable[_Entry], file: OpenFileItem | LockItem) -> Place | None:
    """The same directory of the same filesystem. Ids would not do: a process may have a mount namespace of its own."""
    same = [
        entry for entry in table if (entry.item.device, entry.item.root) == (file.device, file.mount_root)
    ]
    at = [entry for entry in same if entry.item.path == file.mount_path]
    return next((entry.place for entry in at or same), None)


def _by_path(table: Iterable[_Entry], file: OpenFileItem | LockItem) -> Place | None:
    """The mount with the longest path that leads to the file, if that is on its device."""
    path = file.path
    holding = [entry for entry in table if path is not None and _under(path, entry.item.path)]
    nearest = max(holding, key=lambda entry: len(entry.item.path), default=None)
    return nearest.place if nearest is not None and nearest.item.device == file.device else None


def _by_device(table: Iterable[_Entry], device: str) -> Place | None:
    """Where the file's filesystem is, if the container has it as a whole, and in one place."""
    whole = {entry.place for entry in table if entry.item.device == device and entry.item.root == "/"}
    return whole.pop() if len(whole) == 1 else None


def _under(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
