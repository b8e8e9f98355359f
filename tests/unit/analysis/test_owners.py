"""Whose a socket is: right or unknown, never wrong."""

from __future__ import annotations

from podprobe.agents.answers import CgroupValue, FdItem, Seen
from podprobe.analysis.answered import household
from podprobe.analysis.owners import Owners, owners
from podprobe.model import DeclaredPort, User
from tests.unit.analysis.answers import answered, process, running

ID_A, ID_B = "a" * 64, "b" * 64


def _owners(containers, answers, sockets=()) -> Owners:  # type: ignore[no-untyped-def]
    return owners(containers, answers, household(containers, answers), sockets)


def test_an_open_file_names_container_and_process() -> None:
    answers = [answered("web", processes=[process(1, "httpd")], fds=[FdItem(pid=1, sockets=(100,))])]
    found = _owners([running("web")], answers).of(100)
    assert (found.container, found.owner.by) == ("web", "fd")
    assert found.owner.process is not None
    assert found.owner.process.name == "httpd"


def test_the_oldest_of_several_holders_is_named() -> None:
    answers = [
        answered(
            "web",
            processes=[process(30, "worker", started_at=5.0), process(200, "master", started_at=1.0)],
            fds=[FdItem(pid=30, sockets=(100,)), FdItem(pid=200, sockets=(100,))],
        )
    ]
    # Neither is PID 1, so the namespace's first process is not known: the container is not guessed either.
    assert _owners([running("web")], answers).of(100).container is None
    answers[0].areas.items["processes"].append(process(1, "init"))
    owner = _owners([running("web")], answers).of(100).owner
    assert owner.process is not None
    assert owner.process.name == "master"


def test_a_socket_held_in_two_containers_is_nobodys_alone() -> None:
    containers = [running("a"), running("b")]
    answers = [
        answered("a", processes=[process(1)], fds=[FdItem(pid=1, sockets=(100,))]),
        answered("b", processes=[process(1)], fds=[FdItem(pid=1, sockets=(100,))]),
    ]
    assert _owners(containers, answers).of(100).container is None


def test_a_cgroup_id_is_learnt_from_an_owned_socket() -> None:
    containers = [running("a"), running("b")]
    a = answered("a", processes=[process(1)], fds=[FdItem(pid=1, sockets=(100,))])
    b = answered("b", processes=[process(1)])
    sockets = [(100, 555), (101, 555), (102, 777)]
    whose = _owners(containers, [a, b], sockets)
    assert (whose.of(101, 555).container, whose.of(101, 555).owner.by) == ("a", "cgroup")
    assert whose.of(102, 777).container is None
    # Of a container that nobody looked into, it may be the one that made the socket and handed it on.
    assert _owners(containers, [a], sockets).of(101, 555).container is None
    # Nor do sockets of two groups tell which of them is the container's.
    a.areas.items["fds"].append(FdItem(pid=1, sockets=(102,)))
    assert _owners(containers, [a, b], sockets).of(101, 555).container is None


def test_a_socket_that_was_handed_over_does_not_say_whose_its_group_is() -> None:
    containers = [running("a"), running("b")]
    b = answered(
        "b",
        values={"cgroup": CgroupValue(version=2, id=777)},
        processes=[process(1)],
        fds=[FdItem(pid=1, sockets=(100,))],
    )
    whose = _owners(containers, [b], [(100, 555), (101, 555)])
    assert whose.of(101, 555).container is None
    assert whose.of(100, 555).owner.by == "fd"
    a = answered("a", values={"cgroup": CgroupValue(version=2, id=555)}, processes=[process(1)])
    assert _owners(containers, [a, b], [(100, 555), (101, 555)]).of(101, 555).container == "a"


def test_a_cgroup_refutes_what_user_id_port_and_listener_say() -> None:
    containers = [
        running("a", user=User(uid=1000), ports=(DeclaredPort(port=80),)),
        running("b", user=User(uid=2000)),
    ]
    blind = Seen(area="fds", level="partial", reason="1 process closed")
    own = {"cgroup": CgroupValue(version=2, id=555)}
    a = answered("a", blind, values=own, processes=[process(1, uid=1000)], fds=[FdItem(pid=1, sockets=(1,))])
    whose = _owners(containers, [a])
    assert whose.of(9, 888, 1000).container is None
    assert whose.of(9, 1, 1000).container == "a"
    assert whose.of_listener("tcp", 80, 9, 888, 0).container is None
    assert whose.of_listener("tcp", 80, 9, None, 0).container == "a"
    assert whose.of_accepted(whose.of(1), 9, 888).container is None
    assert whose.of_accepted(whose.of(1), 9, 555).container == "a"
    # With groups of its own below it, a container has sockets of several ids.
    a.areas.items["processes"].append(process(2, uid=1000, cgroup="/init.scope"))
    assert _owners(containers, [a]).of(9, 888, 1000).container == "a"


