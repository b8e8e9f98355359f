"""`podprobe snapshot` tells the truth about real Pods."""

from typing import Any

from tests.e2e import pods
from tests.e2e.conftest import Kube


def _by(items: list[dict[str, Any]], *keys: str) -> dict[Any, dict[str, Any]]:
    return {tuple(item[key] for key in keys) if len(keys) > 1 else item[keys[0]]: item for item in items}


def test_volumes_and_ipc(kube: Kube, namespace: str) -> None:
    kube.apply(pods.volumes_and_ipc(namespace, kube.images))
    kube.ready(namespace, "mc1")
    seen = kube.snapshot("mc1", "-n", namespace)

    listener = _by(seen["network"]["listeners"], "port")[8080]
    assert (listener["container"], listener["owner"]["by"]) == ("web", "fd")
    ipc = seen["ipc"]
    assert _by(ipc["shared_memory"], "key")["0x00001234"]["bytes"] == 1 << 20
    assert _by(ipc["semaphores"], "key")["0x00000055"]["semaphores"] == 3
    assert "0x00000077" in _by(ipc["message_queues"], "key")
    ring = next(one for one in ipc["posix_shared_memory"] if one["name"].lstrip("/") == "ring")
    assert ring["bytes"] == 4 << 20
    assert ring["used_bytes"] == 2 << 20

    volumes = _by(seen["volumes"], "name")
    assert {mount["container"] for mount in volumes["html"]["mounts"]} == {"web", "writer"}
    for name in ("html", "cache"):
        assert volumes[name]["usage"]["bytes"] is not None
        assert volumes[name]["usage"]["inodes"] is not None
    assert volumes["html"]["usage"]["bytes"] > 0
    assert volumes["cache"]["size_limit_bytes"] == 16 << 20
    latency = [one for one in seen["latency"] if one["to"].endswith(":8080") and one["kind"] == "tcp"]
    assert latency
    assert all(one["p50_us"] and one["p99_us"] >= one["p50_us"] and not one["failures"] for one in latency)


def test_a_proxy_and_its_application(kube: Kube, namespace: str) -> None:
    kube.apply(*pods.reverse_proxy(namespace, kube.images))
    kube.ready(namespace, "mc3")
    seen = kube.snapshot("mc3", "-n", namespace)

    listeners = _by(seen["network"]["listeners"], "port")
    assert listeners[80]["container"] == "nginx"
    assert (listeners[5000]["container"], listeners[5000]["address"]) == ("webapp", "127.0.0.1")
    inside = [
        one
        for one in seen["network"]["connections"]
        if (one["from_container"], one["to_container"]) == ("nginx", "webapp")
        and one["state"] == "established"
    ]
    assert inside
    assert all(one["rtt_us"] > 0 and one["retransmits"] == 0 for one in inside)
    (service,) = seen["services"]
    assert (service["name"], service["ready"]) == ("mc3", True)
    ends = {port["name"]: (port["listener"], port["container"]) for port in service["ports"]}
    assert ends == {"http": ("ok", "nginx"), "forgotten": ("loopback-only", "webapp")}


def test_the_same_depth_under_restricted(kube: Kube, restricted: str) -> None:
    kube.apply(pods.strict(restricted, kube.images))
    kube.ready(restricted, "s1")
    seen = kube.snapshot("s1", "-n", restricted)

    listeners = _by(seen["network"]["listeners"], "port")
    assert (listeners[8080]["container"], listeners[8080]["owner"]["by"]) == ("web", "fd")
    assert (listeners[9000]["container"], listeners[9000]["owner"]["by"]) == ("side", "fd")
    containers = _by(seen["containers"], "name")
    assert all(containers[name]["agent"] for name in ("web", "side", "static"))
    assert containers["static"]["user"]["uid"] == 65532
    agents = kube.agents(restricted, "s1")
    assert len(agents) == 3
    for name in agents:
        status = kube.kubectl("exec", "-n", restricted, "s1", "-c", name, "--", "cat", "/proc/self/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert int(fields["CapEff"], 16) == 0
        assert int(fields["CapPrm"], 16) == 0
        assert fields["NoNewPrivs"].strip() == "1"
        assert fields["Seccomp"].strip() == "2"
