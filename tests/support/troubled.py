"""The Pod in which nearly everything is wrong."""

from __future__ import annotations

from functools import cache

from msgspec.structs import replace

from podprobe.analysis.starts import starts
from podprobe.judging import concluded
from podprobe.model import (
    Attachment,
    Connection,
    Container,
    Counters,
    DeclaredPort,
    DeletedFile,
    DevShm,
    Dns,
    FileLock,
    Ipc,
    LastExit,
    Limit,
    Listener,
    LockHolder,
    MessageQueue,
    Mount,
    Network,
    PosixMessageQueue,
    PosixSharedMemory,
    Probe,
    ProbeFailures,
    ProbeTrial,
    Process,
    Processes,
    ProcessRef,
    Resources,
    SemaphoreSet,
    SemaphoreWaiter,
    Service,
    ServicePort,
    SharedMemory,
    Snapshot,
    UnixSocket,
    Usage,
    User,
    Visibility,
    Volume,
    VolumeMount,
    ZombieParent,
)
from tests.support.samples import (
    GIB,
    MIB,
    POD_IP,
    cgroup,
    connection_pair,
    filesystem,
    flow,
    healthy_pod,
    latency,
    lookup,
    outside_connection,
    owner,
    process,
    resolver,
)


def _containers() -> tuple[Container, ...]:
    nginx, webapp = healthy_pod().containers
    nginx = replace(
        nginx,
        ports=(*nginx.ports, DeclaredPort(name="admin", port=8081)),
        probes=(
            *(
                replace(
                    one,
                    tried=ProbeTrial(outcome="ok", to=f"http://{POD_IP}:80/", time_us=1_250, status=200),
                    failures=ProbeFailures(count=0),
                )
                for one in nginx.probes
            ),
            Probe(
                role="liveness",
                kind="http",
                port=8081,
                path="/live",
                period_seconds=10,
                tried=ProbeTrial(outcome="refused", to=f"http://{POD_IP}:8081/live"),
                failures=ProbeFailures(
                    count=12,
                    first_at="2026-03-01T03:02:11Z",
                    last_at="2026-03-01T03:11:55Z",
                    message="Liveness probe failed: dial tcp: connect: connection refused",
                ),
            ),
        ),
    )
    webapp = replace(
        webapp,
        cgroup=replace(
            cgroup(247 * MIB, throttled=0.41),
            oom_kills=1,
            memory_peak_bytes=256 * MIB,
            memory_shmem_bytes=61 * MIB,
        ),
        restarts=2,
        last_exit=LastExit(
            reason="OOMKilled",
            exit_code=137,
            signal=9,
            started_at="2026-03-01T02:30:00Z",
            finished_at="2026-03-01T02:57:59Z",
        ),
    )
    worker = Container(
        name="worker",
        id="containerd://" + "c3" * 32,
        kind="app",
        state="running",
        ready=True,
        started=True,
        restarts=1,
        started_at="2026-03-01T02:58:04Z",
        last_exit=LastExit(
            reason="Error",
            exit_code=1,
            started_at="2026-03-01T02:58:01Z",
            finished_at="2026-03-01T02:58:02Z",
            message="connect 127.0.0.1:5000: Connection refused",
        ),
        image="registry.example.com/shop/worker:2.3.1",
        command=("python", "worker.py", "--password", "[redacted]"),
        user=User(uid=1000, gid=1000),
        agent=True,
        resources=Resources(cpu_request=0.1),
        processes=Processes(
            count=17,
            zombies=14,
            threads=5,
            zombie_parents=(ZombieParent(pid=1, name="python", count=14),),
            top=(
                process(1, "python", "python worker.py --password [redacted]", uid=1000, memory=71 * MIB),
                process(9, "python", "python consume.py", parent=1, uid=1000, memory=33 * MIB),
                Process(pid=31, parent=1, name="convert", state="zombie", uid=1000),
            ),
        ),
        cgroup=cgroup(104 * MIB, limit=None),
    )
    return nginx, webapp, worker


