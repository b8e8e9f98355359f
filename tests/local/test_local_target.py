"""`local:PID` on real namespaces: what podprobe says is compared with the kernel's own files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from podprobe.errors import TargetError
from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from podprobe.targets.local.demo import Demo
from tests.local import kernel
from tests.support.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Snapshot
    from podprobe.targets.base import PodTarget

pytestmark = pytest.mark.namespaces


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with Demo(("leaked-segment",)) as made:
        yield made


@pytest.fixture(scope="module")
def snapshot(demo: Demo) -> Iterator[Snapshot]:
    session = Session(open_local(demo.pid))
    yield session.look()
    session.close()


def test_any_process_of_the_pod_will_do(demo: Demo) -> None:
    some = kernel.processes(demo, "worker")[-1]
    by_init, by_other = open_local(demo.pid).state(), open_local(some).state()
    assert by_init.containers == by_other.containers
    assert {each.name for each in by_init.containers} == {"logger", "web", "app", "worker", "metrics"}


def test_each_agent_is_where_an_ephemeral_container_would_be(demo: Demo) -> None:
    target = open_local(demo.pid)
    try:
        agents = target.agents(lambda _: None).agents
        assert set(agents) == set(kernel.statuses(demo))
        for name, agent in agents.items():
            assert name is not None
            init = kernel.processes(demo, name)[0]
            for kind in ("net", "ipc", "uts", "pid", "user"):
                assert agent.hello.namespaces[kind] == kernel.namespace(init, kind)
            assert agent.hello.namespaces["mnt"] not in {
                kernel.namespace(init, "mnt"),
                kernel.namespace("self", "mnt"),
            }
            assert agent.hello.target_namespaces["mnt"] == kernel.namespace(init, "mnt")
    finally:
        target.close()


def test_listeners_and_their_owners_are_the_kernels(demo: Demo, snapshot: Snapshot) -> None:
    seen = {
        f"{each.address}:{each.port}": each for each in snapshot.network.listeners if ":" not in each.address
    }
    there = kernel.listeners(demo)
    assert {place: each.inode for place, each in seen.items()} == there
    assert {place: each.container for place, each in seen.items()} == {
        place: kernel.owner(demo, inode) for place, inode in there.items()
    }


def test_ipc_objects_are_the_kernels(demo: Demo, snapshot: Snapshot) -> None:
    segments = {each.key: (each.bytes, each.attachments) for each in snapshot.ipc.shared_memory}
    assert segments == {
        f"0x{row['key'] & 0xFFFFFFFF:08x}": (row["size"], row["nattch"])
        for row in kernel.sysvipc(demo, "shm")
    }
    attached = {each.key: {one.container for one in each.attached} for each in snapshot.ipc.shared_memory}
    assert attached == {"0x00001234": {"app", "worker"}, "0x0000dead": set()}
    (ring,) = snapshot.ipc.posix_shared_memory
    assert (ring.name, ring.bytes, ring.used_bytes) == ("ring", 4 << 20, 2 << 20)
    assert {one.container for one in ring.mapped} == {"app", "worker"}
    assert [queue.name for queue in snapshot.ipc.posix_message_queues] == ["/events"]


def test_volumes_have_the_kernels_numbers(demo: Demo, snapshot: Snapshot) -> None:
    for volume in snapshot.volumes:
        mount = volume.mounts[0]
        real = os.statvfs(kernel.root_of(demo, mount.container) / mount.path.lstrip("/"))
        assert volume.filesystem is not None
        assert (volume.filesystem.bytes, volume.filesystem.inodes) == (
            real.f_blocks * real.f_frsize,
            real.f_files,
        )
        assert all(each.seen for each in volume.mounts)
    assert {volume.name: {mount.container for mount in volume.mounts} for volume in snapshot.volumes} == {
        "sockets": {"web", "worker"}, "logs": {"web", "app", "logger"}, "cache": {"web", "worker"},
    }  # fmt: skip


def test_owners_are_known_where_pids_are_shared_too() -> None:
    """One agent sees all processes; whose they are, their control groups tell."""
    with kernel.demo_with("shared-pids") as demo:
        session = Session(open_local(demo.pid))
        try:
            session.look()
            snapshot = session.look()  # with the agent of the first there
        finally:
            session.close()
        assert snapshot.target.shared_pid
        assert {each.name for each in snapshot.containers} == {"logger", "web", "app", "worker", "metrics"}
        if not demo.notes:
            owners = {each.port: (each.container, each.owner.by) for each in snapshot.network.listeners}
            assert owners == {8080: ("web", "fd"), 5000: ("app", "fd"), 9090: ("metrics", "fd")}


def test_who_waits_at_a_unix_socket_is_no_server_of_it() -> None:
    """The kernel names the client of a connection that nobody has accepted yet; the server's end has no inode."""
    with Demo(("unix-backlog",)) as demo:
        with closing(Session(open_local(demo.pid), SessionOptions(active=False))) as session:
            seen = session.look()
        waiting = [each for each in seen.network.unix if each.path == "/run/pod/slow.sock"]
        assert [each.container for each in waiting if each.state == "listen"] == ["worker"]
        clients = [each for each in waiting if each.state != "listen"]
        assert len(clients) >= 2
        assert {(each.container, each.peer_container) for each in clients} == {("web", "worker")}
        assert ("unix", "web", "worker", "/run/pod/slow.sock") in {
            (each.kind, each.a, each.b, each.via) for each in seen.channels
        }
        # Seen from the server's container alone, the clients are nobody's.
        inside = kernel.processes(demo, "worker")[0]
        with closing(Session(open_local(inside, agents="single"), SessionOptions(active=False))) as session:
            seen = session.look()
        assert [each.name for each in seen.containers if each.agent] == ["worker"]
        assert {each.container for each in seen.visibility if "--agents single" in each.reason} == {
            "logger", "web", "app", "metrics",
        }  # fmt: skip
        found = {
            (each.state, each.container) for each in seen.network.unix if each.path == "/run/pod/slow.sock"
        }
        assert found == {("listen", "worker"), ("established", None)}


