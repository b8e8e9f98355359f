"""Which sockets are taken for podprobe's probes: none that a container can hide behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podprobe.agents.answers import CgroupValue, FdItem, Seen
from podprobe.analysis.answered import household
from podprobe.analysis.own_probes import whose_of, without_probes
from podprobe.analysis.owners import owners
from tests.unit.analysis.answers import answered, listening, process, running, tcp

if TYPE_CHECKING:
    from podprobe.agents.inet import InetSocket
    from podprobe.model import Visibility

CONTAINERS = [running("app")]
SERVER = listening("127.0.0.1:6001", inode=1)
BLIND = Seen(area="fds", level="partial", reason="Permission denied")


def told(
    *sockets: InetSocket, fds: tuple[int, ...] = (), seen: tuple[Seen, ...] = (), runtime: bool = True
) -> tuple[list[InetSocket], list[Visibility]]:
    """What is left of the sockets beside the server at 127.0.0.1:6001, and what is said of it."""
    every = [SERVER, *sockets]
    answers = [
        answered(
            "app",
            *seen,
            values={"cgroup": CgroupValue(version=2, id=77)},
            processes=[process(1)],
            fds=[FdItem(pid=1, sockets=(1, *fds))],
        )
    ]
    people = household(CONTAINERS, answers)
    found = owners(CONTAINERS, answers, people, [(s.inode or 0, s.cgroup_id) for s in every], runtime=runtime)
    kept, notes = without_probes(every, whose_of(found, CONTAINERS, answers, people, runtime=runtime))
    assert kept[0] == SERVER
    return kept[1:], notes


def pair(client: int | None, server: int | None, state: str = "established") -> list[InetSocket]:
    return [
        tcp("127.80.80.80:40000", "127.0.0.1:6001", state, inode=client, cgroup_id=9 if client else None),
        tcp("127.0.0.1:6001", "127.80.80.80:40000", "close-wait", inode=server),
    ]


@pytest.mark.parametrize("state", ["established", "time-wait", "fin-wait-2"])
def test_probes_are_left_out_with_both_their_ends(state: str) -> None:
    client = 5 if state == "established" else None
    assert told(*pair(client, 2, state), fds=(2,)) == ([], [])
    assert told(*pair(None, 2)[1:], fds=(2,)) == ([], []), "its other end is gone for good"


def test_listeners_never_are() -> None:
    hidden = listening("127.80.80.80:6000", inode=2)
    mapped = listening("::ffff:127.80.80.80:6002", inode=3)
    datagrams = tcp("127.80.80.80:6000", state="close", protocol="udp", inode=4)
    assert told(hidden, mapped, datagrams, fds=(2, 3, 4)) == ([hidden, mapped, datagrams], [])


@pytest.mark.parametrize("address", ["127.80.80.80", "0.0.0.0"])
def test_nor_is_what_a_listener_at_the_address_has_taken(address: str) -> None:
    server = listening(f"{address}:6000", inode=2)
    taken = [
        tcp("127.80.80.80:6000", "127.0.0.1:40000", inode=3),
        tcp("127.0.0.1:40000", "127.80.80.80:6000", inode=4),
    ]
    assert told(server, *taken, fds=(2, 3, 4)) == ([server, *taken], [])
    closed = tcp("127.0.0.1:40000", "127.80.80.80:6000", "time-wait")
    assert told(server, closed, fds=(2,)) == ([server, closed], [])


def test_a_probe_of_a_listener_at_the_address_is_left_out() -> None:
    server = listening("127.80.80.80:6000", inode=2)
    probe = [
        tcp("127.80.80.80:40000", "127.80.80.80:6000", "time-wait"),
        tcp("127.80.80.80:6000", "127.80.80.80:40000", "close-wait", inode=3),
    ]
    assert told(server, *probe, fds=(2, 3)) == ([server], [])


def test_a_containers_connection_from_that_address_is_shown() -> None:
    assert told(*pair(5, 2), fds=(2, 5)) == (pair(5, 2), [])


def test_a_containers_connection_is_known_by_its_control_group_too() -> None:
    ours = [tcp("127.80.80.80:40000", "127.0.0.1:6001", inode=5, cgroup_id=77), pair(5, 2)[1]]
    assert told(*ours, fds=(2,), seen=(BLIND,)) == (ours, [])
    # Without a runtime, an agent is in whatever group podprobe is in.
    assert told(*ours, fds=(2,), runtime=False) == ([], [])


def test_where_it_may_be_a_containers_that_is_said() -> None:
    kept, (note,) = told(*pair(5, 2), fds=(2,), seen=(BLIND,))
    assert kept == []
    assert (note.area, note.level) == ("connections", "partial")
    assert note.reason.startswith("a connection from 127.80.80.80")