def _listeners() -> tuple[Listener, ...]:
    web, app = healthy_pod().network.listeners
    return (
        web,
        replace(app, backlog=122, backlog_limit=128),
        Listener(protocol="tcp", address="::", port=9090, container="webapp", owner=owner(1, "gunicorn"),
                 inode=40_020, uid=1000, v6_only=False, backlog=0, backlog_limit=128),
        Listener(protocol="tcp", address="0.0.0.0", port=6379, container="worker", owner=owner(1, "python"),
                 inode=40_030, uid=1000, backlog=0, backlog_limit=511),
        Listener(protocol="udp", address="127.0.0.1", port=8125, container="webapp", owner=owner(1, "gunicorn"),
                 inode=40_040, uid=1000, drops=12),
    )  # fmt: skip


def _connections() -> tuple[Connection, ...]:
    app = "127.0.0.1:5000"
    stuck_client, stuck_server = connection_pair("nginx", "webapp", 42_004, app, rtt_us=31_000, inode=50_060)
    stuck_server = replace(
        stuck_server,
        send_queue_bytes=196_608,
        send_window_bytes=0,
        backoff=4,
        unacked=1,
        rto_us=3_264_000,
        timer="zero-window-probe",
        last_receive_ms=41_000,
    )
    return (
        *connection_pair("nginx", "webapp", 42_000, app, retransmits=101, rtt_us=360, inode=50_000),
        *connection_pair("nginx", "webapp", 42_002, app, retransmits=88, rtt_us=410, inode=50_010),
        stuck_client,
        stuck_server,
        *connection_pair("webapp", "worker", 42_300, "127.0.0.1:6379", inode=50_080),
        outside_connection(f"{POD_IP}:80", "10.244.2.9:51514", "nginx", inode=50_020),
        outside_connection(f"{POD_IP}:42800", "10.96.4.20:5432", "webapp", role="client", inode=50_030),
        *(
            outside_connection(
                f"{POD_IP}:{43_000 + number}",
                "10.96.7.8:9092",
                "worker",
                role="client",
                state="close-wait",
                inode=51_000 + number,
            )
            for number in range(64)
        ),
    )


def _network() -> Network:
    sockets = _connections()
    return replace(
        healthy_pod().network,
        listeners=_listeners(),
        counters=Counters(
            values={
                "Tcp.ActiveOpens": 4_100,
                "Tcp.PassiveOpens": 8_210,
                "Tcp.EstabResets": 640,
                "Tcp.OutRsts": 702,
                "Tcp.OutSegs": 820_000,
                "Tcp.RetransSegs": 9_412,
                "TcpExt.ListenOverflows": 311,
                "TcpExt.ListenDrops": 311,
            },
            rates={"Tcp.RetransSegs": 21.5, "TcpExt.ListenOverflows": 2.5, "TcpExt.ListenDrops": 2.5},
        ),
        connections=sockets,
        connection_count=len(sockets),
        flows=(
            flow("nginx", "webapp", "127.0.0.1:5000", 3, segments_out=4_189, retransmits=189, rtt_us=360,
                 max_rtt_us=31_000, send_queue_bytes=196_608),
            flow("webapp", "worker", "127.0.0.1:6379", 1),
            flow(None, "nginx", f"{POD_IP}:80", 1, scope="external", remote="10.244.2.9", rtt_us=820),
            flow("webapp", None, "10.96.4.20:5432", 1, scope="external", remote="10.96.4.20",
                 segments_out=9_000, retransmits=310, rtt_us=1_900),
            flow("worker", None, "10.96.7.8:9092", 64, scope="external", remote="10.96.7.8", rtt_us=900,
                 states={"close-wait": 64}),
        ),
        unix=(
            UnixSocket(kind="stream", state="listen", path="/run/app/app.sock", inode=60_000, container="webapp",
                       owner=owner(1, "gunicorn"), queue=16, queue_limit=16),
            UnixSocket(kind="stream", state="established", inode=60_001, peer_inode=60_002, container="worker",
                       owner=owner(9, "python"), peer_container="webapp", queue=0),
            UnixSocket(kind="stream", state="established", path="/run/app/app.sock", inode=60_002,
                       peer_inode=60_001, container="webapp", owner=owner(1, "gunicorn"),
                       peer_container="worker", queue=4_096),
            UnixSocket(kind="datagram", state="unconnected", path="@events", inode=60_003, container="worker",
                       owner=owner(1, "python"), queue=0),
        ),
        unix_count=4,
    )  # fmt: skip


