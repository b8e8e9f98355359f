"""IPC objects, put together from several agents' views."""

from __future__ import annotations

from podprobe.agents.answers import (
    DevShmItem,
    FileStatus,
    IpcLimitsValue,
    MapItem,
    MountItem,
    MqueueItem,
    OpenFileItem,
    Seen,
    SemaphoreWaiterItem,
    SysvMsgItem,
    SysvSemItem,
    SysvShmItem,
)
from podprobe.analysis.answered import household
from podprobe.analysis.ipc import ipc
from podprobe.model import Ipc, Volume, VolumeMount
from tests.unit.analysis.answers import answered, process, running

A, B = running("a"), running("b")


def _ipc(*answers, containers=(A, B), volumes=()) -> Ipc:  # type: ignore[no-untyped-def]
    return ipc(answers, household(containers, answers), containers, volumes)


def _segment(creator_pid: int, **fields) -> SysvShmItem:  # type: ignore[no-untyped-def]
    return SysvShmItem(
        **{
            "key": 0x1234, "id": 3, "mode": 0o1666, "bytes": 1 << 20, "creator_pid": creator_pid, "last_pid": 0,
            "attachments": 1, "uid": 0, "gid": 0, "creator_uid": 0, "creator_gid": 0, "attached_at": 0.0,
            "detached_at": 0.0, "changed_at": 1_700_000_000.0, "resident_bytes": 4096, "swapped_bytes": 0, **fields,
        }
    )  # fmt: skip


def test_a_segment_names_its_creator_from_the_one_namespace_that_knows_it() -> None:
    found = _ipc(
        answered("a", processes=[process(1)], sysv_shm=[_segment(0)]),
        answered(
            "b", processes=[process(1), process(9, "maker")], sysv_shm=[_segment(9)],
            maps=[MapItem(pid=9, kind="sysv", shmid=3, bytes=1 << 20)],
        ),
    )  # fmt: skip
    (segment,) = found.shared_memory
    assert (segment.key, segment.mode, segment.destroyed) == ("0x00001234", "0666", True)
    assert (segment.creator_container, segment.creator_pid, segment.creator_alive) == ("b", 9, True)
    assert [(x.container, x.pid, x.process) for x in segment.attached] == [("b", 9, "maker")]
    assert segment.attached_at is None
    assert segment.changed_at == "2023-11-14T22:13:20Z"


def test_a_creator_that_no_namespace_knows_is_dead_only_if_all_were_asked() -> None:
    both = [answered(name, processes=[process(1)], sysv_shm=[_segment(0)]) for name in ("a", "b")]
    assert _ipc(*both).shared_memory[0].creator_alive is False
    assert _ipc(both[0]).shared_memory[0].creator_alive is None
    partial = answered(
        "b",
        Seen(area="processes", level="partial", reason="out of time"),
        processes=[process(1)],
        sysv_shm=[_segment(0)],
    )
    assert _ipc(both[0], partial).shared_memory[0].creator_alive is None


def test_a_dead_creator_and_a_reused_pid() -> None:
    dead = answered("a", processes=[process(1)], sysv_shm=[_segment(55)])
    assert _ipc(dead).shared_memory[0].creator_alive is False
    reused = answered(
        "a", processes=[process(1), process(55, started_at=1_800_000_000.0)], sysv_shm=[_segment(55)]
    )
    assert _ipc(reused).shared_memory[0].creator_alive is False


def test_queues_and_semaphores_take_the_best_view() -> None:
    def queue(max_bytes: int | None, sender: int) -> SysvMsgItem:
        return SysvMsgItem(
            key=0x77, id=1, mode=0o600, bytes=10, messages=2, max_bytes=max_bytes, last_send_pid=sender,
            last_receive_pid=0, uid=0, gid=0, creator_uid=0, creator_gid=0, sent_at=0, received_at=0, changed_at=0,
        )  # fmt: skip

    def semaphores(values: tuple[int, ...] | None, last: tuple[int, ...] | None = None) -> SysvSemItem:
        return SysvSemItem(
            key=0x55, id=2, mode=0o600, semaphores=3, uid=0, gid=0, creator_uid=0, creator_gid=0, operated_at=0,
            changed_at=0, values=values, waiting=values, last_pids=last,
        )  # fmt: skip

    found = _ipc(
        answered("a", processes=[process(1)], sysv_msg=[queue(None, 0)], sysv_sem=[semaphores(None)]),
        answered(
            "b", processes=[process(1, "producer")], sysv_msg=[queue(16384, 1)],
            sysv_sem=[semaphores((0, 1, 0), (0, 1, 9))],
            semaphore_waiters=[SemaphoreWaiterItem(pid=1, semid=2)],
        ),
    )  # fmt: skip
    assert (found.message_queues[0].max_bytes, found.message_queues[0].last_send_container) == (16384, "b")
    assert found.semaphores[0].values == (0, 1, 0)
    assert [(w.container, w.process) for w in found.semaphores[0].waiters] == [("b", "producer")]
    assert found.semaphores[0].containers == ("b",)


