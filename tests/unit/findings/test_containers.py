"""Processes, resources, start-up, Services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from podprobe.analysis.starts import starts
from podprobe.model import (
    Attachment,
    LastExit,
    MessageQueue,
    Probe,
    Processes,
    Resources,
    ServicePort,
    SharedMemory,
    Snapshot,
    UnixSocket,
    ZombieParent,
)
from tests.support import changes
from tests.support.changes import codes, container, only
from tests.support.samples import LIMITED, MIB, cgroup, healthy_pod

if TYPE_CHECKING:
    from podprobe.model import Finding, Service


# --- processes


@pytest.mark.parametrize(("zombies", "expected"), [(9, False), (10, True)])
def test_zombies(zombies: int, expected: bool) -> None:
    parents = (ZombieParent(pid=1, name="python", count=zombies),)
    pod = container(1, processes=Processes(count=20, zombies=zombies, threads=9, zombie_parents=parents))
    assert ("PRC101" in codes(pod)) is expected
    if expected:
        found = only("PRC101", pod)
        assert found.severity == "warning"
        assert "tini" in found.remedy


def test_a_parent_that_is_not_pid_1_is_to_blame_itself() -> None:
    parents = (ZombieParent(pid=44, name="spawner", count=12),)
    pod = container(1, processes=Processes(count=20, zombies=12, threads=9, zombie_parents=parents))
    assert "Correct spawner in webapp" in only("PRC101", pod).remedy


@pytest.mark.parametrize(
    ("pids", "limit", "expected"), [(921, 1_024, False), (922, 1_024, True), (922, None, False)]
)
def test_pids_run_out(pids: int, limit: int | None, expected: bool) -> None:
    pod = container(1, cgroup=replace(cgroup(), pids=pids, pids_limit=limit))
    assert ("PRC101" in codes(pod)) is expected
    if expected:
        assert only("PRC101", pod).severity == "critical"


def test_forks_that_a_limit_refused() -> None:
    """The limit may be the Pod's: then the container has none, and only what was refused tells of it."""
    before, now = (
        container(1, cgroup=replace(cgroup(), pids=40, pids_limit=None, pids_max_events=events))
        for events in (5, 7)
    )
    assert "PRC101" not in codes(now)
    assert "PRC101" not in codes(now, [now])
    found = only("PRC101", now, [before])
    assert found.severity == "critical"
    (refused,) = found.evidence
    assert refused.startswith("The kernel refused webapp 7 forks and new threads for a limit on PIDs")
    assert refused.endswith("2 of them since the look before.")


def test_shared_pids() -> None:
    assert only("PRC102", changes.target(shared_pid=True)).containers == ("nginx", "webapp")


# --- resources


@pytest.mark.parametrize(("ratio", "expected"), [(0.24, False), (0.25, True), (None, False)])
def test_throttling(ratio: float | None, expected: bool) -> None:
    pod = container(1, cgroup=replace(cgroup(), cpu_throttled_ratio=ratio))
    assert ("RES101" in codes(pod)) is expected


@pytest.mark.parametrize(
    ("used", "severity"), [(217, None), (218, "warning"), (243, "warning"), (244, "critical")]
)
def test_memory(used: int, severity: str | None) -> None:
    pod = container(1, cgroup=cgroup(used * MIB))
    if severity is None:
        assert codes(pod) == []
    else:
        assert only("RES102", pod).severity == severity


def test_how_often_the_limit_was_met() -> None:
    pod = container(1, cgroup=replace(cgroup(250 * MIB), memory_max_events=3))
    assert any("met the limit 3 times" in line for line in only("RES102", pod).evidence)


def test_memory_without_limit() -> None:
    assert codes(container(1, cgroup=cgroup(900 * MIB, limit=None))) == []


def test_a_process_that_was_killed() -> None:
    pod = container(1, cgroup=replace(cgroup(), oom_kills=1))
    assert "The kernel killed 1 process of webapp since it started." in only("RES103", pod).evidence
    last = LastExit(reason="OOMKilled", exit_code=137)
    assert only("RES103", container(1, last_exit=last, restarts=1)).severity == "critical"
    assert "RES103" not in codes(container(1, last_exit=LastExit(reason="Error", exit_code=137), restarts=1))


