"""What the namespaces share, through a real agent: unix sockets, interfaces, counters."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from podprobe.agents.answers import UnixItem
    from podprobe.agents.client import Agent


def unix(agent: Agent, one: socket.socket) -> UnixItem:
    inode = os.fstat(one.fileno()).st_ino
    (found,) = [item for item in agent.look(["unix"]).items["unix"] if item.inode == inode]
    return found


def test_a_unix_listener_with_one_that_waits(agent: Agent, tmp_path: Path) -> None:
    path = str(tmp_path / "app.sock")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen(3)
        client.connect(path)
        listener = unix(agent, server)
        assert (listener.kind, listener.state, listener.path) == ("stream", "listen", path)
        assert (listener.queue, listener.queue_limit, listener.uid) == (1, 3, os.geteuid())
        assert listener.pending == (os.fstat(client.fileno()).st_ino,)
        there = Path(path).stat()
        assert listener.file_inode == there.st_ino
        assert listener.file_device == f"{os.major(there.st_dev)}:{os.minor(there.st_dev)}"
        accepted, _ = server.accept()
        with accepted:
            client.sendall(bytes(100))
            ours, theirs = unix(agent, client), unix(agent, accepted)
    assert (ours.state, ours.peer_inode, ours.path) == ("established", theirs.inode, None)
    assert (theirs.peer_inode, theirs.path, theirs.pending) == (ours.inode, path, ())
    assert theirs.queue is not None
    assert theirs.queue >= 100  # bytes, with the kernel's bookkeeping


def test_abstract_names_and_other_kinds(agent: Agent) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
        server.bind("\0podprobe-test-é")
        server.listen()
        found = unix(agent, server)
        assert (found.kind, found.path, found.file_inode) == ("seqpacket", "@podprobe-test-é", None)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lone:
        assert (unix(agent, lone).kind, unix(agent, lone).state) == ("datagram", "unconnected")
    left, right = socket.socketpair()
    with left:
        right.close()
        assert unix(agent, left).state == "closed"


def test_loopback_among_the_interfaces(agent: Agent) -> None:
    (loopback,) = [item for item in agent.look(["interfaces"]).items["interfaces"] if item.name == "lo"]
    assert "127.0.0.1/8" in loopback.addresses
    assert loopback.up
    assert loopback.mtu == int(Path("/sys/class/net/lo/mtu").read_text())
    assert loopback.received_bytes is not None
    assert loopback.received_bytes >= 0


def test_counters_count(agent: Agent) -> None:
    def active() -> int:
        values: dict[str, int] = agent.look(["counters"]).values["counters"].values
        return values["Tcp.ActiveOpens"]

    before = active()
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(5):
            socket.create_connection(server.getsockname()).close()
    assert active() >= before + 5


def test_settings_and_host_name(agent: Agent) -> None:
    counters = agent.look(["counters"]).values["counters"]
    low, high = counters.settings["net.ipv4.ip_local_port_range"].split()
    assert 0 < int(low) < int(high) < 65536
    assert counters.hostname == socket.gethostname()


def test_sockets_that_see_packets(agent: Agent) -> None:
    """Needs no privilege to look; making such a socket does."""
    look = agent.look(["packet"])
    assert look.end is not None
    assert [note for note in look.end.visibility if note.level == "none"] == []
