"""Both ends of a connection, who opened it, and where it goes."""

from __future__ import annotations

from podprobe.agents.answers import FdItem
from podprobe.analysis.answered import household
from podprobe.analysis.connections import connections
from podprobe.analysis.flows import flows, group, reduce
from podprobe.analysis.listeners import listeners
from podprobe.analysis.owners import owners
from podprobe.model import Connection, DeclaredPort
from tests.unit.analysis.answers import answered, listening, process, running, tcp

STARTED, NOW = 1000.0, 1100.0
CONTAINERS = [running("nginx", ports=(DeclaredPort(port=80),)), running("app")]


def _connections(*sockets, fds: dict[str, tuple[int, ...]]) -> list[Connection]:  # type: ignore[no-untyped-def]
    answers = [
        answered(name, processes=[process(1, started_at=STARTED)], fds=[FdItem(pid=1, sockets=inodes)])
        for name, inodes in fds.items()
    ]
    people = household(CONTAINERS, answers)
    whose = owners(CONTAINERS, answers, people, [(s.inode or 0, s.cgroup_id) for s in sockets])
    return connections(sockets, whose, frozenset({"10.0.0.4"}), NOW)


def test_both_sockets_say_from_whom_to_whom() -> None:
    found = _connections(
        listening("127.0.0.1:5000", inode=1),
        tcp("127.0.0.1:40000", "127.0.0.1:5000", inode=2, total_retransmits=3, data_segments_out=60),
        tcp("127.0.0.1:5000", "127.0.0.1:40000", inode=3),
        fds={"app": (1, 3), "nginx": (2,)},
    )
    assert [(c.role, c.container, c.from_container, c.to_container) for c in found] == [
        ("client", "nginx", "nginx", "app"),
        ("server", "app", "nginx", "app"),
    ]
    assert {c.scope for c in found} == {"loopback"}
    assert found[0].retransmit_ratio == 0.05
    (flow,) = flows(group(found))
    assert (flow.server, flow.connections, flow.retransmits) == ("127.0.0.1:5000", 1, 3)


def test_a_dual_stack_listeners_mapped_socket_meets_its_ipv4_peer() -> None:
    found = _connections(
        listening(":::8080", inode=1),
        tcp("127.0.0.1:40000", "127.0.0.1:8080", inode=2),
        tcp("::ffff:127.0.0.1:8080", "::ffff:127.0.0.1:40000", inode=3),
        fds={"app": (1, 3), "nginx": (2,)},
    )
    assert [(c.from_container, c.to_container, c.scope) for c in found] == [("nginx", "app", "loopback")] * 2
    assert found[1].local == "127.0.0.1:8080"


def _time_wait(left_ms: int | None) -> list[tuple[str, str | None, str, str | None]]:
    """Both ends of closed connections to a server that was started 100 s ago."""
    found = _connections(
        listening("0.0.0.0:5000", inode=1),
        tcp("127.0.0.1:5000", "127.0.0.1:41000", "time-wait", timer_ms=left_ms),
        tcp("127.0.0.1:42000", "127.0.0.1:5000", "time-wait", timer_ms=left_ms),
        fds={"app": (1,), "nginx": ()},
    )
    assert all(c.owner.process is None for c in found)
    return [(c.role, c.container, c.owner.by, c.to_container) for c in found]


def test_a_closed_connection_was_accepted_by_who_listens_if_he_was_there_then() -> None:
    assert _time_wait(30_000) == [("server", "app", "listener", "app"), ("client", None, "none", "app")]
    assert _time_wait(None) == [("server", None, "none", None), ("client", None, "none", None)]


def test_a_closed_connection_is_not_that_of_who_came_to_listen_later() -> None:
    """TIME_WAIT lasts 60 s: with 10 s left it began 50 s ago, and this server was started 40 s ago."""
    app = answered("app", processes=[process(1, started_at=NOW - 40)], fds=[FdItem(pid=1, sockets=(1,))])
    sockets = [
        listening("0.0.0.0:5000", inode=1),
        tcp("127.0.0.1:5000", "127.0.0.1:41000", "time-wait", timer_ms=10_000),
        tcp("127.0.0.1:42000", "127.0.0.1:5000", "time-wait", timer_ms=25_000),
    ]
    whose = owners(CONTAINERS, [app], household(CONTAINERS, [app]), [])
    found = connections(sockets, whose, frozenset(), NOW)
    assert [(c.container, c.to_container) for c in found] == [(None, None), (None, "app")]


def test_a_socket_that_nobody_has_accepted_yet_is_its_listeners() -> None:
    (waiting,) = _connections(
        listening("0.0.0.0:5000", inode=1),
        tcp("127.0.0.1:5000", "127.0.0.1:41000", cgroup_id=555),
        fds={"app": (1,), "nginx": ()},
    )
    assert (waiting.container, waiting.owner.by, waiting.owner.process) == ("app", "listener", None)


def test_a_bound_socket_that_does_nothing_is_no_connection() -> None:
    assert not _connections(tcp("127.0.0.1:7777", state="close", inode=1), fds={"app": (1,)})


def test_outside_is_outside() -> None:
    found = _connections(
        listening("0.0.0.0:80", inode=1),
        tcp("10.0.0.4:80", "10.0.0.9:5555", inode=2),
        tcp("10.0.0.4:45000", "93.184.216.34:443", inode=3),
        fds={"nginx": (1, 2), "app": (3,)},
    )
    assert [(c.scope, c.role, c.from_container, c.to_container) for c in found] == [
        ("external", "server", None, "nginx"),
        ("external", "client", "app", None),
    ]
    assert {flow.remote_address for flow in flows(group(found))} == {"10.0.0.9", "93.184.216.34"}


