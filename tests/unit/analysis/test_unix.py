"""Unix sockets: both ends of a connection, also where a process cannot be looked into."""

from __future__ import annotations

from typing import Any

from podprobe.agents.answers import FdItem, Seen, UnixItem
from podprobe.analysis.answered import household
from podprobe.analysis.owners import Owners, owners
from podprobe.analysis.unix import KEPT, unix_sockets
from podprobe.model import UnixSocket, User
from tests.unit.analysis.answers import answered, process, running

FILE = {"path": "/run/fpm.sock", "file_inode": 9, "file_device": "0:1"}
CLOSED = Seen(area="fds", level="partial", reason="1 process closed")


def item(inode: int, state: str = "established", **fields: Any) -> UnixItem:
    return UnixItem(**{"kind": "stream", "state": state, "inode": inode, **fields})


LISTENER = item(50, "listen", uid=0, pending=(61,), **FILE)
ACCEPTED = item(51, peer_inode=60, uid=82, **FILE)
CLIENT = item(60, peer_inode=51, uid=101)
WAITING = item(61, uid=101)


def _whose(*more: Any, worker: int = 101) -> Owners:
    """A master and a worker of another user in each of two containers, and what else there is."""
    names = ("nginx", "fpm")
    containers = [running(name, user=User(uid=0)) for name in names]
    answers = [
        answered(
            name,
            CLOSED,
            processes=[process(1, uid=0), process(7, uid=uid)],
            fds=[FdItem(pid=1, sockets=(inode,))],
        )
        for name, uid, inode in (("nginx", worker, 1), ("fpm", 82, 50))
    ]
    for container, answer in more:
        containers.append(container)
        answers += [answer] if answer else []
    return owners(containers, answers, household(containers, answers), [])


def _found(items: list[UnixItem], whose: Owners) -> dict[int, UnixSocket]:
    return {one.inode: one for one in unix_sockets(items, whose)[0]}


def test_what_was_accepted_is_its_listeners_and_the_client_is_found_by_elimination() -> None:
    found = _found([LISTENER, ACCEPTED, CLIENT], _whose())
    assert (found[51].container, found[51].owner.by, found[51].peer_container) == ("fpm", "listener", "nginx")
    assert (found[60].container, found[60].owner.by, found[60].peer_container) == (
        "nginx",
        "elimination",
        "fpm",
    )
    assert found[51].owner.process is None


def test_who_waits_to_be_accepted_is_a_client_and_no_server() -> None:
    waiting = _found([LISTENER, WAITING], _whose())[61]
    assert (waiting.container, waiting.peer_container, waiting.path) == ("nginx", "fpm", "/run/fpm.sock")
    unknown = _found([LISTENER, WAITING], _whose(worker=33))[61]
    assert (unknown.container, unknown.peer_container) == (None, "fpm")


def test_another_file_of_the_same_path_is_another_listeners() -> None:
    elsewhere = item(51, peer_inode=60, uid=82, **{**FILE, "file_inode": 10})
    assert _found([LISTENER, elsewhere], _whose(worker=82))[51].container is None
    named = item(50, "listen", path="@fpm"), item(51, uid=82, path="@fpm")
    assert _found([*named], _whose(worker=82))[51].container is None


def test_elimination_needs_everyone_else_to_be_ruled_out() -> None:
    def client(container: Any, answer: Any) -> str | None:
        return _found([LISTENER, ACCEPTED, CLIENT], _whose((container, answer)))[60].container

    other = running("other", user=User(uid=0))
    assert client(other, answered("other", processes=[process(1, uid=0)])) == "nginx"
    # Nobody looked into it; it has a process of that user; it has one of root's that is closed.
    assert client(other, None) is None
    assert client(other, answered("other", processes=[process(1, uid=101)])) is None
    assert client(other, answered("other", CLOSED, processes=[process(1, uid=0)])) is None


def test_all_are_kept_where_all_are_asked_for() -> None:
    items = [item(100 + number) for number in range(KEPT + 5)]
    kept, count = unix_sockets(items, Owners())
    assert (len(kept), count) == (KEPT, KEPT + 5)
    assert len(unix_sockets(items, Owners(), None)[0]) == KEPT + 5
