"""IPC objects that leak, fill and block."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from podprobe.model import (
    Attachment,
    DevShm,
    Limit,
    MessageQueue,
    PosixMessageQueue,
    PosixSharedMemory,
    SemaphoreSet,
    SemaphoreWaiter,
    SharedMemory,
    Snapshot,
)
from tests.support.changes import codes, ipc, only
from tests.support.samples import MIB, filesystem


def segment(**changes: object) -> Snapshot:
    leaked = SharedMemory(key="0x00001234", id=3, bytes=MIB, resident_bytes=MIB, mode="0600", uid=1000, gid=1000,
                          attachments=0, creator_pid=7, creator_alive=False, creator_container="webapp")  # fmt: skip
    return ipc(shared_memory=(replace(leaked, **changes),))


def test_a_leaked_segment() -> None:
    found = only("IPC101", segment())
    assert found.subject == "shm 0x00001234", "its id is another one after each restart"
    assert only("IPC101", segment(key="0x00000000")).subject == "shm 0x00000000 (3)"
    assert "Its creator, PID 7 of webapp, no longer runs." in found.evidence
    assert "ipcrm -m 3" in found.remedy


@pytest.mark.parametrize(
    "changes", [{"attachments": 1}, {"creator_alive": True}, {"creator_alive": None}, {"destroyed": True}]
)
def test_a_segment_in_use_or_of_unknown_origin(changes: dict[str, object]) -> None:
    assert "IPC101" not in codes(segment(**changes))


@pytest.mark.parametrize(
    ("used", "severity"), [(51, None), (52, "warning"), (60, "warning"), (61, "critical")]
)
def test_dev_shm(used: int, severity: str | None) -> None:
    whole = DevShm(containers=("nginx", "webapp"), filesystem=filesystem(64 * MIB, used * MIB, 1_000, 4))
    pod = ipc(dev_shm=(whole,))
    if severity is None:
        assert codes(pod) == []
    else:
        assert only("IPC102", pod).severity == severity


def test_a_dev_shm_filled_by_what_has_no_name() -> None:
    """The file that `ls` shows is not to blame."""
    whole = DevShm(containers=("nginx", "webapp"), filesystem=filesystem(64 * MIB, 62 * MIB, 1_000, 4))
    ring = PosixSharedMemory(
        name="ring",
        bytes=2 * MIB,
        used_bytes=2 * MIB,
        uid=0,
        gid=0,
        mode="0600",
        containers=("nginx", "webapp"),
    )
    arena = replace(
        ring, name="arena", used_bytes=60 * MIB, unlinked=True, uid=None, gid=None, mode=None, measured="mapping",
        mapped=(Attachment(container="webapp", pid=12, process="python3"),),
    )  # fmt: skip
    found = only("IPC102", ipc(dev_shm=(whole,), posix_shared_memory=(ring, arena)))
    assert found.evidence[1:] == (
        "The largest: arena (at least 60 MiB, unlinked, held by python3 (PID 12 of webapp)) and ring (2 MiB).",
    )
    unseen = only("IPC102", ipc(dev_shm=(whole,), posix_shared_memory=(ring,)))
    assert unseen.evidence[-1].startswith("60 MiB of it is in no file that the agents could measure")


def test_a_dev_shm_of_its_own_is_enlarged_where_it_is_declared() -> None:
    whole = DevShm(containers=("webapp",), filesystem=filesystem(MIB, MIB, 1_000, 4), volume="dshm")
    assert only("IPC102", ipc(dev_shm=(whole,))).remedy == "Raise `sizeLimit` of volume dshm."


def queue(size: int, **changes: object) -> Snapshot:
    made = MessageQueue(
        key="0x00001001", id=0, bytes=size, max_bytes=16_384, messages=9, mode="0666", uid=0, gid=0
    )
    return ipc(message_queues=(replace(made, **changes),))


def test_a_queue_that_nobody_reads() -> None:
    found = only("IPC103", queue(16_000))
    assert "Nobody has ever received from it." in found.evidence


def test_a_queue_whose_reader_is_slow() -> None:
    found = only("IPC103", queue(14_000, received_at="2026-03-01T03:11:59Z", last_receive_container="webapp"))
    assert found.remedy.startswith("Give webapp of queue 0x00001001 more workers")


def test_a_queue_with_room() -> None:
    assert "IPC103" not in codes(queue(13_000))
    assert "IPC103" not in codes(queue(13_000, max_bytes=None)), "no bound is known"


def test_the_namespaces_bound_stands_in_for_an_unreadable_queues_own() -> None:
    pod = queue(16_000, max_bytes=None)
    assert "IPC103" in codes(replace(pod, ipc=replace(pod.ipc, limits=(Limit(name="msgmnb", limit=16_384),))))


WAITER = SemaphoreWaiter(container="webapp", pid=9, process="python")


def semaphores(**changes: object) -> Snapshot:
    made = SemaphoreSet(key="0x00000055", id=0, semaphores=3, mode="0660", uid=0, gid=0, values=(1, 0, 1),
                        waiting=(0, 1, 0), waiters=(WAITER,), operated_at="2026-03-01T03:00:00Z")  # fmt: skip
    return ipc(semaphores=(replace(made, **changes),))


def test_a_process_that_waits_through_three_looks() -> None:
    found = only("IPC104", semaphores(), [semaphores(), semaphores()])
    assert "python (PID 9 of webapp) waited on semaphore 1 of set 0x00000055" in found.evidence[0]
    assert found.containers == ("webapp",)


def test_two_looks_are_not_enough() -> None:
    assert "IPC104" not in codes(semaphores(), [semaphores()])


@pytest.mark.parametrize(
    "between",
    [
        {"waiting": (0, 0, 0), "waiters": ()},
        {"operated_at": "2026-03-01T03:00:05Z"},
        {"waiters": (replace(WAITER, pid=10),)},
    ],
)
def test_a_semaphore_that_moves(between: dict[str, object]) -> None:
    assert "IPC104" not in codes(semaphores(), [semaphores(), semaphores(**between)])


def test_waiters_that_cannot_be_seen_are_counted() -> None:
    unseen = semaphores(waiters=())
    assert "1 process waited" in only("IPC104", unseen, [unseen, unseen]).evidence[0]


@pytest.mark.parametrize(("used", "expected"), [(3_276, False), (3_277, True), (None, False)])
def test_limits(used: int | None, expected: bool) -> None:
    assert ("IPC105" in codes(ipc(limits=(Limit(name="shmmni", limit=4_096, used=used),)))) is expected


@pytest.mark.parametrize(("messages", "expected"), [(9, False), (10, True), (None, False)])
def test_a_full_posix_queue(messages: int | None, expected: bool) -> None:
    made = PosixMessageQueue(name="/jobs", messages=messages, max_messages=10, uid=0, gid=0, mode="0600",
                             open_by=(Attachment(container="webapp", pid=1, process="python"),))  # fmt: skip
    assert ("IPC106" in codes(ipc(posix_message_queues=(made,)))) is expected


def test_with_host_ipc_the_nodes_objects_are_not_the_pods() -> None:
    full = PosixMessageQueue(name="/node", messages=10, max_messages=10, uid=0, gid=0, mode="0600")
    node = ipc(
        shared_memory=segment(creator_container=None).ipc.shared_memory,
        message_queues=queue(16_000).ipc.message_queues,
        semaphores=semaphores(waiters=()).ipc.semaphores,
        posix_message_queues=(full,),
    )
    assert codes(node, [node, node]) == ["IPC101", "IPC103", "IPC104", "IPC106"]
    on_host = replace(node, target=replace(node.target, host_ipc=True))
    assert codes(on_host, [on_host, on_host]) == []
    own = replace(segment(), target=on_host.target)
    assert codes(own) == ["IPC101"]
