"""Filesystems, emptyDirs, deleted files, locks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from podprobe.model import (
    DeletedFile,
    FileLock,
    LockHolder,
    Mount,
    ProcessRef,
    Snapshot,
    Usage,
    Volume,
    VolumeMount,
)
from tests.support.changes import codes, only, volume
from tests.support.samples import GIB, MIB, filesystem, healthy_pod


def claim(used: int = 10, used_inodes: int = 10, **changes: object) -> Snapshot:
    """A volume of its own of which so many percent are used."""
    return volume(type="persistentVolumeClaim", size_limit_bytes=None, usage=None,
                  filesystem=filesystem(100 * MIB, used * MIB, 100, used_inodes), **changes)  # fmt: skip


@pytest.mark.parametrize(
    ("percent", "severity"), [(84, None), (85, "warning"), (94, "warning"), (95, "critical")]
)
def test_bytes_and_inodes(percent: int, severity: str | None) -> None:
    for code, pod in (("VOL101", claim(used=percent)), ("VOL102", claim(used_inodes=percent))):
        if severity is None:
            assert code not in codes(pod)
        else:
            found = only(code, pod)
            assert found.severity == severity
            assert found.subject == "volume html"


def test_bytes_that_root_keeps_back_count_as_used() -> None:
    full = replace(filesystem(100 * MIB, 90 * MIB, 0, 0), available_bytes=4 * MIB)
    assert only("VOL101", volume(type="persistentVolumeClaim", filesystem=full)).severity == "critical"


def test_a_filesystem_without_inodes_of_its_own() -> None:
    pod = volume(type="persistentVolumeClaim", filesystem=filesystem(GIB, MIB, 0, 0), filesystem_type="btrfs")
    assert codes(pod) == []


def test_the_nodes_disk_is_told_once_whatever_mounts_it() -> None:
    disk = filesystem(100 * GIB, 91 * GIB, 1_000_000, 1)
    pod = volume(filesystem=disk)
    pod = replace(pod, mounts=tuple(replace(mount, filesystem=disk) for mount in pod.mounts))
    found = only("VOL101", pod)
    assert "It is the disk of the node." in found.evidence[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"mounts": (VolumeMount(container="nginx", path="/data", read_only=True),)},
        {"filesystem_type": "squashfs"},
    ],
)
def test_what_nobody_writes_may_be_full(changes: dict[str, object]) -> None:
    assert codes(claim(used=100, used_inodes=100, **changes)) == []


@pytest.mark.parametrize("path", ["/dev/shm", "/proc/acpi", "/sys/firmware"])
def test_mounts_of_the_runtime_are_not_storage(path: str) -> None:
    pod = healthy_pod()
    full = replace(pod.mounts[0], path=path, filesystem_type="tmpfs", filesystem=filesystem(MIB, MIB, 9, 9))
    assert codes(replace(pod, mounts=(full,))) == []


@pytest.mark.parametrize(
    ("used", "severity"), [(102, None), (103, "warning"), (121, "warning"), (122, "critical")]
)
def test_size_limit(used: int, severity: str | None) -> None:
    pod = volume(usage=Usage(bytes=used * MIB, inodes=9, method="walk", complete=True))
    if severity is None:
        assert codes(pod) == []
    else:
        found = only("VOL103", pod)
        assert found.severity == severity
        assert "the kubelet then evicts the Pod" in found.evidence[0]


def test_a_walk_that_was_cut_short_is_a_lower_bound() -> None:
    pod = volume(usage=Usage(bytes=120 * MIB, inodes=9, method="walk", complete=False))
    assert "at least 120 MiB" in only("VOL103", pod).evidence[0]


def test_a_memory_volume_with_a_limit_is_told_once() -> None:
    full = filesystem(16 * MIB, 15 * MIB, 0, 0)
    pod = volume(medium="Memory", size_limit_bytes=16 * MIB, filesystem=full, usage=None)
    assert codes(pod) == ["VOL103", "VOL105"]
    assert "ENOSPC" in only("VOL103", pod).evidence[0]


def test_an_empty_dir_without_limit() -> None:
    assert only("VOL104", volume(size_limit_bytes=None)).severity == "info"


def test_a_memory_volume_says_whose_limit_it_takes() -> None:
    found = only("VOL105", volume(medium="Memory"))
    assert "webapp may use 256 MiB of memory, 4.7 % of it in this volume at most." in found.evidence


def test_a_mount_without_volume() -> None:
    pod = healthy_pod()
    lost = Volume(name="conf", type="undeclared", mounts=(VolumeMount(container="webapp", path="/etc/app"),))
    found = only("VOL108", replace(pod, volumes=(*pod.volumes, lost)))
    assert found.evidence == ("webapp mounts volume conf; the Pod declares html.",)


@pytest.mark.parametrize(("sizes", "expected"), [((63,), False), ((64,), True), ((32, 32), True)])
def test_deleted_files(sizes: tuple[int, ...], expected: bool) -> None:
    files = tuple(
        DeletedFile(
            container="webapp", process=ProcessRef(pid=9, name="python"), path=f"/{n}.log", bytes=n * MIB
        )
        for n in sizes
    )
    assert ("VOL106" in codes(volume(deleted_files=files))) is expected


def test_deleted_files_of_a_containers_own_filesystem() -> None:
    pod = healthy_pod()
    file = DeletedFile(
        container="nginx", process=ProcessRef(pid=7, name="nginx"), path="/tmp/old", bytes=70 << 20
    )
    own = Mount(
        container="nginx", path="/", filesystem_type="overlay", source="overlay", options="rw", read_only=False,
        device="0:40", deleted_files=(file,),
    )  # fmt: skip
    found = only("VOL106", replace(pod, mounts=(*pod.mounts, own)))
    assert found.subject == "nginx's own filesystem nginx nginx"
    assert "1 deleted file of nginx's own filesystem open, 70 MiB in all" in found.evidence[0]
    assert found.pointers == (f"/mounts/{len(pod.mounts)}/deleted_files",)


def lock(holder: str | None, waiter: str | None) -> Snapshot:
    waiting = LockHolder(container=waiter, pid=7, process="nginx", access="write")
    held = LockHolder(container=holder, pid=9, process="python", access="write")
    return volume(locks=(FileLock(kind="flock", inode=5, path="/srv/lock", holder=held, waiters=(waiting,)),))


def test_a_lock_of_another_container() -> None:
    found = only("VOL107", lock("webapp", "nginx"))
    assert (
        "nginx of nginx (PID 7) waits for a flock lock on /srv/lock that python of webapp holds"
        in found.evidence[0]
    )
    assert found.containers == ("webapp", "nginx")


@pytest.mark.parametrize(("holder", "waiter"), [("webapp", "webapp"), (None, "nginx"), ("webapp", None)])
def test_a_lock_within_one_container_or_of_unknown_ends(holder: str | None, waiter: str | None) -> None:
    assert "VOL107" not in codes(lock(holder, waiter))