@pytest.mark.parametrize(
    ("state", "restarts", "said"),
    [
        ({"state": "running"}, 2, ", and started again; it has restarted 2 times."),
        ({"state": "terminated"}, 0, ", and does not run."),
        (
            {"state": "waiting", "state_reason": "CrashLoopBackOff"},
            3,
            ", and waits to be started again (CrashLoopBackOff); it has restarted 3 times.",
        ),
    ],
)
def test_what_became_of_it_is_told(state: dict[str, str], restarts: int, said: str) -> None:
    last = LastExit(reason="OOMKilled", exit_code=137)
    pod = container(1, last_exit=last, restarts=restarts, **state)
    assert only("RES103", pod).evidence == (f"webapp was killed for memory{said}",)
    if state["state"] == "waiting":
        assert only("STA102", pod).remedy.startswith("See RES103 of webapp")


def test_a_forgotten_limit() -> None:
    found = only("RES104", container(1, resources=replace(LIMITED, memory_limit_bytes=None)))
    assert found.evidence == ("webapp has no memory limit; nginx has one.",)
    assert (found.subject, found.containers) == ("Pod", ("webapp",))


def test_forgotten_limits_are_one_finding_that_does_not_contradict_throttling() -> None:
    pod = container(1, container(0, resources=Resources(cpu_limit=0.1)), resources=Resources())
    found = only("RES104", pod)
    assert found.evidence == ("webapp has no cpu limit; nginx has one.",)
    assert found.remedy == (
        "Set `resources.limits.cpu` of webapp, or remove that of nginx and keep the requests (see RES101)."
    )


def test_limits_that_nobody_has() -> None:
    assert codes(container(0, container(1, resources=Resources()), resources=Resources())) == []


# --- start-up


REFUSED = LastExit(
    reason="Error", exit_code=1, started_at="2026-03-01T02:58:00Z", finished_at="2026-03-01T02:58:02Z"
)


def early(pod: Snapshot | None = None, **more: object) -> Snapshot:
    """nginx, which connects to webapp, gave up once."""
    return container(0, pod, **{"restarts": 1, "last_exit": REFUSED, **more})


def test_a_container_that_was_too_early_for_a_port() -> None:
    found = only("STA101", early())
    assert found.subject == "nginx"
    assert "It connects to webapp at 127.0.0.1:5000 now." in found.evidence
    assert found.remedy.startswith("Move webapp to `spec.initContainers`")


@pytest.mark.parametrize(
    ("kind", "said", "remedy"),
    [
        ("app", "Nothing makes nginx wait for webapp", "Move webapp to `spec.initContainers`"),
        ("sidecar", "nginx waits until the sidecar webapp runs", "Give the sidecar webapp a `startupProbe`"),
    ],
)
def test_the_order_of_starts_is_evidence(kind: Any, said: str, remedy: str) -> None:
    pod = early(container(1, kind=kind, started_at="2026-03-01T02:58:06Z"))
    found = only("STA101", replace(pod, starts=starts(pod.containers)))
    assert "webapp started 4 s after nginx had given up." in found.evidence
    assert any(said in sentence for sentence in found.evidence)
    assert found.remedy.startswith(remedy)


def test_a_sibling_that_was_ready_is_not_to_blame() -> None:
    probed = (Probe(role="startup", kind="exec"),)
    waited = early(container(1, kind="sidecar", started_at="2026-03-01T02:57:50Z", probes=probed))
    assert "STA101" not in codes(replace(waited, starts=starts(waited.containers)))
    old = early(container(1, started_at="2026-03-01T02:57:20Z"))
    assert "STA101" not in codes(replace(old, starts=starts(old.containers))), "it had been up for 40 s"
    refused = replace(REFUSED, message="dial tcp 127.0.0.1:5000: connection refused")
    told = container(0, old, last_exit=refused)
    assert "STA101" in codes(replace(told, starts=starts(told.containers))), (
        "but it says itself that it was not"
    )


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("cannot parse config: license expired", False),
        ("listen tcp :15000: bind: address already in use", False),
        ("ConnectionRefusedError: [Errno 111] Connection refused", True),
        ("cannot reach webapp on port 5000", True),
    ],
)
def test_the_last_words_have_to_speak_of_it(message: str, expected: bool) -> None:
    assert ("STA101" in codes(early(last_exit=replace(REFUSED, message=message)))) is expected


