"""Snapshots to test with: a healthy Pod, one with everything wrong, a very large one."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from podprobe.model import (
    Cgroup,
    Connection,
    Container,
    Counters,
    DeclaredPort,
    DevShm,
    Dns,
    Filesystem,
    Flow,
    Histogram,
    Interface,
    Ipc,
    Latency,
    Limit,
    Listener,
    Lookup,
    LookupKind,
    Mount,
    Network,
    Owner,
    Pressure,
    Probe,
    Process,
    Processes,
    ProcessRef,
    Resources,
    Scope,
    Service,
    ServicePort,
    Snapshot,
    Target,
    Tool,
    UnixSocket,
    Usage,
    User,
    Volume,
    VolumeMount,
)

MIB = 1 << 20
GIB = 1 << 30
POD_IP = "10.244.1.17"
TAKEN_AT = "2026-03-01T03:12:00Z"


def owner(pid: int, name: str) -> Owner:
    return Owner(by="fd", process=ProcessRef(pid=pid, name=name))


def filesystem(size: int, used: int, inodes: int, used_inodes: int) -> Filesystem:
    return Filesystem(
        bytes=size, used_bytes=used, available_bytes=size - used, inodes=inodes, used_inodes=used_inodes
    )


def histogram(samples_us: list[float], buckets_per_octave: int = 8) -> Histogram:
    """The samples counted in the model's log-linear buckets."""
    counts: dict[int, int] = {}
    for sample in samples_us:
        nanoseconds = int(sample * 1000)
        octave = nanoseconds.bit_length() - 1
        within = ((nanoseconds - (1 << octave)) * buckets_per_octave) >> octave
        bucket = octave * buckets_per_octave + within
        counts[bucket] = counts.get(bucket, 0) + 1
    return Histogram(buckets_per_octave=buckets_per_octave, counts=dict(sorted(counts.items())))


