"""Volumes from the spec and the mount tables of their containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.agents.answers import LockItem, MountItem, OpenFileItem, WalkItem
from podprobe.analysis.answered import household
from podprobe.analysis.held import Held
from podprobe.analysis.volumes import mounts, unmeasured, volumes
from podprobe.analysis.walks import walk_plan
from podprobe.model import Volume, VolumeMount
from tests.unit.analysis.answers import answered, process, running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.analysis.answered import Answered
    from podprobe.model import Container, Mount

CONTAINERS = (running("web"), running("writer"))
HTML = Volume(
    name="html", type="emptyDir", size_limit_bytes=1000,
    mounts=(VolumeMount(container="writer", path="/html", sub_path="x"), VolumeMount(container="web", path="/www")),
)  # fmt: skip
CACHE = Volume(
    name="cache", type="emptyDir", medium="Memory", mounts=(VolumeMount(container="web", path="/cache"),)
)


def _mount(path: str, **fields) -> MountItem:  # type: ignore[no-untyped-def]
    return MountItem(
        **{
            "id": 1, "parent": 0, "device": "8:1", "root": "/pods/x", "path": path, "filesystem_type": "ext4",
            "source": "/dev/sda1", "options": "rw", "super_options": "", "read_only": False, "bytes": 100,
            "used_bytes": 40, "available_bytes": 60, "inodes": 10, "used_inodes": 9, **fields,
        }
    )  # fmt: skip


def _volumes(
    declared: Sequence[Volume], answers: Sequence[Answered], containers: Sequence[Container] = CONTAINERS
) -> tuple[Volume, ...]:
    return volumes(declared, answers, Held(declared, answers, household(containers, answers)))


def _mounts(declared: Sequence[Volume], answers: Sequence[Answered]) -> tuple[Mount, ...]:
    return mounts(declared, answers, Held(declared, answers, household(CONTAINERS, answers)))


def _deleted(path: str, inode: int, **fields: Any) -> OpenFileItem:
    return OpenFileItem(
        **{"pid": 1, "fd": inode, "path": f"{path} (deleted)", "kind": "deleted", "device": "8:1", "inode": inode,
           "bytes": 99, **fields}
    )  # fmt: skip


def _lock(path: str | None, inode: int, **fields: Any) -> LockItem:
    return LockItem(
        **{"id": inode, "kind": "flock", "access": "write", "pid": 1, "device": "8:1", "inode": inode,
           "waiting": False, "path": path, **fields}
    )  # fmt: skip


def test_a_disk_volume_is_walked_once_where_it_is_mounted_whole() -> None:
    assert walk_plan((HTML, CACHE), frozenset({"web", "writer"})) == {"web": ["/www"]}
    # Whoever has only a part of it walks that part.
    assert walk_plan((HTML,), frozenset({"writer"})) == {"writer": ["/html"]}
    assert walk_plan((HTML,), frozenset({"other"})) == {}


def _parts(**sub_paths: str | None) -> Volume:
    """A volume of which each container has another part."""
    return Volume(
        name="parts", type="emptyDir",
        mounts=tuple(VolumeMount(container=name, path=f"/{name}", sub_path=part) for name, part in sub_paths.items()),
    )  # fmt: skip


def test_of_a_volume_mounted_by_sub_paths_alone_each_is_walked_once() -> None:
    parts = _parts(a="x", b="x/", c="x/deep", d="y", e="$(POD)")
    assert walk_plan((parts,), frozenset("abcde")) == {"a": ["/a"], "d": ["/d"], "e": ["/e"]}
    walks = {"a": (100, 2), "d": (50, 1), "e": (100, 2)}
    roots = {"a": "/pods/v/x", "b": "/pods/v/x", "c": "/pods/v/x/deep", "d": "/pods/v/y", "e": "/pods/v/x"}
    answers = [
        answered(
            name,
            mounts=[_mount(f"/{name}", root=root)],
            walks=[
                WalkItem(path=f"/{name}", bytes=b, inodes=i, complete=True)
                for walker, (b, i) in walks.items()
                if walker == name
            ],
        )
        for name, root in roots.items()
    ]
    (volume,) = _volumes((parts,), answers)
    assert volume.usage is not None
    # What `e` mounts turned out to be what `a` has.
    assert (volume.usage.bytes, volume.usage.inodes, volume.usage.complete) == (150, 3, False)
    assert volume.usage.reason == "mounted by subPath only: what lies beside is not seen"


def test_a_walk_that_was_refused_is_made_by_another_container() -> None:
    whole = _parts(a=None, b=None)
    assert walk_plan((whole,), frozenset("ab")) == {"a": ["/a"]}
    assert walk_plan((whole,), frozenset("ab"), {("a", "/a")}) == {"b": ["/b"]}
    assert walk_plan((whole,), frozenset("ab"), {("a", "/a"), ("b", "/b")}) == {"a": ["/a"]}
    answers = [
        answered(
            "a", walks=[WalkItem(path="/a", bytes=9, inodes=1, complete=False, reason="r", refused=True)]
        ),
        answered("b", walks=[WalkItem(path="/b", bytes=90, inodes=5, complete=True)]),
    ]
    (volume,) = _volumes((whole,), answers)
    assert volume.usage is not None
    assert (volume.usage.bytes, volume.usage.complete, volume.usage.reason) == (90, True, None)


def test_a_memory_volume_mounted_by_a_sub_path_is_still_its_own_filesystem() -> None:
    part = Volume(
        name="m", type="emptyDir", medium="Memory",
        mounts=(VolumeMount(container="web", path="/m", sub_path="a", read_only=False),),
    )  # fmt: skip
    mount = _mount(
        "/m", filesystem_type="tmpfs", root="/a", device="0:9", read_only=True, options="ro,noexec"
    )
    (volume,) = _volumes((part,), [answered("web", mounts=[mount])])
    assert volume.usage is not None
    assert (volume.usage.bytes, volume.usage.method, volume.usage.complete) == (40, "statvfs", True)
    (seen,) = volume.mounts
    assert (seen.read_only, seen.mounted_read_only, seen.options) == (False, True, "ro,noexec")


def test_numbers_come_from_the_filesystem_and_from_the_walk() -> None:
    answers = [
        answered(
            "web",
            processes=[process(1)],
            mounts=[_mount("/www"), _mount("/proc", filesystem_type="proc"), _mount("/")],
            walks=[WalkItem(path="/www", bytes=512, inodes=3, complete=True)],
        ),
        answered("writer", processes=[process(1)], mounts=[_mount("/")]),
    ]  # fmt: skip
    (volume,) = _volumes((HTML,), answers)
    assert volume.filesystem is not None
    assert (volume.filesystem.bytes, volume.filesystem.used_inodes) == (100, 9)
    assert volume.usage is not None
    assert (volume.usage.bytes, volume.usage.inodes, volume.usage.method) == (512, 3, "walk")
    assert {m.container: m.seen for m in volume.mounts} == {"web": True, "writer": False}
    assert [(m.container, m.path) for m in _mounts((HTML,), answers)] == [("web", "/"), ("writer", "/")]


def test_a_memory_volumes_usage_is_its_own_filesystems() -> None:
    answers = [
        answered(
            "web",
            processes=[process(1)],
            mounts=[_mount("/cache", filesystem_type="tmpfs", root="/", device="0:9")],
        )
    ]
    (volume,) = _volumes((CACHE,), answers)
    assert volume.usage is not None
    assert (volume.usage.bytes, volume.usage.inodes, volume.usage.method) == (40, 9, "statvfs")


def test_deleted_files_and_locks_are_found_in_their_volume() -> None:
    answers = [
        answered(
            "web", processes=[process(1), process(5, "logger")],
            mounts=[_mount("/www"), _mount("/cache", filesystem_type="tmpfs", root="/", device="0:9")],
            open_files=[
                OpenFileItem(pid=5, fd=1, path="/www/a.log (deleted)", kind="deleted", device="8:1", inode=7, bytes=99),
                OpenFileItem(pid=5, fd=2, path="/tmp/b (deleted)", kind="deleted", device="8:1", inode=8, bytes=99),
            ],
            locks=[
                LockItem(id=1, kind="flock", access="write", pid=5, device="0:9", inode=4, waiting=False),
                LockItem(id=1, kind="flock", access="write", pid=0, device="0:9", inode=4, waiting=True),
                LockItem(id=2, kind="posix", access="read", pid=5, device="8:1", inode=9, waiting=False, path="/etc/x"),
            ],
        )
    ]  # fmt: skip
    html, cache = _volumes((HTML, CACHE), answers)
    assert [(f.path, f.process.name, f.bytes) for f in html.deleted_files] == [("/www/a.log", "logger", 99)]
    assert html.locks == ()
    (lock,) = cache.locks
    assert (lock.holder.container, lock.holder.process) == ("web", "logger")
    assert [w.container for w in lock.waiters] == [None]


def test_a_file_of_a_volume_within_another_is_the_inner_ones() -> None:
    data, cache = (
        Volume(name=name, type="emptyDir", mounts=(VolumeMount(container="web", path=path),))
        for name, path in (("data", "/data"), ("cache", "/data/cache"))
    )
    answers = [
        answered(
            "web",
            processes=[process(1)],
            # On the same disk: nothing but the path, or the mount, tells them apart.
            mounts=[_mount("/data"), _mount("/data/cache", root="/pods/y")],
            open_files=[
                _deleted("/data/cache/x", 7),
                _deleted("/data/y", 8),
                # Under a mount that the process has somewhere else: a namespace of its own.
                _deleted("/srv/z", 9, mount_path="/srv", mount_root="/pods/y"),
            ],
            locks=[_lock("/data/cache/lock", 4)],
        )
    ]
    outer, inner = _volumes((data, cache), answers)
    assert [file.path for file in outer.deleted_files] == ["/data/y"]
    assert [file.path for file in inner.deleted_files] == ["/data/cache/x", "/srv/z"]
    assert (outer.locks, [lock.path for lock in inner.locks]) == ((), ["/data/cache/lock"])


def test_what_is_held_outside_volumes_is_its_mounts() -> None:
    answers = [
        answered(
            "web",
            processes=[process(1)],
            mounts=[_mount("/", device="0:40", root="/", filesystem_type="overlay"), _mount("/www")],
            open_files=[
                _deleted("/tmp/gone", 7, device="0:40", mount_path="/", mount_root="/"),
                # Of a container within the container: on a filesystem that the outer one does not have mounted.
                _deleted("/var/log/x", 8, device="0:77", mount_path="/", mount_root="/", bytes=70 << 20),
                _deleted("/dev/shm/ring", 9, device="0:40"),
            ],
            # Without a path, the filesystem alone tells: the container has it in one place.
            locks=[_lock("/etc/x", 4, device="0:40"), _lock(None, 5, device="0:40"), _lock(None, 6)],
        )
    ]
    held = Held((HTML,), answers, household(CONTAINERS, answers))
    (own,) = mounts((HTML,), answers, held)
    assert [(file.path, file.container) for file in own.deleted_files] == [("/tmp/gone", "web")]
    assert [lock.path for lock in own.locks] == ["/etc/x", None]
    (note,) = held.visibility
    assert (note.area, note.container, note.level) == ("open_files", "web", "partial")
    assert note.reason.startswith("1 deleted file held open (70 MiB in all)")


def test_why_nobody_knows_how_full_a_mount_is_is_told_once_for_each_reason() -> None:
    blind = {"bytes": None, "used_bytes": None}
    closed = [_mount(f"/c{n}", error="Permission denied", **blind) for n in range(7)]
    answers = [
        answered(
            "web",
            mounts=[
                _mount("/www", error="another mount (id 9) hides it", **blind),
                _mount("/www"),  # this one
                _mount("/data/cache", error="another mount hides it", **blind),
                _mount("/proc", filesystem_type="proc", **blind),
                *closed,
            ],
        )
    ]
    hidden, refused = unmeasured(answers)
    assert (hidden.area, hidden.container, hidden.level) == ("mounts", "web", "partial")
    assert hidden.reason == "no bytes and inodes of /data/cache: another mount hides it"
    assert refused.reason == "no bytes and inodes of /c0, /c1, /c2, /c3, /c4 and 2 more: Permission denied"


def test_a_waiter_that_the_holders_agent_cannot_name_is_named_by_its_own() -> None:
    mounts = [_mount("/cache", filesystem_type="tmpfs", root="/", device="0:9")]
    held = {"id": 1, "kind": "flock", "device": "0:9", "inode": 4}
    answers = [
        answered(
            "web",
            processes=[process(1)],
            mounts=mounts,
            locks=[
                LockItem(access="write", pid=1, waiting=False, **held),
                LockItem(access="read", pid=0, waiting=True, **held),
            ],
        ),
        answered(
            "app",
            processes=[process(1), process(6, "reader")],
            mounts=mounts,
            locks=[
                LockItem(access="write", pid=6, waiting=True, **{**held, "id": 0}),
                LockItem(access="write", pid=6, waiting=True, **{**held, "id": 0, "inode": 5}),
            ],
        ),
    ]
    (cache,) = _volumes((CACHE,), answers)
    (lock,) = cache.locks
    assert lock.holder.container == "web"
    assert [(w.container, w.pid, w.process) for w in lock.waiters] == [("app", 6, "reader")]


def test_where_pids_are_shared_a_lock_is_in_the_volume_as_its_process_has_it() -> None:
    group = {"cgroup": f"/pod/{'a' * 64}"}
    ids = (running("web", id="containerd://" + "a" * 64), running("writer"))
    answers = [
        answered(
            None,
            processes=[process(1, "pause"), process(7, "app", **group)],
            locks=[
                LockItem(id=3, kind="posix", access="write", pid=7, device="8:1", inode=4, waiting=False,
                         path="/www/db"),
            ],
        ),
        answered("web", mounts=[_mount("/www")]),
    ]  # fmt: skip
    (html,) = _volumes((HTML,), answers, ids)
    (lock,) = html.locks
    assert (lock.holder.container, lock.path) == ("web", "/www/db")
