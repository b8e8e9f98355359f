"""A Pod's JSON becomes the snapshot's structs."""

import pytest

from podprobe.model import DeclaredPort, LastExit, Probe, Resources, User
from podprobe.targets.kubernetes.objects import Pod
from podprobe.targets.kubernetes.quantity import amount, whole
from podprobe.targets.kubernetes.state import pod_state, running
from tests.unit.kubernetes.recorded import load, pod

RICH = pod_state(load("rich", Pod), context="lab")
BY_NAME = {container.name: container for container in RICH.containers}


def test_target() -> None:
    target = RICH.target
    assert (target.kind, target.context, target.namespace, target.pod) == ("pod", "lab", "kube", "rich")
    assert (target.phase, target.qos, target.hostname, target.subdomain) == (
        "Running",
        "Burstable",
        "richie",
        "rich",
    )
    assert target.labels == {"app": "rich", "tier": "web"}
    assert target.ips == ("10.78.0.7",)
    assert not target.shared_pid


def test_kinds_and_states() -> None:
    assert {name: (one.kind, one.state) for name, one in BY_NAME.items()} == {
        "web": ("app", "running"),
        "crash": ("app", "terminated"),
        "prepare": ("init", "terminated"),
        "proxy": ("sidecar", "running"),
    }
    assert BY_NAME["crash"].restarts == 2
    assert BY_NAME["crash"].last_exit == LastExit(
        reason="Error", exit_code=7, finished_at="2026-11-20T11:01:59Z", started_at="2026-11-20T11:01:57Z"
    )
    assert [spec.name for spec in running(load("rich", Pod))] == ["web", "proxy"]


def test_users_are_the_reported_ones() -> None:
    assert BY_NAME["web"].user == User(uid=1000, gid=1001, groups=(1001, 3000, 4000))
    assert BY_NAME["proxy"].user is not None
    assert BY_NAME["proxy"].user.uid == 0


def test_ports_and_probes_by_name() -> None:
    web = BY_NAME["web"]
    assert web.ports == (DeclaredPort(name="http", port=8080), DeclaredPort(port=8125, protocol="udp"))
    readiness, liveness = web.probes
    assert readiness == Probe(
        role="readiness", kind="http", port=8080, port_name="http", path="/", scheme="http",
        period_seconds=3, timeout_seconds=1, failure_threshold=1000,
    )  # fmt: skip
    assert (liveness.role, liveness.kind, liveness.port) == ("liveness", "exec", None)
    (startup,) = BY_NAME["proxy"].probes
    assert (startup.role, startup.kind, startup.port, startup.port_name) == ("startup", "tcp", 9901, "admin")


def test_resources() -> None:
    assert BY_NAME["web"].resources == Resources(
        cpu_request=0.05,
        cpu_limit=0.5,
        memory_request_bytes=16 << 20,
        memory_limit_bytes=64 << 20,
        ephemeral_storage_limit_bytes=10**9,
    )


def test_volumes_and_their_mounts() -> None:
    volumes = {volume.name: volume for volume in RICH.volumes}
    assert (volumes["ring"].type, volumes["ring"].medium, volumes["ring"].size_limit_bytes) == (
        "emptyDir",
        "Memory",
        32 << 20,
    )
    assert (volumes["conf"].type, volumes["conf"].source) == ("configMap", "kube-root-ca.crt")
    assert (volumes["host"].type, volumes["host"].source) == ("hostPath", "/etc")
    mounts = {mount.container: mount for mount in volumes["data"].mounts}
    assert (mounts["web"].path, mounts["web"].sub_path, mounts["web"].read_only) == ("/www", "pages", True)
    assert mounts["crash"].path == "/data"
    assert not mounts["crash"].read_only


def test_agents_are_no_containers_of_the_pod() -> None:
    recorded = load("mc1-with-agents", Pod)
    assert len(recorded.spec.ephemeral_containers or ()) == 3
    state = pod_state(recorded)
    assert [container.name for container in state.containers] == ["web", "writer", "ipc"]
    assert {mount.container for volume in state.volumes for mount in volume.mounts} <= {
        "web",
        "writer",
        "ipc",
    }


def test_another_ephemeral_container_is_one() -> None:
    made = pod(spec={"ephemeralContainers": [{"name": "debugger-x", "image": "busybox"}]})
    assert [(one.name, one.kind, one.state) for one in pod_state(made).containers][1] == (
        "debugger-x",
        "ephemeral",
        "unknown",
    )


def test_secrets_in_a_declared_command_do_not_get_into_the_state() -> None:
    declared = {"name": "web", "command": ["app", "--db-password"], "args": ["S3cret", "--port", "80"]}
    (web,) = pod_state(pod(spec={"containers": [declared]})).containers
    assert web.command == ("app", "--db-password", "[redacted]", "--port", "80")


def test_a_pod_that_was_never_scheduled() -> None:
    state = pod_state(pod(status={"phase": "Pending", "containerStatuses": []}))
    assert state.target.phase == "Pending"
    assert state.containers[0].state == "unknown"
    assert state.containers[0].user is None


@pytest.mark.parametrize(
    ("text", "number", "rounded"),
    [
        ("100m", 0.1, 1), ("2", 2.0, 2), ("1.5Gi", 1.5 * 2**30, 3 << 29), ("128974848", 128974848.0, 128974848),
        ("1e3", 1000.0, 1000), ("123Mi", 123 * 2**20, 123 << 20), ("1E", 1e18, 10**18), ("12E2", 1200.0, 1200),
        ("", None, None), (None, None, None), ("much", None, None), ("1.2.3", None, None), ("5Zi", None, None),
    ],
)  # fmt: skip
def test_quantities(text: str | None, number: float | None, rounded: int | None) -> None:
    assert amount(text) == (pytest.approx(number) if number is not None else None)
    assert whole(text) == rounded