@pytest.mark.parametrize(("address", "probe"), [("127.0.0.1", "`exec`"), ("0.0.0.0", "`tcpSocket`")])
def test_the_probe_that_is_advised_can_see_it(address: str, probe: str) -> None:
    pod = early()
    listeners = tuple(
        replace(each, address=address) if each.port == 5000 else each for each in pod.network.listeners
    )
    assert f"a `startupProbe` ({probe}" in only("STA101", changes.network(pod, listeners=listeners)).remedy


@pytest.mark.parametrize(
    "more",
    [
        {"restarts": 0},
        {"state": "waiting"},
        {"last_exit": replace(REFUSED, exit_code=0)},
        {"last_exit": replace(REFUSED, reason="OOMKilled")},
        {"last_exit": replace(REFUSED, started_at="2026-03-01T02:57:00Z")},
        {
            "last_exit": replace(
                REFUSED, started_at="2026-03-01T03:08:00Z", finished_at="2026-03-01T03:08:02Z"
            )
        },
    ],
    ids=["never", "still down", "ended well", "killed", "ran a while", "long after the start"],
)
def test_other_restarts(more: dict[str, object]) -> None:
    assert "STA101" not in codes(early(**more))


def test_a_container_that_needs_nothing_of_a_sibling() -> None:
    assert "STA101" not in codes(container(1, restarts=1, last_exit=REFUSED))


@pytest.mark.parametrize(
    ("server", "client", "found"), [("nginx", "webapp", True), ("webapp", "nginx", False)]
)
def test_a_container_that_was_too_early_for_a_unix_socket(server: str, client: str, found: bool) -> None:
    """It is who connects that was too early, not who is connected to, whose socket has a peer and a path, too."""
    path = "/run/app.sock"
    unix = (
        UnixSocket(kind="stream", state="listen", path=path, inode=1, container=server),
        *(
            UnixSocket(
                kind="stream", state="established", path=path, inode=2, container=one, peer_container=other
            )
            for one, other in ((server, client), (client, server))
        ),
    )
    pod = container(1, changes.network(unix=unix), restarts=1, last_exit=REFUSED)
    assert ("STA101" in codes(pod)) is found
    if found:
        assert f"It connects to nginx at {path} now." in only("STA101", pod).evidence


def queue(**more: object) -> Snapshot:
    made = MessageQueue(key="0x00001001", id=0, bytes=0, messages=0, mode="0666", uid=0, gid=0,
                        changed_at="2026-03-01T02:58:05Z", **more)  # type: ignore[arg-type]  # fmt: skip
    return container(1, changes.ipc(message_queues=(made,)), restarts=1, last_exit=REFUSED,
                     started_at="2026-03-01T02:58:12Z")  # fmt: skip


def test_a_container_that_was_too_early_for_a_queue() -> None:
    found = only("STA101", queue(last_send_container="nginx", last_receive_container="webapp"))
    assert (
        "It uses message queue 0x00001001 with nginx now. It was made 3 s after that exit." in found.evidence
    )


def test_a_queue_that_was_there_before() -> None:
    made = replace(queue().ipc.message_queues[0], changed_at="2026-03-01T02:57:00Z", last_send_container="nginx",
                   last_receive_container="webapp")  # fmt: skip
    assert "STA101" not in codes(replace(queue(), ipc=replace(queue().ipc, message_queues=(made,))))


def test_a_queue_that_appeared_between_failure_and_success() -> None:
    assert "0x00001001" in only("STA101", queue()).evidence[1]
    assert "STA101" not in codes(queue(last_send_container="nginx", last_receive_container="nginx"))