def _ipc() -> Ipc:
    webapp = Attachment(container="webapp", pid=1, process="gunicorn")
    worker = Attachment(container="worker", pid=9, process="python")
    return Ipc(
        shared_memory=(
            SharedMemory(key="0x00001234", id=3, bytes=8 * MIB, resident_bytes=6 * MIB, mode="0660", uid=1000,
                         gid=1000, creator_uid=1000, attachments=2, attached=(webapp, worker), creator_pid=1,
                         creator_alive=True, creator_container="webapp", attached_at="2026-03-01T02:58:05Z"),
            SharedMemory(key="0x00002222", id=4, bytes=32 * MIB, resident_bytes=32 * MIB, mode="0600", uid=1000,
                         gid=1000, creator_uid=1000, attachments=0, creator_pid=44, creator_alive=False,
                         creator_container="worker", detached_at="2026-03-01T02:58:02Z"),
        ),
        semaphores=(
            SemaphoreSet(key="0x00000055", id=0, semaphores=3, mode="0660", uid=1000, gid=1000, values=(0, 1, 1),
                         waiting=(2, 0, 0),
                         waiters=(SemaphoreWaiter(container="worker", pid=9, process="python"),),
                         operated_at="2026-03-01T03:01:00Z"),
        ),
        message_queues=(
            MessageQueue(key="0x00001001", id=0, bytes=15_872, max_bytes=16_384, messages=31, mode="0666",
                         uid=0, gid=0, last_send_pid=1, last_receive_pid=0, sent_at="2026-03-01T03:11:59Z"),
        ),
        posix_shared_memory=(
            PosixSharedMemory(name="ring", bytes=56 * MIB, used_bytes=55 * MIB, uid=1000, gid=1000, mode="0600",
                              mapped=(webapp, worker), containers=("nginx", "webapp", "worker")),
            PosixSharedMemory(name="sem.ring-lock", bytes=32, used_bytes=4_096, uid=1000, gid=1000, mode="0600",
                              semaphore=True, mapped=(webapp, worker), containers=("nginx", "webapp", "worker")),
        ),
        posix_message_queues=(
            PosixMessageQueue(name="/jobs", messages=10, max_messages=10, message_bytes=8_192, queued_bytes=5_120,
                              uid=1000, gid=1000, mode="0600", open_by=(webapp, worker)),
        ),
        limits=(
            Limit(name="shmmni", limit=4_096, used=2),
            Limit(name="semmni", limit=32_000, used=1),
            Limit(name="msgmni", limit=32_000, used=1),
            Limit(name="mqueue_queues", limit=256, used=230),
        ),
        dev_shm=(
            DevShm(
                containers=("nginx", "webapp", "worker"),
                filesystem=filesystem(64 * MIB, 61 * MIB, 500_000, 3),
            ),
        ),
    )  # fmt: skip