def test_one_dev_shm_seen_by_two_containers_is_one() -> None:
    def mount(device: str) -> MountItem:
        return MountItem(
            id=1, parent=0, device=device, root="/", path="/dev/shm", filesystem_type="tmpfs", source="shm", options="",
            super_options="", read_only=False, bytes=64 << 20, used_bytes=2 << 20, available_bytes=62 << 20, inodes=100,
            used_inodes=2,
        )  # fmt: skip

    ring = DevShmItem(
        name="ring",
        device="0:55",
        inode=2,
        bytes=4 << 20,
        used_bytes=2 << 20,
        uid=0,
        gid=0,
        mode=0o600,
        modified_at=0,
    )
    other = Volume(
        name="big", type="emptyDir", medium="Memory", mounts=(VolumeMount(container="c", path="/dev/shm"),)
    )
    found = _ipc(
        answered("a", processes=[process(1)], dev_shm=[ring], mounts=[mount("0:55")]),
        answered(
            "b", processes=[process(4, "reader"), process(1)], dev_shm=[ring], mounts=[mount("0:55")],
            maps=[MapItem(pid=4, kind="posix", path="/dev/shm/ring", device="0:55", inode=2, bytes=4096)],
            open_files=[OpenFileItem(pid=4, fd=3, path="/dev/shm/ring", kind="shm", device="0:55", inode=2, bytes=0)],
        ),
        answered("c", processes=[process(1)], mounts=[mount("0:99")]),
        containers=(A, B, running("c")),
        volumes=(other,),
    )  # fmt: skip
    (posix,) = found.posix_shared_memory
    assert (posix.containers, posix.bytes, posix.used_bytes) == (("a", "b"), 4 << 20, 2 << 20)
    assert [(x.container, x.process) for x in posix.mapped] == [("b", "reader")]
    assert [(d.containers, d.volume) for d in found.dev_shm] == [(("a", "b"), None), (("c",), "big")]


def _dev_shm(device: str = "0:55") -> MountItem:
    return MountItem(
        id=1, parent=0, device=device, root="/", path="/dev/shm", filesystem_type="tmpfs", source="shm", options="",
        super_options="", read_only=False, bytes=64 << 20, used_bytes=62 << 20, available_bytes=0, inodes=100,
        used_inodes=2,
    )  # fmt: skip


def test_shared_memory_without_a_name_is_told_by_those_who_hold_it() -> None:
    status = FileStatus(size_bytes=9000, used_bytes=8192, uid=5, gid=6, mode=0o600, modified_at=0)
    opened = OpenFileItem(
        pid=4, fd=3, path="/dev/shm/ring", kind="deleted", device="0:55", inode=8, bytes=8192, file=status
    )
    ring = DevShmItem(
        name="ring",
        device="0:55",
        inode=2,
        bytes=10,
        used_bytes=4096,
        uid=0,
        gid=0,
        mode=0o600,
        modified_at=0,
    )

    def mapping(pid: int, inode: int, **more: int) -> MapItem:
        path = "/dev/shm/arena" if inode == 9 else "/dev/shm/ring"
        return MapItem(
            pid=pid, kind="posix", path=path, device="0:55", inode=inode, bytes=3 << 20, deleted=True, **more
        )

    found = _ipc(
        answered("a", processes=[process(1)], mounts=[_dev_shm()], dev_shm=[ring]),
        answered(
            "b", processes=[process(1), process(4, "loader"), process(5, "worker")], mounts=[_dev_shm()],
            dev_shm=[ring], open_files=[opened],
            maps=[
                mapping(4, 9, reach_bytes=2 << 20, resident_bytes=500), mapping(5, 8),
                mapping(5, 9, reach_bytes=1 << 20, resident_bytes=900),
                mapping(4, 2),  # removed after /dev/shm was listed
            ],
        ),
    )  # fmt: skip
    arena, there, gone = found.posix_shared_memory
    assert (arena.name, arena.unlinked, arena.measured, arena.containers) == (
        "arena",
        True,
        "mapping",
        ("a", "b"),
    )
    # Lower bounds both: as far as any mapping reaches, as much as any process has in memory.
    assert (arena.bytes, arena.used_bytes, arena.uid, arena.mode) == (2 << 20, 900, None, None)
    assert [(each.container, each.process) for each in arena.mapped] == [("b", "loader"), ("b", "worker")]
    assert (there.name, there.unlinked, there.inode) == ("ring", False, 2)
    assert (gone.name, gone.unlinked, gone.measured, gone.inode) == ("ring", True, "file", 8)
    assert (gone.bytes, gone.used_bytes, gone.uid, gone.mode) == (9000, 8192, 5, "0600")
    assert sorted(each.process for each in gone.mapped) == ["loader", "worker"]


def test_limits_and_posix_queues() -> None:
    queue = MqueueItem(name="jobs", inode=8, uid=0, gid=0, mode=0o600)
    found = _ipc(
        answered(
            "a", processes=[process(1)], mqueue=[queue],
            values={"ipc_limits": IpcLimitsValue(limits={"shmmni": 4096, "msgmni": 3}, used={"shmmni": 1})},
        ),
        answered(
            "b", processes=[process(1, "w")],
            mqueue=[MqueueItem(name="jobs", inode=8, uid=0, gid=0, mode=0o600, messages=10, max_messages=10)],
            open_files=[OpenFileItem(pid=1, fd=3, path="/jobs", kind="mqueue", device="0:20", inode=8, bytes=0)],
        ),
    )  # fmt: skip
    assert [(x.name, x.limit, x.used) for x in found.limits] == [("msgmni", 3, None), ("shmmni", 4096, 1)]
    (posix,) = found.posix_message_queues
    assert (posix.messages, posix.max_messages, posix.open_by[0].container) == (10, 10, "b")