def test_through_the_pods_own_address_is_inside() -> None:
    found = _connections(
        listening("0.0.0.0:80", inode=1),
        tcp("10.0.0.4:45000", "10.0.0.4:80", inode=2),
        tcp("10.0.0.4:80", "10.0.0.4:45000", inode=3),
        fds={"nginx": (1, 3), "app": (2,)},
    )
    assert {(c.scope, c.from_container, c.to_container) for c in found} == {("pod", "app", "nginx")}


def test_two_containers_on_one_reused_port_are_not_mixed_up() -> None:
    found = _connections(
        listening("0.0.0.0:80", inode=1),
        listening("0.0.0.0:80", inode=2),
        tcp("127.0.0.1:80", "127.0.0.1:41000", "time-wait"),
        fds={"nginx": (1,), "app": (2,)},
    )
    assert found[0].container is None


def test_listeners_say_who_declares_their_port() -> None:
    sockets = [
        listening("0.0.0.0:80", inode=1, receive_queue=2, send_queue=128),
        listening("127.0.0.1:9", inode=2),
    ]
    answers = [answered("app", processes=[process(1)], fds=[FdItem(pid=1, sockets=(1, 2))])]
    people = household(CONTAINERS, answers)
    found = listeners(sockets, [], owners(CONTAINERS, answers, people, []), CONTAINERS)
    assert [(x.port, x.container, x.declared_by) for x in found] == [(9, "app", None), (80, "app", "nginx")]
    assert (found[1].backlog, found[1].backlog_limit) == (2, 128)


def test_a_large_pod_keeps_the_worst_and_counts_the_rest() -> None:
    many = [
        tcp(f"127.0.0.1:{10000 + i}", "127.0.0.1:5000", inode=10 + i, rtt_us=i, total_retransmits=0)
        for i in range(3000)
    ]
    many[1234] = tcp("127.0.0.1:11234", "127.0.0.1:5000", inode=1244, rtt_us=1, total_retransmits=9)
    inodes = tuple(s.inode or 0 for s in many)
    grouped = group(
        _connections(listening("127.0.0.1:5000", inode=1), *many, fds={"app": (1,), "nginx": inodes})
    )
    kept, omitted = reduce(grouped, 2000)
    assert len(kept) + omitted == 3000
    assert {c.rtt_us for c in kept} >= {2999}
    assert max(c.retransmits or 0 for c in kept) == 9
    assert len(reduce(grouped, 3000)[0]) == 3000
    (flow,) = flows(grouped)
    assert (flow.connections, flow.max_rtt_us, flow.retransmits) == (3000, 2999, 9)


def test_a_redirected_connection_is_joined_by_the_clients_own_end() -> None:
    found = _connections(
        listening("0.0.0.0:15001", inode=1),
        tcp("10.0.0.4:40000", "10.9.0.9:5432", inode=2, data_segments_out=10, total_retransmits=0),
        tcp("127.0.0.1:15001", "10.0.0.4:40000", inode=3, data_segments_out=5, total_retransmits=1),
        tcp("10.0.0.4:41000", "10.9.0.9:5432", inode=4),
        fds={"app": (2,), "nginx": (1, 3, 4)},
    )
    client, server, onwards = found
    assert (client.from_container, client.to_container, client.role) == ("app", "nginx", "client")
    assert (client.redirected_to, client.remote) == ("127.0.0.1:15001", "10.9.0.9:5432")
    assert (server.from_container, server.to_container, server.role) == ("app", "nginx", "server")
    assert server.original == "10.9.0.9:5432"
    assert {client.scope, server.scope} == {"pod"}
    assert (onwards.scope, onwards.redirected_to, onwards.original) == ("external", None, None)
    redirected, external = sorted(flows(group(found)), key=lambda each: each.scope, reverse=True)
    assert (redirected.server, redirected.original) == ("127.0.0.1:15001", "10.9.0.9:5432")
    assert (redirected.connections, redirected.segments_out, redirected.retransmits) == (1, 15, 1)
    assert external.original is None


def test_two_that_may_have_been_redirected_are_joined_to_neither() -> None:
    """The kernel gives one port to several connections where their far ends differ."""
    found = _connections(
        listening("0.0.0.0:15001", inode=1),
        tcp("10.0.0.4:40000", "10.9.0.9:5432", inode=2),
        tcp("10.0.0.4:40000", "10.9.0.10:5432", inode=4),
        tcp("127.0.0.1:15001", "10.0.0.4:40000", inode=3),
        fds={"app": (2, 4), "nginx": (1, 3)},
    )
    assert [(each.scope, each.redirected_to, each.original) for each in found] == [
        ("external", None, None),
        ("external", None, None),
        ("pod", None, None),
    ]


def test_who_comes_from_loopback_to_the_pods_address_is_of_the_pod_on_both_sides() -> None:
    """As Envoy does, which calls the application from 127.0.0.6."""
    found = _connections(
        listening("0.0.0.0:8080", inode=1),
        tcp("127.0.0.6:40000", "10.0.0.4:8080", inode=2),
        tcp("10.0.0.4:8080", "127.0.0.6:40000", inode=3),
        fds={"app": (1, 3), "nginx": (2,)},
    )
    assert {each.scope for each in found} == {"pod"}
    assert len(flows(group(found))) == 1
