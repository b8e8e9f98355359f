"""What several looks tell together."""

from __future__ import annotations

from msgspec.structs import replace

from podprobe.analysis.channels import channels
from podprobe.analysis.remembered import with_remembered
from podprobe.model import SemaphoreSet, Snapshot
from tests.support.changes import ipc


def look(*containers: str, **more: object) -> Snapshot:
    made = SemaphoreSet(key="0x55", id=3, semaphores=1, mode="0600", uid=0, gid=0, containers=containers)
    return ipc(semaphores=(replace(made, **more),))


def test_containers_that_take_turns_are_joined() -> None:
    first, second = look("nginx"), with_remembered(look("webapp"), look("nginx"))
    assert second.ipc.semaphores[0].containers == ("nginx", "webapp")
    found = [(each.a, each.b) for each in channels(second) if each.kind == "semaphore"]
    assert found == [("nginx", "webapp")]
    assert with_remembered(first, None) == first


def test_another_set_of_the_same_id_and_a_container_that_is_gone_are_not() -> None:
    assert with_remembered(look("webapp"), look("nginx", key="0x66")).ipc.semaphores[0].containers == (
        "webapp",
    )
    assert with_remembered(look("webapp"), look("gone")).ipc.semaphores[0].containers == ("webapp",)
