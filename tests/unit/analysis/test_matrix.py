"""Which endpoints there are, and how each container gets at them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podprobe.analysis.matrix import Endpoint, cells, endpoints, path_in, twins
from podprobe.analysis.meant import contradiction, named, unknown
from podprobe.model import Listener, Network, Owner, ProcessRef, Snapshot, UnixSocket, Volume, VolumeMount
from tests.support.samples import healthy_pod


def owner(pid: int) -> Owner:
    return Owner(by="fd", process=ProcessRef(pid=pid, name="server"))


SNAPSHOT: Snapshot = msgspec.structs.replace(
    healthy_pod(),
    network=Network(
        listeners=(
            Listener(protocol="tcp", address="0.0.0.0", port=80, container="nginx", owner=owner(1)),
            Listener(protocol="tcp", address="127.0.0.1", port=5000, container="webapp", owner=owner(7)),
            Listener(protocol="tcp", address="::1", port=5000, container="webapp", owner=owner(7)),
            Listener(protocol="udp", address="127.0.0.1", port=53, container="dns", owner=owner(1)),
        ),
        unix=(
            UnixSocket(
                kind="stream", state="listen", path="/run/app/app.sock", inode=1, container="webapp", owner=owner(7)
            ),
            UnixSocket(kind="stream", state="listen", path="@abstract", inode=2, container="dns", owner=owner(1)),
            UnixSocket(kind="stream", state="established", path="/run/app/app.sock", inode=3, container="webapp"),
            UnixSocket(kind="datagram", state="unconnected", path="/dev/log", inode=4, container="webapp"),
        ),
    ),
    volumes=(
        Volume(
            name="run", type="emptyDir",
            mounts=(
                VolumeMount(container="webapp", path="/run"),
                VolumeMount(container="nginx", path="/upstream/"),
            ),
        ),
        Volume(
            name="app", type="emptyDir",
            mounts=(
                VolumeMount(container="webapp", path="/run/app", sub_path="a"),
                VolumeMount(container="nginx", path="/other", sub_path="b"),
                VolumeMount(container="dns", path="/sock", sub_path="a"),
            ),
        ),
    ),
)  # fmt: skip
OF_ITS_OWN = msgspec.structs.replace(
    SNAPSHOT, target=msgspec.structs.replace(SNAPSHOT.target, ips=("10.244.1.17",))
)
SOCKET = Endpoint("unix", "/run/app/app.sock", "webapp", 7)


def test_every_endpoint() -> None:
    assert [(found.kind, found.to) for found in endpoints(SNAPSHOT)] == [
        ("tcp", "127.0.0.1:80"),
        ("tcp", "127.0.0.1:5000"),
        ("tcp", "[::1]:5000"),
        ("unix", "/run/app/app.sock"),
        ("unix", "@abstract"),
    ]
    assert [found.to for found in endpoints(SNAPSHOT, "udp")] == ["127.0.0.1:53"]
    assert endpoints(SNAPSHOT, "http", "/health")[0].to == "http://127.0.0.1:80/health"
    assert [found.to for found in endpoints(SNAPSHOT, "unix")] == ["/run/app/app.sock", "@abstract"]


def test_what_a_user_names() -> None:
    assert [found.to for found in named(SNAPSHOT, "5000")] == ["127.0.0.1:5000", "[::1]:5000"]
    assert named(SNAPSHOT, "[::1]:5000")[0].container == "webapp"
    assert named(SNAPSHOT, "80", "http", "/x") == (Endpoint("http", "http://127.0.0.1:80/x", "nginx", 1),)
    assert named(SNAPSHOT, "53", "udp")[0].container == "dns"
    assert named(SNAPSHOT, "/run/app/app.sock") == (SOCKET,)
    assert named(SNAPSHOT, "http://127.0.0.1:5000/x") == (
        Endpoint("http", "http://127.0.0.1:5000/x", "webapp"),
    )


def test_what_nobody_listens_on_can_be_probed_all_the_same() -> None:
    assert named(SNAPSHOT, "9999") == (Endpoint("tcp", "127.0.0.1:9999", None),)
    assert named(SNAPSHOT, "/no/such.sock") == (Endpoint("unix", "/no/such.sock", None),)
    assert named(SNAPSHOT, "192.0.2.1:443") == (Endpoint("tcp", "192.0.2.1:443", None),)


def test_a_word_on_what_nobody_listens_on() -> None:
    assert unknown(SNAPSHOT, named(SNAPSHOT, "5000")) is None
    said = unknown(SNAPSHOT, named(SNAPSHOT, "9999"))
    assert said is not None
    assert said.startswith(
        "nothing of the Pod is known to listen at 127.0.0.1:9999; there is 127.0.0.1:80 (nginx), "
    )


@pytest.mark.parametrize(
    "words",
    ["05000", "localhost:5000", "LOCALHOST:05000", "127.0.0.1:05000", "http://localhost:5000/", "http://[::1]:5000",
     "10.244.1.17:80", "http://localhost/", "http+unix://%2Frun%2Fapp%2Fapp.sock/x"],
)  # fmt: skip
def test_other_words_for_what_somebody_listens_on(words: str) -> None:
    found = named(OF_ITS_OWN, words)
    assert {each.container for each in found} == {
        "nginx" if ":80" in words or "localhost/" in words else "webapp"
    }
    assert unknown(OF_ITS_OWN, found) is None


def test_hosts_that_are_not_the_pods_are_nobodys() -> None:
    assert named(OF_ITS_OWN, "http://example.com/")[0].container is None
    assert named(OF_ITS_OWN, "192.0.2.1:80")[0].container is None
    assert named(OF_ITS_OWN, "localhost:53") == (Endpoint("tcp", "localhost:53", None),)


def test_http_over_a_unix_socket() -> None:
    url = "http+unix://%2Frun%2Fapp%2Fapp.sock/health"
    (found,) = named(SNAPSHOT, "/run/app/app.sock", "http", "/health")
    assert found == Endpoint("http", url, "webapp", 7)
    assert named(SNAPSHOT, url) == (found,)
    assert path_in(SNAPSHOT, found, "dns") == "http+unix://%2Fsock%2Fapp.sock/health"


@pytest.mark.parametrize(
    ("to", "kind"),
    [("/a.sock", "tcp"), ("/a.sock", "udp"), ("5000", "unix"), ("a:5000", "unix"), ("http://a/", "tcp"),
     ("http+unix://%2Fa/", "unix")],
)  # fmt: skip
def test_kinds_that_contradict_the_endpoint(to: str, kind: Any) -> None:
    assert contradiction(to, kind) is not None
    assert contradiction(to, None) is None
    assert contradiction(to, "http") is None


@pytest.mark.parametrize("words", ["", "http", "0", "65536", "localhost", "-1", "5000x", "ftp://x"])
def test_what_is_no_endpoint(words: str) -> None:
    assert named(SNAPSHOT, words) == ()


def test_a_socket_is_found_through_the_volume_that_is_mounted_deepest() -> None:
    assert path_in(SNAPSHOT, SOCKET, "webapp") == "/run/app/app.sock"
    assert path_in(SNAPSHOT, SOCKET, "dns") == "/sock/app.sock"


def test_another_part_of_the_same_volume_does_not_have_it() -> None:
    only_app = msgspec.structs.replace(SNAPSHOT, volumes=SNAPSHOT.volumes[1:])
    assert path_in(only_app, SOCKET, "nginx") is None


def test_abstract_sockets_and_ports_are_the_whole_pods() -> None:
    assert path_in(SNAPSHOT, Endpoint("unix", "@abstract", "dns"), "nginx") == "@abstract"
    assert path_in(SNAPSHOT, Endpoint("tcp", "127.0.0.1:80", "nginx"), "dns") == "127.0.0.1:80"


def test_cells_leave_out_who_has_no_path_and_say_so() -> None:
    alone = msgspec.structs.replace(SNAPSHOT, volumes=())
    made, left_out = cells(alone, [SOCKET, Endpoint("tcp", "127.0.0.1:80", "nginx")], ["webapp", "nginx"])
    assert [(cell.from_container, cell.to) for cell in made] == [
        ("webapp", "/run/app/app.sock"),
        ("webapp", "127.0.0.1:80"),
        ("nginx", "127.0.0.1:80"),
    ]
    assert left_out == ("nginx has no path to /run/app/app.sock of webapp: no volume that both mount",)


def test_one_server_on_tcp_and_on_a_unix_socket() -> None:
    found = twins(endpoints(SNAPSHOT))
    assert {(pair.tcp.to, pair.unix.to) for pair in found} == {
        ("127.0.0.1:5000", "/run/app/app.sock"),
        ("[::1]:5000", "/run/app/app.sock"),
    }