def _volumes() -> tuple[Volume, ...]:
    (html,) = healthy_pod().volumes
    return (
        replace(
            html,
            usage=Usage(bytes=124 * MIB, inodes=9_400, method="walk", complete=True),
            mounts=(*html.mounts, VolumeMount(container="worker", path="/html", seen=True)),
        ),
        Volume(
            name="spool",
            type="persistentVolumeClaim",
            source="spool-shop",
            filesystem_type="ext4",
            filesystem=filesystem(2 * GIB, 620 * MIB, 131_072, 131_070),
            usage=Usage(bytes=410 * MIB, inodes=131_059, method="walk", complete=True),
            mounts=(
                VolumeMount(container="webapp", path="/var/spool/shop", seen=True),
                VolumeMount(container="worker", path="/spool", seen=True),
            ),
            deleted_files=(
                DeletedFile(
                    container="worker",
                    process=ProcessRef(pid=9, name="python"),
                    path="/spool/worker.log",
                    bytes=190 * MIB,
                    inode=712,
                ),
            ),
            locks=(
                FileLock(
                    kind="flock",
                    inode=655,
                    path="/spool/queue.lock",
                    holder=LockHolder(container="worker", pid=9, process="python", access="write"),
                    waiters=(LockHolder(container="webapp", pid=1, process="gunicorn", access="write"),),
                ),
            ),
        ),
        Volume(
            name="cache",
            type="emptyDir",
            medium="Memory",
            filesystem_type="tmpfs",
            filesystem=filesystem(256 * MIB, 231 * MIB, 65_536, 610),
            usage=Usage(bytes=231 * MIB, inodes=610, method="statvfs", complete=True),
            mounts=(VolumeMount(container="webapp", path="/cache", seen=True),),
        ),
        Volume(
            name="nginx-conf",
            type="configMap",
            source="shop-nginx",
            mounts=(VolumeMount(container="nginx", path="/etc/nginx/conf.d", read_only=True, seen=True),),
        ),
    )


def _services() -> tuple[Service, ...]:
    (shop,) = healthy_pod().services
    return (
        replace(
            shop,
            ports=(
                *shop.ports,
                ServicePort(
                    name="api", port=5000, target_port=5000, listener="loopback-only", container="webapp"
                ),
            ),
        ),
        Service(
            name="shop-admin",
            type="NodePort",
            cluster_ip="10.96.12.9",
            ports=(
                ServicePort(
                    name="debug", port=81, target_port_name="debug", node_port=30_081, listener="unresolved"
                ),
            ),
            ready=True,
        ),
    )


def _dns() -> tuple[Dns, ...]:
    (asked, _, own, _) = resolver().lookups
    silent = replace(
        own,
        outcome="timeout",
        addresses=(),
        server=None,
        attempts=2,
        time_us=1_000_000,
        answered_as="shop.shop.svc",
    )
    return (
        resolver(
            containers=("nginx", "webapp", "worker"),
            lookups=(
                replace(asked, time_us=812_000),
                replace(asked, type="AAAA", outcome="no-data", addresses=(), time_us=812_400),
                silent,
                replace(silent, type="AAAA"),
                lookup("example.com", "outside", "A", 4, 4_200, "192.0.2.80"),
            ),
        ),
    )


@cache
def troubled() -> Snapshot:
    """The Pod, with what podprobe concludes of it."""
    return concluded(_seen())


def _seen() -> Snapshot:
    pod = healthy_pod()
    return replace(
        pod,
        visibility=(
            Visibility(
                area="maps",
                container="nginx",
                level="partial",
                reason="PID 7 changed its user: Permission denied on /proc/7/maps",
                allow="--profile ptrace",
            ),
            Visibility(area="services", container=None, level="partial", reason="endpointslices: forbidden"),
        ),
        containers=_containers(),
        network=_network(),
        ipc=_ipc(),
        volumes=_volumes(),
        mounts=(
            *pod.mounts,
            Mount(
                container="worker",
                path="/",
                filesystem_type="overlay",
                source="overlay",
                options="rw,relatime",
                read_only=False,
                device="0:122",
                filesystem=filesystem(100 * GIB, 41 * GIB, 6_553_600, 410_000),
            ),
        ),
        latency=(
            latency([90.0 + index for index in range(18)] + [208_000.0], to="127.0.0.1:5000"),
            latency([31.0 + index for index in range(15)], to="/run/app/app.sock", kind="unix",
                    from_container="worker", errors={"EAGAIN": 5}),
            latency([21.0 + index for index in range(20)], to="127.0.0.1:6379", from_container="webapp",
                    to_container="worker"),
        ),
        starts=starts(_containers()),
        services=_services(),
        dns=_dns(),
    )  # fmt: skip