def test_on_the_hosts_network_only_files_and_control_groups_count() -> None:
    containers = [
        running("web", user=User(uid=1000), ports=(DeclaredPort(port=80),)),
        running("side", user=User(uid=2000)),
    ]
    own = {"cgroup": CgroupValue(version=2, id=555)}
    answers = [answered("web", values=own)]
    people = household(containers, answers)
    inside, outside = (
        owners(containers, answers, people, [], host_network=host_network) for host_network in (False, True)
    )
    assert inside.of(7, None, 1000).container == inside.of_listener("tcp", 80, 7, None, 0).container == "web"
    assert outside.of(7, None, 1000).container is None
    assert outside.of_listener("tcp", 80, 7, None, 0).container is None
    assert outside.of(7, 555).owner.by == "cgroup"
    # What no runtime made shares its group with whoever started it.
    loose = owners(containers, answers, people, [], host_network=True, runtime=False)
    assert loose.of(7, 555).container is None


def test_a_cgroup_id_claimed_twice_says_nothing() -> None:
    containers = [running("a"), running("b")]
    answers = [
        answered("a", values={"cgroup": CgroupValue(version=2, id=555)}, processes=[process(1)]),
        answered("b", values={"cgroup": CgroupValue(version=2, id=555)}, processes=[process(1)]),
    ]
    assert _owners(containers, answers).of(101, 555).container is None


def test_the_root_cgroup_says_nothing() -> None:
    answers = [answered("a", processes=[process(1)], fds=[FdItem(pid=1, sockets=(100,))])]
    assert _owners([running("a")], answers, [(100, 1), (101, 1)]).of(101, 1).container is None


def test_a_uid_tells_only_where_no_other_container_could_have_it() -> None:
    web, side = running("web", user=User(uid=1000)), running("side", user=User(uid=2000))
    assert _owners([web, side], []).of(7, None, 1000).container == "web"
    assert _owners([web, side], []).of(7, None, 2000).owner.by == "uid"
    assert _owners([web, side], []).of(None, None, 1000).container is None
    root = running("root", user=User(uid=0))
    assert _owners([web, root], []).of(7, None, 1000).container is None
    unknown = running("unknown")
    assert _owners([web, unknown], []).of(7, None, 1000).container is None
    twin = running("twin", user=User(uid=1000))
    assert _owners([web, twin], []).of(7, None, 1000).container is None


def test_a_declared_port_is_a_guess_and_only_for_listeners() -> None:
    containers = [running("web", ports=(DeclaredPort(port=80),)), running("side")]
    whose = _owners(containers, [])
    assert whose.of_listener("tcp", 80, 1, None, 0).owner.by == "declared"
    assert whose.of_listener("udp", 80, 1, None, 0).container is None
    both = [running("web", ports=(DeclaredPort(port=80),)), running("side", ports=(DeclaredPort(port=80),))]
    assert _owners(both, []).of_listener("tcp", 80, 1, None, 0).container is None


def test_a_declaration_is_refuted_by_a_full_look_at_the_declaring_container() -> None:
    containers = [running("web", ports=(DeclaredPort(port=80),)), running("side")]
    seen = answered("web", processes=[process(1)], fds=[FdItem(pid=1, sockets=(5,))])
    assert _owners(containers, [seen]).of_listener("tcp", 80, 100, None, 0).container is None
    blind = answered("web", Seen(area="fds", level="partial", reason="denied"), processes=[process(1)])
    assert _owners(containers, [blind]).of_listener("tcp", 80, 100, None, 0).owner.by == "declared"


def test_other_peoples_debug_containers_are_not_the_container_they_target() -> None:
    containers = [running("web", id=f"containerd://{ID_A}"), running("debugger", id=f"containerd://{ID_B}")]
    answers = [
        answered(
            "web",
            processes=[
                process(1, cgroup=f"/../{ID_A}"),
                process(50, "nc", cgroup=f"/../{ID_B}"),
                process(60, "?", cgroup="/x"),
            ],
            fds=[
                FdItem(pid=50, sockets=(100,)),
                FdItem(pid=1, sockets=(101,)),
                FdItem(pid=60, sockets=(102,)),
            ],
        )
    ]
    whose = _owners(containers, answers)
    assert whose.of(100).container == "debugger"
    assert whose.of(101).container == "web"
    assert whose.of(102).container is None


def test_a_shared_pid_namespace_is_told_apart_by_container_id() -> None:
    containers = [running("a", id=f"cri-o://{ID_A}"), running("b", id=f"cri-o://{ID_B}")]
    scope = "/kubepods.slice/crio-{}.scope"
    answers = [
        answered(
            None,
            processes=[
                process(1, "pause", cgroup="/pause"),
                process(7, cgroup=scope.format(ID_A)),
                process(9, cgroup=scope.format(ID_B)),
            ],
            fds=[FdItem(pid=7, sockets=(100,)), FdItem(pid=9, sockets=(200,))],
        )
    ]
    whose = _owners(containers, answers)
    assert [whose.of(100).container, whose.of(200).container] == ["a", "b"]
