"""Agents' answers for tests, built from the same structs that real ones are decoded into."""

from __future__ import annotations

from typing import Any

from podprobe.agents.answers import Areas, End, Hello, ProcessItem, Seen
from podprobe.agents.inet import InetSocket
from podprobe.analysis.answered import Answered
from podprobe.model import Container

HELLO = Hello(
    protocol=1, version="1", python="3.11", kernel="6.1", machine="x86_64", pid=7, uid=0, gid=0, capabilities=0,
    page_bytes=4096, boot_time=0.0,
)  # fmt: skip


def answered(
    container: str | None, *seen: Seen, values: dict[str, Any] | None = None, **items: list[Any]
) -> Answered:
    """One agent's answer: `items` by area."""
    areas = Areas()
    for area, found in items.items():
        areas.items[area] = found
    areas.values.update(values or {})
    areas.end = End(visibility=seen, duration_us=1, taken_at=1.0)
    return Answered(container, HELLO, areas)


def process(pid: int, name: str = "app", **fields: Any) -> ProcessItem:
    """A process; its cgroup is the container's own unless said."""
    return ProcessItem(
        **{"pid": pid, "parent": 0, "name": name, "state": "sleeping", "cgroup": "/", **fields}
    )


def running(name: str, **fields: Any) -> Container:
    """A running container."""
    return Container(**{"name": name, "state": "running", **fields})


def tcp(local: str, remote: str = "0.0.0.0:0", state: str = "established", **fields: Any) -> InetSocket:
    """A TCP socket between `ADDRESS:PORT` texts."""
    local_address, _, local_port = local.rpartition(":")
    remote_address, _, remote_port = remote.rpartition(":")
    return InetSocket(
        **{
            "protocol": "tcp", "state": state, "local_address": local_address, "local_port": int(local_port),
            "remote_address": remote_address, "remote_port": int(remote_port), "uid": 0, "inode": None,
            "receive_queue": 0, "send_queue": 0, "interface": 0, "cookie": 0, **fields,
        }
    )  # fmt: skip


def listening(local: str, **fields: Any) -> InetSocket:
    """A TCP listener."""
    return tcp(local, state="listen", **fields)