def latency(
    samples_us: list[float],
    *,
    to: str,
    kind: str = "tcp",
    from_container: str | None = "nginx",
    to_container: str | None = "webapp",
    errors: dict[str, int] | None = None,
) -> Latency:
    """What a probe with these samples, in microseconds, amounts to."""
    ordered = sorted(samples_us)
    failed = sum((errors or {}).values())

    def rank(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return msgspec.convert(
        {
            "from_container": from_container,
            "to_container": to_container,
            "to": to,
            "kind": kind,
            "count": len(ordered) + failed,
            "failures": failed,
            "min_us": ordered[0],
            "p50_us": rank(0.5),
            "p90_us": rank(0.9),
            "p99_us": rank(0.99),
            "max_us": ordered[-1],
            "mean_us": sum(ordered) / len(ordered),
            "errors": errors or {},
            "histogram": msgspec.to_builtins(histogram(ordered)),
        },
        Latency,
        strict=False,
    )


def connection_pair(
    client: str,
    server: str,
    client_port: int,
    endpoint: str,
    *,
    retransmits: int = 0,
    segments: int = 2_000,
    rtt_us: int = 48,
    inode: int = 50_000,
) -> tuple[Connection, Connection]:
    """Both sockets of an established connection between two containers."""
    local = f"{endpoint.rsplit(':', 1)[0]}:{client_port}"

    def side(
        near: str, far: str, container: str, role: str, lost: int, sent: int, received: int
    ) -> Connection:
        return Connection(
            local=near,
            remote=far,
            state="established",
            scope="loopback",
            role="client" if role == "client" else "server",
            container=container,
            owner=owner(7 if container == client else 1, container),
            from_container=client,
            to_container=server,
            inode=inode + (role == "server"),
            rtt_us=rtt_us,
            rttvar_us=rtt_us // 4,
            min_rtt_us=max(1, rtt_us // 3),
            segments_out=segments + lost,
            retransmits=lost,
            retransmit_ratio=lost / (segments + lost),
            bytes_sent=sent,
            bytes_received=received,
            bytes_retransmitted=lost * 700,
            send_queue_bytes=0,
            receive_queue_bytes=0,
            unacked=0,
            backoff=0,
            rto_us=204_000,
            congestion_window=10,
            send_window_bytes=65_536,
            last_send_ms=12,
            last_receive_ms=12,
            timer="keepalive",
        )

    return (
        side(local, endpoint, client, "client", 0, 180_000, 2_400_000),
        side(endpoint, local, server, "server", retransmits, 2_400_000, 180_000),
    )


def outside_connection(
    local: str,
    remote: str,
    container: str,
    *,
    role: str = "server",
    state: str = "established",
    inode: int = 1,
) -> Connection:
    """A connection between a container and something outside the Pod."""
    return Connection(
        local=local,
        remote=remote,
        state=state,
        scope="external",
        role="client" if role == "client" else "server",
        container=container,
        owner=owner(1, container),
        from_container=container if role == "client" else None,
        to_container=None if role == "client" else container,
        inode=inode,
        rtt_us=820,
        rttvar_us=140,
        min_rtt_us=310,
        segments_out=640,
        retransmits=1,
        retransmit_ratio=1 / 640,
        bytes_sent=310_000,
        bytes_received=88_000,
        bytes_retransmitted=1_448,
        send_queue_bytes=0,
        receive_queue_bytes=0,
        unacked=0,
        backoff=0,
        rto_us=208_000,
        congestion_window=10,
        send_window_bytes=64_256,
        last_send_ms=35,
        last_receive_ms=34,
    )


def process(
    pid: int, name: str, command: str, *, parent: int = 0, uid: int = 0, memory: int = 24 * MIB
) -> Process:
    return Process(
        pid=pid,
        parent=parent,
        name=name,
        state="sleeping",
        command=command,
        uid=uid,
        threads=4,
        open_files=18,
        open_files_limit=1_048_576,
        memory_bytes=memory,
        cpu_seconds=12.5,
        started_at="2026-03-01T02:58:00Z",
    )


def cgroup(memory: int = 64 * MIB, limit: int | None = 256 * MIB, throttled: float = 0.01) -> Cgroup:
    return Cgroup(
        version=2,
        cpu_seconds=42.0,
        cpu_limit=0.5,
        cpu_periods=8_000,
        cpu_throttled_periods=int(8_000 * throttled),
        cpu_throttled_ratio=throttled,
        memory_bytes=memory + 8 * MIB,
        memory_working_set_bytes=memory,
        memory_shmem_bytes=2 * MIB,
        memory_limit_bytes=limit,
        memory_peak_bytes=memory + 12 * MIB,
        oom_kills=0,
        pids=6,
        pids_limit=1_024,
        pressure=Pressure(
            cpu_some_ratio=throttled,
            memory_some_ratio=0.0,
            memory_full_ratio=0.0,
            io_some_ratio=0.002,
            io_full_ratio=0.0,
        ),
    )


LIMITED = Resources(
    cpu_request=0.1, cpu_limit=0.5, memory_request_bytes=128 * MIB, memory_limit_bytes=256 * MIB
)


def _healthy_containers() -> tuple[Container, ...]:
    nginx = Container(
        name="nginx",
        id="containerd://" + "a1" * 32,
        state="running",
        ready=True,
        started=True,
        started_at="2026-03-01T02:58:00Z",
        image="docker.io/library/nginx:1.29",
        command=("nginx", "-g", "daemon off;"),
        user=User(uid=101, gid=101),
        agent=True,
        ports=(DeclaredPort(name="http", port=80),),
        probes=(
            Probe(
                role="readiness",
                kind="http",
                port=80,
                port_name="http",
                path="/",
                period_seconds=5,
                timeout_seconds=1,
            ),
        ),
        resources=LIMITED,
        processes=Processes(
            count=2,
            zombies=0,
            threads=2,
            top=(
                process(1, "nginx", "nginx: master process nginx -g daemon off;", uid=101),
                process(7, "nginx", "nginx: worker process", parent=1, uid=101),
            ),
        ),
        cgroup=cgroup(24 * MIB),
    )
    webapp = Container(
        name="webapp",
        id="containerd://" + "b2" * 32,
        state="running",
        ready=True,
        started=True,
        started_at="2026-03-01T02:58:01Z",
        image="registry.example.com/shop/webapp:2.3.1",
        command=("gunicorn", "-b", "127.0.0.1:5000", "shop:app"),
        user=User(uid=1000, gid=1000),
        agent=True,
        resources=LIMITED,
        processes=Processes(
            count=1,
            zombies=0,
            threads=4,
            top=(process(1, "gunicorn", "gunicorn -b 127.0.0.1:5000 shop:app", uid=1000, memory=96 * MIB),),
        ),
        cgroup=cgroup(110 * MIB),
    )
    return nginx, webapp


def healthy_pod() -> Snapshot:
    """A Pod of nginx in front of an application, on which no finding should appear."""
    connections = (
        *connection_pair("nginx", "webapp", 42_000, "127.0.0.1:5000", inode=50_000),
        *connection_pair("nginx", "webapp", 42_002, "127.0.0.1:5000", inode=50_010),
        outside_connection(f"{POD_IP}:80", "10.244.2.9:51514", "nginx", inode=50_020),
    )
    network = Network(
        hostname="shop-7d9f5c6b8-x2x4p",
        interfaces=(
            Interface(name="lo", addresses=("127.0.0.1/8", "::1/128"), mtu=65_536, up=True),
            Interface(
                name="eth0",
                addresses=(f"{POD_IP}/24",),
                mtu=1_450,
                up=True,
                received_bytes=91_000_000,
                sent_bytes=310_000_000,
                received_packets=120_000,
                sent_packets=210_000,
                receive_errors=0,
                send_errors=0,
                receive_drops=0,
                send_drops=0,
            ),
        ),
        counters=Counters(
            values={
                "Tcp.ActiveOpens": 4_100,
                "Tcp.PassiveOpens": 8_210,
                "Tcp.EstabResets": 3,
                "Tcp.OutRsts": 4,
                "Tcp.OutSegs": 820_000,
                "Tcp.RetransSegs": 12,
                "TcpExt.ListenOverflows": 0,
                "TcpExt.ListenDrops": 0,
            }
        ),
        listeners=(
            Listener(
                protocol="tcp",
                address="0.0.0.0",
                port=80,
                container="nginx",
                owner=owner(1, "nginx"),
                inode=40_000,
                uid=101,
                backlog=0,
                backlog_limit=511,
                declared_by="nginx",
            ),
            Listener(
                protocol="tcp",
                address="127.0.0.1",
                port=5000,
                container="webapp",
                owner=owner(1, "gunicorn"),
                inode=40_010,
                uid=1000,
                backlog=0,
                backlog_limit=2_048,
            ),
        ),
        connections=connections,
        connection_count=len(connections),
        flows=(
            flow("nginx", "webapp", "127.0.0.1:5000", 2, segments_out=8_000, rtt_us=48),
            flow(None, "nginx", f"{POD_IP}:80", 1, scope="external", remote="10.244.2.9", rtt_us=820),
        ),
        unix=(
            UnixSocket(kind="stream", state="listen", path="/run/app/app.sock", inode=60_000, container="webapp",
                       owner=owner(1, "gunicorn"), queue=0, queue_limit=128),
        ),
        unix_count=1,
        ephemeral_ports=(32_768, 60_999),
        settings={"net.core.somaxconn": "4096", "net.ipv4.tcp_max_syn_backlog": "1024"},
    )  # fmt: skip
    return Snapshot(
        tool=Tool(version="0.1.0"),
        taken_at=TAKEN_AT,
        duration_ms=412.0,
        target=Target(
            kind="pod",
            context="prod-eu",
            namespace="shop",
            pod="shop-7d9f5c6b8-x2x4p",
            uid="0b5f4d9e-6f6a-4a55-9d0e-2f3d2a9b1c77",
            node="node-3",
            ips=(POD_IP,),
            phase="Running",
            qos="Burstable",
            started_at="2026-03-01T02:57:55Z",
            service_account="shop",
            owner="ReplicaSet/shop-7d9f5c6b8",
            labels={"app": "shop", "pod-template-hash": "7d9f5c6b8"},
        ),
        containers=_healthy_containers(),
        network=network,
        ipc=Ipc(
            limits=(
                Limit(name="shmmni", limit=4_096, used=0),
                Limit(name="semmni", limit=32_000, used=0),
                Limit(name="msgmni", limit=32_000, used=0),
            ),
            dev_shm=(DevShm(containers=("nginx", "webapp"), filesystem=filesystem(64 * MIB, 0, 500_000, 1)),),
        ),
        volumes=(
            Volume(
                name="html",
                type="emptyDir",
                size_limit_bytes=128 * MIB,
                filesystem_type="ext4",
                filesystem=filesystem(100 * GIB, 41 * GIB, 6_553_600, 410_000),
                usage=Usage(bytes=12 * MIB, inodes=340, method="walk", complete=True),
                mounts=(
                    VolumeMount(container="webapp", path="/srv/html", seen=True),
                    VolumeMount(container="nginx", path="/usr/share/nginx/html", read_only=True, seen=True),
                ),
            ),
        ),
        mounts=tuple(
            Mount(
                container=name,
                path="/",
                filesystem_type="overlay",
                source="overlay",
                options="rw,relatime",
                read_only=False,
                device=f"0:{device}",
                filesystem=filesystem(100 * GIB, 41 * GIB, 6_553_600, 410_000),
            )
            for device, name in enumerate(("nginx", "webapp"), 120)
        ),
        latency=(latency([22.0 + index for index in range(20)], to="127.0.0.1:5000"),),
        services=(
            Service(
                name="shop",
                type="ClusterIP",
                cluster_ip="10.96.12.4",
                ports=(
                    ServicePort(
                        name="http",
                        port=80,
                        target_port=80,
                        target_port_name="http",
                        listener="ok",
                        container="nginx",
                    ),
                ),
                ready=True,
            ),
        ),
        dns=(resolver(),),
    )


def resolver(**changes: Any) -> Dns:
    """How names are resolved where the cluster's name server answers."""
    dns = Dns(
        containers=("nginx", "webapp"),
        servers=("10.96.0.10",),
        search=("shop.svc.cluster.local", "svc.cluster.local", "cluster.local"),
        options=("ndots:5",),
        ndots=5,
        hosts_order=("files", "dns"),
        library="glibc",
        outside_queries=4,
        lookups=(
            lookup("kubernetes.default.svc", "cluster", "A", 3, 2_310, "10.96.0.1"),
            lookup("kubernetes.default.svc", "cluster", "AAAA", 3, 2_420),
            lookup("shop", "own-service", "A", 1, 640, "10.96.12.4"),
            lookup("shop", "own-service", "AAAA", 1, 655),
        ),
    )
    return msgspec.structs.replace(dns, **changes)


def lookup(
    name: str, kind: LookupKind, record: Literal["A", "AAAA"], queries: int, time_us: int, *addresses: str
) -> Lookup:
    """A lookup that a name server answered."""
    return Lookup(
        name=name,
        kind=kind,
        type=record,
        outcome="ok" if addresses else "no-data",
        answered_as=f"{name}.cluster.local",
        addresses=addresses,
        queries=queries,
        attempts=queries,
        server="10.96.0.10",
        time_us=time_us,
    )


def flow(
    client: str | None,
    server: str | None,
    endpoint: str,
    connections: int,
    *,
    scope: Scope = "loopback",
    remote: str | None = None,
    segments_out: int = 4_000,
    retransmits: int = 0,
    rtt_us: int = 50,
    max_rtt_us: int | None = None,
    states: dict[str, int] | None = None,
    send_queue_bytes: int = 0,
) -> Flow:
    """Connections of the same two parties."""
    sockets = connections * (2 if client and server else 1)
    return Flow(
        scope=scope,
        from_container=client,
        to_container=server,
        server=endpoint,
        remote_address=remote,
        connections=connections,
        states=states or {"established": sockets},
        rtt_us=rtt_us,
        max_rtt_us=max_rtt_us or rtt_us * 3,
        min_rtt_us=max(1, rtt_us // 3),
        segments_out=segments_out,
        retransmits=retransmits,
        retransmit_ratio=retransmits / segments_out if segments_out else None,
        bytes_sent=connections * 180_000,
        bytes_received=connections * 2_400_000,
        send_queue_bytes=send_queue_bytes,
    )


def troubled_pod() -> Snapshot:
    """A Pod of three containers in which nearly everything is wrong."""
    from tests.support.troubled import troubled

    return troubled()


def large_pod(connections: int = 10_000) -> Snapshot:
    """The healthy Pod with `connections` sockets in its snapshot, from 64 client addresses and over loopback."""
    pod = healthy_pod()
    sockets: list[Connection] = []
    while len(sockets) < connections:
        number = len(sockets)
        if number % 4 == 0:
            sockets += connection_pair(
                "nginx", "webapp", 32_768 + number % 28_000, "127.0.0.1:5000", inode=100_000 + number
            )
        else:
            remote = f"10.244.{2 + number % 64}.9:{20_000 + number % 40_000}"
            state = ("established", "established", "time-wait", "close-wait")[number % 4]
            sockets.append(
                outside_connection(f"{POD_IP}:80", remote, "nginx", state=state, inode=100_000 + number)
            )
    sockets = sockets[:connections]
    outside = [
        flow(
            None,
            "nginx",
            f"{POD_IP}:80",
            sum(socket.remote.startswith(f"10.244.{net}.") for socket in sockets),
            scope="external",
            remote=f"10.244.{net}.9",
            rtt_us=600 + net * 10,
        )
        for net in range(2, 66)
    ]
    inside = sum(socket.scope == "loopback" for socket in sockets) // 2
    network = msgspec.structs.replace(
        pod.network,
        connections=tuple(sockets),
        connection_count=len(sockets),
        flows=(flow("nginx", "webapp", "127.0.0.1:5000", inside), *outside),
    )
    return msgspec.structs.replace(pod, network=network)
