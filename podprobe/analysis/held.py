"""What processes hold in the Pod's volumes and mounts: deleted files that are still open, and file locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from podprobe.analysis.places import Places
from podprobe.analysis.words import count, size
from podprobe.model import DeletedFile, FileLock, LockHolder, Visibility

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from podprobe.agents.answers import LockItem
    from podprobe.analysis.answered import Answered, Household
    from podprobe.analysis.places import Place
    from podprobe.model import Mount, Snapshot, Volume

DEV_SHM = "/dev/shm/"  # noqa: S108  # the place itself is what is looked at

_LockKey = tuple[int, str, int]
"""The kernel's number of a lock, which two readings a moment apart may give to different locks, with its file."""


class Holding(NamedTuple):
    """A volume or mount of a snapshot, in which files are held."""

    pointer: str
    """`/volumes/0`, `/mounts/3`."""
    name: str
    """For tables: `html`, `web's own filesystem`, `/dev/shm of web`."""
    noun: str
    """For sentences: `volume html`."""
    at: Volume | Mount


def holdings(snapshot: Snapshot) -> Iterator[Holding]:
    """The Pod's volumes, then all other mounts."""
    for index, volume in enumerate(snapshot.volumes):
        yield Holding(f"/volumes/{index}", volume.name, f"volume {volume.name}", volume)
    for index, mount in enumerate(snapshot.mounts):
        owner = f"{mount.container}'{'' if mount.container.endswith('s') else 's'}"
        name = f"{owner} own filesystem" if mount.path == "/" else f"{mount.path} of {mount.container}"
        yield Holding(f"/mounts/{index}", name, name, mount)


class Held:
    """Deleted files and locks by the place of their file.

    Args:
        declared: the Pod's volumes.
        answers: the agents' answers.
        people: whose each process is.

    Attributes:
        visibility: what is held where no mount is known that it is on.
    """

    def __init__(self, declared: Sequence[Volume], answers: Sequence[Answered], people: Household) -> None:
        places = Places(declared, answers)
        self.visibility: list[Visibility] = []
        self._deleted = self._find_deleted(places, answers, people)
        self._locks = _locks(places, answers, people)

    def deleted_files(self, place: Place) -> tuple[DeletedFile, ...]:
        """The largest first. Those of /dev/shm are POSIX shared memory, and told there."""
        return tuple(sorted(self._deleted.get(place, {}).values(), key=lambda file: -file.bytes))

    def locks(self, place: Place) -> tuple[FileLock, ...]:
        """With those who wait for them."""
        return self._locks.get(place, ())

    def _find_deleted(
        self, places: Places, answers: Sequence[Answered], people: Household
    ) -> dict[Place, dict[tuple[str, int], DeletedFile]]:
        found: dict[Place, dict[tuple[str, int], DeletedFile]] = {}
        lost: dict[str, dict[tuple[str, int], int]] = {}
        for answer in answers:
            for item in answer.areas.items["open_files"]:
                person = people.find(answer.container, item.pid)
                if item.kind != "deleted" or person is None or person.container is None:
                    continue
                if item.path.startswith(DEV_SHM):
                    continue
                key = (item.device, item.inode)
                place = places.find(person.container, item)
                if place is None:
                    lost.setdefault(person.container, {})[key] = item.bytes
                    continue
                file = DeletedFile(
                    container=person.container, process=person.ref, path=item.path.removesuffix(" (deleted)"),
                    bytes=item.bytes, inode=item.inode,
                )  # fmt: skip
                found.setdefault(place, {}).setdefault(key, file)
        for container, files in lost.items():
            self.visibility.append(
                Visibility(
                    area="open_files",
                    container=container,
                    level="partial",
                    reason=f"{count(len(files), 'deleted file')} held open ({size(sum(files.values()))} in all) on a "
                    "mount that the container's first process does not have",
                )
            )
        return found


def _locks(
    places: Places, answers: Sequence[Answered], people: Household
) -> dict[Place, tuple[FileLock, ...]]:
    """Locks with those who wait.

    An agent sees the locks that processes of its own PID namespace hold, and that someone waits for them, but not
    who, where the waiter is in another. That waiter's own agent tells of it with id 0.
    """
    placed = _placed(places, answers, people)
    holders: dict[_LockKey, tuple[LockItem, LockHolder]] = {}
    waiters: dict[_LockKey, dict[LockHolder, None]] = {}
    strangers: dict[tuple[str, str, int], dict[LockHolder, None]] = {}
    for answer in answers:
        for lock in answer.areas.items["locks"]:
            key = (lock.id, lock.device, lock.inode)
            person = people.find(answer.container, lock.pid) if lock.pid > 0 else None
            if lock.waiting and lock.pid > 0 and person is None:
                continue  # an agent's, or it has ended meanwhile; those of other PID namespaces have no number
            party = LockHolder(
                container=person.container if person else None,
                pid=lock.pid if person else None,
                process=person.item.name if person else None,
                access=lock.access,
            )
            if lock.id == 0:
                strangers.setdefault((lock.kind, lock.device, lock.inode), {})[party] = None
            elif lock.waiting:
                waiters.setdefault(key, {})[party] = None
            elif key not in holders or holders[key][1].container is None:
                holders[key] = (lock, party)
    found: dict[Place, list[FileLock]] = {}
    for key, (lock, holder) in sorted(holders.items()):
        if (place := placed.get(key)) is None:
            continue
        found.setdefault(place, []).append(
            FileLock(
                kind=lock.kind,
                inode=lock.inode,
                path=lock.path,
                holder=holder,
                waiters=_named(
                    waiters.get(key, {}),
                    strangers.get((lock.kind, lock.device, lock.inode), {}),
                    holder.container,
                ),
            )
        )
    return {place: tuple(locks) for place, locks in found.items()}


def _placed(places: Places, answers: Sequence[Answered], people: Household) -> dict[_LockKey, Place]:
    found: dict[_LockKey, Place] = {}
    for answer in answers:
        for lock in answer.areas.items["locks"]:
            key = (lock.id, lock.device, lock.inode)
            if lock.id == 0 or key in found:
                continue
            # Where PIDs are shared, one agent tells of every container's locks, with paths as the process has them.
            person = people.find(answer.container, lock.pid)
            place = places.find((person.container if person else None) or answer.container, lock)
            if place is not None:
                found[key] = place
    return found


def _named(
    shown: Mapping[LockHolder, None], strangers: Mapping[LockHolder, None], container: str | None
) -> tuple[LockHolder, ...]:
    """Waiters that the holder's agent saw without a name, named by those that another container's agent told of."""
    nameless = [waiter for waiter in shown if waiter.container is None]
    named = [waiter for waiter in strangers if waiter.container not in (None, container)]
    if not nameless or not named:
        return tuple(shown)
    return (*(waiter for waiter in shown if waiter.container is not None), *named)