def test_a_container_that_was_too_early_for_a_segment() -> None:
    made = SharedMemory(key="0x00001234", id=1, bytes=1, mode="0600", uid=0, gid=0, attachments=2, creator_alive=True,
                        creator_container="nginx",
                        attached=(Attachment(container="webapp", pid=1, process="python"),))  # fmt: skip
    pod = container(1, changes.ipc(shared_memory=(made,)), restarts=1, last_exit=REFUSED)
    assert only("STA101", pod).containers == ("webapp", "nginx")


def test_a_crash_loop() -> None:
    last = LastExit(reason="Error", exit_code=2, message="no such option: --prot\n")
    pod = container(1, state="waiting", state_reason="CrashLoopBackOff", restarts=9, last_exit=last)
    found = only("STA102", pod)
    assert "Its last run ended with exit code 2: no such option: --prot" in found.evidence[1]
    assert "kubectl logs -n shop shop-7d9f5c6b8-x2x4p -c webapp --previous" in found.remedy


# --- Services


def service(*ports: ServicePort) -> Snapshot:
    pod = healthy_pod()
    made: Service = replace(pod.services[0], ports=ports)
    return replace(pod, services=(made,))


def test_a_service_that_ends_on_loopback() -> None:
    found = only("SVC101", service(ServicePort(port=5000, target_port=5000, listener="loopback-only")))
    assert found.severity == "critical"
    assert found.containers == ("webapp",)
    assert "where webapp listens on loopback only" in found.evidence[0]


def test_a_service_that_ends_nowhere() -> None:
    port = ServicePort(port=81, target_port=8081, listener="missing")
    assert "nobody listens" in only("SVC101", service(port)).evidence[0]
    young = container(1, service(port), started_at="2026-03-01T03:11:58Z")
    assert "SVC101" not in codes(young), "its port may still open"


@pytest.mark.parametrize("state", ["ok", "unknown", "unresolved"])
def test_a_service_that_works_or_cannot_be_followed(state: str) -> None:
    assert codes(service(ServicePort(port=80, target_port=80, listener=state))) == []  # type: ignore[arg-type]


def test_a_service_of_a_family_that_nobody_answers() -> None:
    port = ServicePort(
        port=80, target_port=80, listener="other-address", container="nginx", unreached=("IPv6",)
    )
    pod = service(port)
    pod = replace(pod, target=replace(pod.target, ips=("10.244.1.17", "fd00::17")))

    def by(*families: str) -> Finding:
        return only("SVC101", replace(pod, services=(replace(pod.services[0], ip_families=families),)))

    assert by("IPv6").severity == "critical"
    assert (
        "nginx listens on 0.0.0.0:80, which does not answer at the Pod's address fd00::17"
        in by("IPv6").evidence[0]
    )
    assert by("IPv4", "IPv6").severity == "warning"
    lacking = replace(pod, target=replace(pod.target, ips=("10.244.1.17",)))
    assert "of which the Pod has no address" in only("SVC101", lacking).evidence[0]


def test_a_headless_service_that_only_srv_records_translate() -> None:
    port = ServicePort(port=8000, target_port=80, listener="srv-only", container="nginx")
    found = only("SVC101", service(port))
    assert found.severity == "warning"
    assert "nobody listens on port 8000. nginx listens on 80" in found.evidence[0]


def test_a_service_with_a_name_of_another_protocol() -> None:
    port = ServicePort(port=53, protocol="udp", target_port_name="http", listener="unresolved")
    found = only("SVC102", service(port))
    assert "over UDP to the port named 'http', which nginx declares for TCP" in found.evidence[0]
    alias = service(port)
    alias = replace(alias, services=(replace(alias.services[0], type="ExternalName"),))
    assert codes(alias) == []


def test_a_service_with_an_unknown_name() -> None:
    found = only("SVC102", service(ServicePort(port=80, target_port_name="web", listener="unresolved")))
    assert "'web'; the Pod's containers declare http" in found.evidence[0]
