"""Containers with what their agents measured."""

from __future__ import annotations

from podprobe.agents.answers import CgroupValue
from podprobe.analysis.answered import household
from podprobe.analysis.containers import TOP, containers
from tests.unit.analysis.answers import answered, process, running

A, B = running("a"), running("b")


def test_zombies_are_counted_by_the_parent_that_does_not_reap_them() -> None:
    zombies = [process(pid, "child", state="zombie", parent=7) for pid in (20, 21)]
    answers = [answered("a", processes=[process(1), process(7, "lazy", threads=3), *zombies])]
    (a, b) = containers((A, B), answers, household((A, B), answers))
    assert a.processes is not None
    assert (a.processes.count, a.processes.zombies, a.processes.threads) == (4, 2, 6)
    assert [(p.pid, p.name, p.count) for p in a.processes.zombie_parents] == [(7, "lazy", 2)]
    assert (a.agent, b.agent, b.processes) == (True, False, None)


def test_a_zombie_that_has_left_its_control_group_is_where_its_parent_is() -> None:
    """As cgroup v1 has it: what has exited is in the root group."""
    first, parent = process(1, cgroup="/pods/a"), process(7, "lazy", cgroup="/pods/a")
    zombies = [
        process(20, state="zombie", parent=7, cgroup="/"),
        process(21, state="zombie", parent=99, cgroup="/"),
    ]
    answers = [answered("a", processes=[first, parent, *zombies])]
    (a, _) = containers((A, B), answers, household((A, B), answers))
    assert a.processes is not None
    assert [(p.pid, p.count) for p in a.processes.zombie_parents] == [(7, 1)]


def test_the_processes_of_a_runtime_within_a_container_are_that_containers() -> None:
    mine, nested = "a" * 64, "c" * 64
    declared = (running("a", id=f"containerd://{mine}"), B)
    answers = [
        answered(
            "a",
            processes=[
                process(1, "dockerd", cgroup=f"/../{mine}/init"),
                process(9, "nested", cgroup=f"/../{mine}/docker/{nested}"),
                process(10, "stranger", cgroup=f"/../{nested}"),
            ],
        )
    ]
    people = household(declared, answers)
    assert [person.item.name for person in people.of("a")] == ["dockerd", "nested"]


def test_of_many_processes_the_largest_stay() -> None:
    many = [process(pid, cpu_seconds=float(pid), memory_bytes=1000 - pid) for pid in range(1, 200)]
    answers = [answered("a", processes=many)]
    (a,) = containers((A,), answers, household((A,), answers))
    assert a.processes is not None
    assert (a.processes.count, len(a.processes.top)) == (199, TOP // 2 * 2)
    assert {1, 2, 199} <= {p.pid for p in a.processes.top}


def test_a_control_group_that_others_are_in_too_is_not_the_containers() -> None:
    def look(paths: dict[str, str], *, runtime: bool) -> list[bool]:
        answers = [
            answered(
                name, processes=[process(1, cgroup=path)], values={"cgroup": CgroupValue(version=2, pids=5)}
            )
            for name, path in paths.items()
        ]
        found = containers((A, B), answers, household((A, B), answers), runtime=runtime)
        return [container.cgroup is not None for container in found]

    assert look({"a": "/user.slice", "b": "/user.slice"}, runtime=False) == [False, False]
    assert look({"a": "/", "b": "/b"}, runtime=False) == [False, True]
    assert look({"a": "/a", "b": "/b"}, runtime=False) == [True, True]
    # A runtime's cgroup namespace may show every container its own group as the root.
    assert look({"a": "/", "b": "/"}, runtime=True) == [True, True]
