"""Owners in a Pod of real programs: with an agent in each container all are named, with one agent none is wrong."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import pods

if TYPE_CHECKING:
    from tests.e2e.conftest import Kube

LISTENERS = {80: "nginx", 6379: "redis", 5432: "postgres", 7000: "socat"}
UNIX_LISTENERS = {"/run/shared/redis.sock": "redis", "/run/shared/.s.PGSQL.5432": "postgres"}
CONNECTIONS = {("client", owner) for owner in LISTENERS.values()}
UNIX_CONNECTIONS = {("client", "redis"), ("client", "postgres"), ("socat", "redis")}


def _unix_pairs(snapshot: dict[str, Any]) -> set[tuple[str | None, str | None]]:
    """Who meets whom over a named unix socket, the listener's side second."""
    return {
        (one["peer_container"], one["container"])
        for one in snapshot["network"]["unix"]
        if one["state"] == "established" and one["container"] == UNIX_LISTENERS.get(one["path"])
    }


def test_every_owner_is_named_and_right(kube: Kube, namespace: str) -> None:
    kube.apply(pods.real_configuration(namespace), pods.real_programs(namespace, kube.images))
    kube.ready(namespace, "real")
    seen = kube.snapshot("real", "-n", namespace)

    listeners = [one for one in seen["network"]["listeners"] if one["protocol"] == "tcp"]
    assert {(one["port"], one["container"]) for one in listeners} == set(LISTENERS.items())
    assert {one["owner"]["by"] for one in listeners} <= {"fd", "cgroup"}
    found = {one["path"]: one["container"] for one in seen["network"]["unix"] if one["state"] == "listen"}
    assert {path: found.get(path) for path in UNIX_LISTENERS} == UNIX_LISTENERS

    inside = [one for one in seen["network"]["connections"] if one["state"] == "established"]
    assert {(one["from_container"], one["to_container"]) for one in inside} == CONNECTIONS
    assert len(inside) == 2 * len(CONNECTIONS)
    assert all(one["container"] for one in inside)
    # A worker of nginx's gave up root: its files are closed to the agent, and its sockets' cgroup tells.
    assert {one["owner"]["by"] for one in inside if one["container"] == "nginx"} == {"cgroup"}
    assert _unix_pairs(seen) >= UNIX_CONNECTIONS

    (segment,) = [one for one in seen["ipc"]["shared_memory"] if one["attachments"]]
    assert {one["container"] for one in segment["attached"]} == {"postgres"}
    assert len(segment["attached"]) == segment["attachments"]
    posix = [one for one in seen["ipc"]["posix_shared_memory"] if one["name"].startswith("PostgreSQL")]
    assert posix
    assert all({user["container"] for user in one["mapped"]} == {"postgres"} for one in posix)


_FASTCGI = """
import os, socket, time
{make}
if os.fork() == 0:
    os.setgroups([]); os.setgid({uid}); os.setuid({uid})
    {serve}
    time.sleep(1e9)
time.sleep(1e9)
"""
_BACK = _FASTCGI.format(
    uid=82,
    make="s = socket.socket(socket.AF_UNIX); s.bind('/run/s/app.sock'); os.chmod('/run/s/app.sock', 0o777); s.listen()",
    serve="c, _ = s.accept()",
)
_FRONT = _FASTCGI.format(
    uid=101,
    make="while not os.path.exists('/run/s/app.sock'): time.sleep(0.1)\ntime.sleep(1)",
    serve="s = socket.socket(socket.AF_UNIX); s.connect('/run/s/app.sock')",
)


def test_workers_of_other_users_meet_over_a_unix_socket(kube: Kube, namespace: str) -> None:
    """As nginx and php-fpm do: what either worker has open is closed to the agent of its container."""
    shared = [{"name": "s", "mountPath": "/run/s"}]
    made = pods.pod(
        "fastcgi", namespace,
        *(pods.container(name, kube.images["python"], "python3", "-c", code, volumeMounts=shared)
          for name, code in (("back", _BACK), ("front", _FRONT))),
        volumes=[{"name": "s", "emptyDir": {}}],
    )  # fmt: skip
    kube.apply(made)
    kube.ready(namespace, "fastcgi")
    time.sleep(3)
    seen = kube.snapshot("fastcgi", "-n", namespace, "--passive")
    found = {
        (one["state"], one["container"], one["owner"]["by"], one["peer_container"])
        for one in seen["network"]["unix"]
        if one["path"] == "/run/s/app.sock"
    }
    assert found == {
        ("listen", "back", "fd", None),
        ("established", "back", "listener", "front"),
        ("established", "front", "elimination", "back"),
    }
    assert ("unix", "front", "back") in {(one["kind"], one["a"], one["b"]) for one in seen["channels"]}


def test_on_the_nodes_network_another_pods_listener_is_nobodys(kube: Kube, namespace: str) -> None:
    """Both Pods run as the same user, which in a network of its own would tell."""
    serve = "import socket, time; s = socket.create_server(('127.0.0.1', {})); time.sleep(1e9)"
    user = {"runAsUser": 54321, "runAsGroup": 54321}
    for name, port in (("one", 39771), ("two", 39772)):
        program = pods.container(
            name, kube.images["python"], "python3", "-c", serve.format(port), securityContext=user
        )
        kube.apply(pods.pod(name, namespace, program, hostNetwork=True))
        kube.ready(namespace, name)
    seen = kube.snapshot("one", "-n", namespace, "--passive")
    found = {one["port"]: (one["container"], one["owner"]["by"]) for one in seen["network"]["listeners"]}
    assert (found[39771], found[39772]) == (("one", "fd"), (None, "none"))


@pytest.mark.parametrize("alone", ["client", "nginx", "redis"])
def test_one_agent_is_never_wrong(kube: Kube, namespace: str, alone: str) -> None:
    made = pods.real_programs(namespace, kube.images)
    made["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": alone}
    kube.apply(pods.real_configuration(namespace), made)
    kube.ready(namespace, "real")
    seen = kube.snapshot("real", "-n", namespace, "--agents", "single")
    assert [one["name"] for one in seen["containers"] if one["agent"]] == [alone]

    for one in seen["network"]["listeners"]:
        assert one["container"] in (LISTENERS[one["port"]], None)
    for one in seen["network"]["connections"]:
        pair = (one["from_container"], one["to_container"])
        server = LISTENERS.get(int(one["remote" if one["role"] == "client" else "local"].rpartition(":")[2]))
        assert pair[0] in ("client", None)
        assert pair[1] in (server, None)
    owned = {one["port"] for one in seen["network"]["listeners"] if one["container"] == alone}
    assert owned == {port for port, owner in LISTENERS.items() if owner == alone}