def test_a_container_that_starts_again_gets_another_agent() -> None:
    with Demo(()) as demo:
        target = open_local(demo.pid)
        try:
            first = target.agents(lambda _: None).agents
            os.kill(kernel.processes(demo, "app")[0], signal.SIGKILL)
            kernel.eventually(lambda: kernel.statuses(demo)["app"]["restartCount"] == 1)
            kernel.eventually(lambda: "containerID" in kernel.statuses(demo)["app"])
            second = target.agents(lambda _: None).agents
            assert set(second) == set(first)
            assert [name for name in first if first[name] is not second[name]] == ["app"]
            assert all(agent.alive for agent in second.values())
        finally:
            target.close()


def test_closing_leaves_no_process_behind(demo: Demo) -> None:
    def inside() -> set[int]:
        return {
            pid
            for pid in kernel.all_pids()
            if kernel.namespace(pid, "net") == kernel.namespace(demo.pid, "net")
        }

    before = inside()
    target = open_local(demo.pid)
    target.agents(lambda _: None)
    assert len(inside() - before) >= 5
    target.close()
    assert kernel.eventually(lambda: not inside() - before)


@pytest.fixture
def unshared() -> Iterator[int]:
    """Two processes of somebody's own making that share a network and a tmpfs, each in a PID namespace."""
    if shutil.which("unshare") is None or os.geteuid() != 0:
        pytest.skip("needs root and util-linux")
    # The outer shell holds the network and the shared mount; each `unshare` is then a container.
    script = (
        "mount -t tmpfs -o size=1m scratch /mnt; mount --make-rshared /mnt; "
        "for name in one two; do unshare --mount --propagation unchanged --pid --fork --kill-child "
        "sleep 300 & done; wait"
    )
    with subprocess.Popen(
        ["unshare", "--net", "--mount", "sh", "-c", script], start_new_session=True
    ) as process:
        try:
            yield kernel.eventually(lambda: _sleeper(process.pid))
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def _sleeper(parent: int) -> int | None:
    """A process named sleep in the network namespace of `parent`, once there are two."""
    found = [
        pid
        for pid in kernel.all_pids()
        if kernel.namespace(pid, "net") == kernel.namespace(parent, "net") and _name(pid) == "sleep"
    ]
    return found[0] if len(found) == 2 else None


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def test_containers_of_any_making_are_told_apart_and_named(unshared: int) -> None:
    state = open_local(unshared).state()
    assert [each.name for each in state.containers] == ["sleep", "sleep-2"]
    assert [(volume.type, {mount.container for mount in volume.mounts}) for volume in state.volumes] == [
        ("tmpfs", {"sleep", "sleep-2"})
    ]
    assert not state.target.host_network
    assert not state.target.shared_pid


def test_the_hosts_own_network_is_said_to_be_that() -> None:
    state = open_local(os.getpid()).state()
    assert state.target.host_network
    assert any("host's network" in remark.reason for remark in state.visibility)


_LISTENS = """
import socket, sys, time
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
print(server.getsockname()[1], flush=True)
time.sleep(300)
"""


_AS_SOMEBODY_ELSE = """
import os, sys
from podprobe.errors import AccessError
from podprobe.targets.local import open_local
pid = int(sys.argv[1])
open_local(pid)  # as root: what it takes has been imported then, wherever only root may read it
os.setresuid(65534, 65534, 65534)
try:
    open_local(pid)
except AccessError as error:
    print(error.message, error.hint, sep="\\n")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_another_users_process_is_refused_with_a_way_out() -> None:
    """In another process, because a user id once given up does not come back."""
    program = [sys.executable, "-c", _AS_SOMEBODY_ELSE, str(os.getpid())]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    message, hint = done.stdout.splitlines()
    assert "65534" in message
    assert "root" in hint


def _target_of(pid: int) -> PodTarget:
    return open_local(pid)


def test_a_pod_that_has_gone_is_an_error_and_no_crash() -> None:
    with Demo(()) as demo:
        target = _target_of(demo.pid)
        target.agents(lambda _: None)
    time.sleep(0.1)
    with pytest.raises(TargetError):
        target.state()
    target.close()


@pytest.mark.parametrize("own_pids", [False, True])
def test_an_agent_is_no_container_of_the_pod(own_pids: bool) -> None:
    """Its mount namespace is its own: the one container must not become two, and the agent another one, by looking."""
    with Loopback(scenario="holds", settle=0, own_pids=own_pids) as pod:
        target = open_local(pod.pid)
        try:
            before = target.state().containers
            (first,) = target.agents(lambda _: None).agents.items()
            assert target.state().containers == before
            assert tuple(target.agents(lambda _: None).agents.items()) == (first,)
        finally:
            target.close()
