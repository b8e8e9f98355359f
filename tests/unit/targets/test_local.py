"""Processes told apart into containers, and volumes deduced from mounts: the pure parts of local targets."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from podprobe.targets.local.containers import group
from podprobe.targets.local.procfs import Member
from podprobe.targets.local.volumes import MountLine, deduce, parse_line

_numbers = itertools.count(100)
ID_A, ID_B = "a" * 64, "b" * 64


def member(name: str, pid_namespace: int, mount_namespace: int = 1, **fields: Any) -> Member:
    """A process; its number grows with each call, and with it its age falls."""
    number = next(_numbers)
    namespaces = {"net": 1, "pid": pid_namespace, "mnt": mount_namespace, "ipc": 1, "uts": 1, "user": 1}
    return Member(
        **{
            "pid": number, "inner_pid": 1, "parent": 1, "name": name, "started": number, "uid": 0, "gid": 0,
            "namespaces": namespaces, "cgroup": "/", "agent": False, **fields,
        }
    )  # fmt: skip


def names(*members: Member) -> list[str]:
    return [each.name for each in group(members).containers]


def test_each_pid_namespace_is_a_container_whatever_is_mounted_in_it() -> None:
    assert names(member("nginx", 2), member("nginx", 2, 9), member("app", 3)) == ["nginx", "app"]


def test_names_are_unique() -> None:
    assert names(member("nginx", 2), member("nginx", 3), member("nginx", 4)) == [
        "nginx",
        "nginx-2",
        "nginx-3",
    ]


def test_the_process_that_holds_the_namespaces_is_no_container() -> None:
    pause, app = member("pause", 2), member("app", 3)
    found = group([pause, app])
    assert (found.sandbox, [each.name for each in found.containers]) == (pause, ["app"])


def test_a_pod_that_is_nothing_but_its_sandbox_is_still_something() -> None:
    assert names(member("pause", 2)) == ["pause"]


def test_in_one_pid_namespace_the_runtimes_ids_tell_containers_apart() -> None:
    found = group([
        member("pause", 2),
        member("web", 2, cgroup=f"/kubepods/pod1/{ID_A}"),
        member("web-child", 2, cgroup=f"/kubepods/pod1/{ID_A}"),
        member("app", 2, cgroup=f"/system.slice/docker-{ID_B}.scope"),
        member("nsenter", 2),
    ])  # fmt: skip
    assert [(each.name, each.id, len(each.members)) for each in found.containers] == [
        ("web", ID_A, 2),
        ("app", ID_B, 1),
    ]
    assert found.shared_pid


def test_an_ephemeral_container_is_a_guest_and_podprobes_own_is_none() -> None:
    holder = f"/kubepods/pod1/{'c' * 64}"
    found = group([
        member("web", 2, cgroup=f"/kubepods/pod1/{ID_A}"),
        member("sh", 2, inner_pid=20, cgroup=f"/kubepods/pod1/{ID_B}"),
        member("sh", 2, inner_pid=30, agent=True, cgroup=holder),
        member("sleep", 2, inner_pid=31, cgroup=holder),
        member("app", 3),
    ])  # fmt: skip
    assert [(each.name, each.guest) for each in found.containers] == [
        ("web", False),
        ("sh", True),
        ("app", False),
    ]
    assert not found.shared_pid


def test_an_agent_that_nsenter_has_brought_in_is_no_container() -> None:
    assert names(member("app", 2, 5), member("python3", 2, 6, agent=True)) == ["app"]


def test_without_ids_mount_namespaces_do() -> None:
    found = group([member("a", 2, 11), member("b", 2, 12), member("b-child", 2, 12)])
    assert [(each.name, len(each.members)) for each in found.containers] == [("a", 1), ("b", 2)]
    assert found.shared_pid


def test_a_line_of_mountinfo() -> None:
    line = r"1021 900 0:51 /a\040b /mnt/c\134d ro,nosuid shared:7 master:1 - tmpfs tm\040pfs rw,size=1024k"
    assert parse_line(line) == MountLine("0:51", "/a b", "/mnt/c\\d", True, "tmpfs")


def mount(
    path: str, device: str = "0:50", root: str = "/", kind: str = "tmpfs", read_only: bool = False
) -> MountLine:
    return MountLine(device, root, path, read_only, kind)


def test_what_two_containers_have_is_a_volume() -> None:
    volumes = deduce(
        {"web": [mount("/cache", read_only=True), mount("/own", "0:51")], "app": [mount("/var/cache")]},
        host=[],
    )
    assert [(each.name, each.type, each.medium) for each in volumes] == [("cache", "tmpfs", "Memory")]
    assert [(each.container, each.path, each.read_only) for each in volumes[0].mounts] == [
        ("web", "/cache", True), ("app", "/var/cache", False),
    ]  # fmt: skip


def test_a_kubelets_volume_has_its_own_name_and_type() -> None:
    root = "/var/lib/kubelet/pods/1234/volumes/kubernetes.io~empty-dir/html"
    line = mount("/usr/share/nginx/html", "254:1", root, "ext4")
    (volume,) = deduce({"a": [line], "b": [line]}, host=[])
    assert (volume.name, volume.type, volume.medium) == ("html", "emptyDir", None)


@pytest.mark.parametrize(
    "line",
    [
        mount("/"), mount("/proc", kind="proc"), mount("/dev/shm"), mount("/etc/hosts", kind="ext4"),
        mount("/sys/fs/x"), mount("/home", "8:1", kind="ext4"),
    ],
    ids=lambda line: line.path,
)  # fmt: skip
def test_what_every_container_gets_is_no_volume(line: MountLine) -> None:
    assert deduce({"a": [line], "b": [line]}, host=[mount("/home", "8:1", kind="ext4")]) == ()


def test_volumes_of_one_name_get_numbers() -> None:
    one, two = mount("/a/data", "0:60"), mount("/b/data", "0:61")
    assert [each.name for each in deduce({"a": [one, two], "b": [one, two]}, host=[])] == ["data", "data-2"]
