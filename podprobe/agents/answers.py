"""What an agent answers, as structs that validate it: an agent runs in the Pod, so its words are untrusted.

A `look` is answered area by area. A `PART` frame holds ``{"area": NAME, "items": [...]}`` for an area that is
a list (several parts add up) or ``{"area": NAME, "value": {...}}`` for one that is a single object.

Two kinds of area: those that belong to the agent's own container (`OWN`), asked of every agent, and those that
the namespaces share (`SHARED`), asked of one agent.

Times are seconds since the epoch (float); sizes are bytes; PIDs are as the agent's PID namespace numbers them;
devices are `major:minor` in decimal; names and paths are text with undecodable bytes replaced.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from podprobe.agents.diag import Messages

Text = Annotated[str, Meta(max_length=4096)]
Word = Annotated[str, Meta(max_length=256)]
Count = Annotated[int, Meta(ge=0)]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Part of an agent's answer. Unknown fields are ignored; wrong types and oversized text are errors."""


class Hello(Answer, frozen=True, kw_only=True):
    """Who the agent is: its first frame."""

    protocol: int
    version: Word
    python: Word
    kernel: Word
    """`uname -r`."""
    machine: Word
    """`x86_64`, `aarch64`."""
    libc: Word = ""
    pid: int
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    capabilities: Count
    """CapEff as a bit set."""
    no_new_privileges: bool | None = None
    seccomp: int | None = None
    psutil: Word | None = None
    """Its version; `None` where it could not be loaded."""
    psutil_error: Text | None = None
    page_bytes: int
    boot_time: float
    """Of the machine; SysV and process times are relative to it in places."""
    namespaces: dict[Word, int] = {}
    """The agent's own, by name (`net`, `ipc`, `pid`, `mnt`, `uts`, `user`, `cgroup`)."""
    target_namespaces: dict[Word, int] = {}
    """Those of PID 1 as far as they are readable."""
    capture: bool = False
    """The agent holds NET_RAW."""


class Seen(Answer, frozen=True, kw_only=True):
    """What an agent could not see, or not wholly."""

    area: Word
    level: Literal["full", "partial", "none"]
    reason: Text
    allow: Text | None = None


class End(Answer, frozen=True, kw_only=True):
    """The end of an answer."""

    visibility: tuple[Seen, ...] = ()
    duration_us: Count
    taken_at: float


# --- the agent's own container -----------------------------------------------------------------------------


class ProcessItem(Answer, frozen=True, kw_only=True):
    """`processes`: one process that the agent's PID namespace shows. The agent's own are left out."""

    pid: int
    parent: int
    name: Word
    state: Word
    command: Text | None = None
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None
    threads: int | None = None
    open_files: int | None = None
    open_files_limit: int | None = None
    memory_bytes: int | None = None
    cpu_seconds: float | None = None
    started_at: float | None = None
    cgroup: Text | None = None
    """Path from /proc/PID/cgroup (the v2 line, else the v1 memory or pids line), as the agent sees it."""
    root_device: Word | None = None
    """`major:minor` of the process's `/`, from its mountinfo: tells the containers of a shared PID namespace apart."""
    agent: bool = False
    """It is an agent of podprobe's, another one's included."""


class FdItem(Answer, frozen=True, kw_only=True):
    """`fds`: the sockets that one process holds; a process with very many has several items, one with none has none."""

    pid: int
    sockets: tuple[int, ...]
    """Socket inodes."""
    complete: bool = True


class OpenFileItem(Answer, frozen=True, kw_only=True):
    """`open_files`: an open file that matters beyond its process: deleted, in /dev/shm, or a POSIX queue."""

    pid: int
    fd: int
    path: Text
    kind: Literal["deleted", "shm", "mqueue"]
    device: Word
    inode: int
    bytes: Count
    """Allocated."""


class MapItem(Answer, frozen=True, kw_only=True):
    """`maps`: a mapping of shared memory (`/proc/PID/maps`)."""

    pid: int
    kind: Literal["sysv", "posix"]
    shmid: int | None = None
    """Of a SysV segment: the inode column."""
    path: Text | None = None
    device: Word | None = None
    inode: int | None = None
    bytes: Count
    deleted: bool = False


class SemaphoreWaiterItem(Answer, frozen=True, kw_only=True):
    """`semaphore_waiters`: a process that sleeps in semop()."""

    pid: int
    semid: int | None = None
    """The set, where the kernel shows the system call's arguments."""


class MountItem(Answer, frozen=True, kw_only=True):
    """`mounts`: a mount of the container, from its mountinfo, with statvfs through /proc/PID/root."""

    id: int
    parent: int
    device: Word
    root: Text
    """The directory of the filesystem that is mounted: for a kubelet volume it names the volume."""
    path: Text
    filesystem_type: Word
    source: Text
    options: Text
    super_options: Text
    read_only: bool
    bytes: int | None = None
    used_bytes: int | None = None
    available_bytes: int | None = None
    inodes: int | None = None
    used_inodes: int | None = None
    error: Text | None = None
    """Why statvfs did not answer."""


class WalkItem(Answer, frozen=True, kw_only=True):
    """`walks`: what one directory holds; asked for with ``{"walk": [paths as the container has them]}``."""

    path: Text
    bytes: Count
    inodes: Count
    complete: bool
    reason: Text | None = None
    duration_us: Count = 0


class CgroupValue(Answer, frozen=True, kw_only=True):
    """`cgroup`: the container's control group (`value`)."""

    version: Literal[1, 2]
    path: Text | None = None
    """As `ProcessItem.cgroup`: which processes are in it."""
    id: int | None = None
    """Inode of the container's cgroup-v2 directory: what INET_DIAG_CGROUP_ID tells of its sockets."""
    cpu_seconds: float | None = None
    cpu_limit: float | None = None
    cpu_periods: int | None = None
    cpu_throttled_periods: int | None = None
    memory_bytes: int | None = None
    memory_working_set_bytes: int | None = None
    memory_shmem_bytes: int | None = None
    memory_limit_bytes: int | None = None
    memory_peak_bytes: int | None = None
    oom_kills: int | None = None
    pids: int | None = None
    pids_limit: int | None = None
    pressure: dict[Word, float] = {}
    """`cpu_some`, `memory_some`, `memory_full`, `io_some`, `io_full`: avg10 as a ratio."""


class LockItem(Answer, frozen=True, kw_only=True):
    """`locks`: a line of /proc/locks, which shows a lock and all its waiters to the holder's PID namespace alone.

    PIDs of waiters outside it read 0. A waiter whose holder is elsewhere is told of all the same, from the system
    call that it sleeps in: with id 0, to be joined to the holder by device and inode.
    """

    id: int
    kind: Literal["flock", "posix", "ofd", "lease"]
    access: Literal["read", "write"]
    pid: int
    device: Word
    inode: int
    waiting: bool
    path: Text | None = None
    """Where an open file of a process of this agent's tells it."""


class DnsValue(Answer, frozen=True, kw_only=True):
    """`dns`: by what the container's programs resolve names (`value`)."""

    servers: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    """`nameserver` lines of resolv.conf."""
    search: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    options: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    hosts: Annotated[tuple[Word, ...], Meta(max_length=64)] | None = None
    """Sources of host names in nsswitch.conf."""
    library: Literal["glibc", "musl"] | None = None


# --- what the namespaces share ------------------------------------------------------------------------------


class UnixItem(Answer, frozen=True, kw_only=True):
    """`unix`: a unix socket (unix_diag)."""

    kind: Literal["stream", "datagram", "seqpacket"]
    state: Literal["listen", "established", "unconnected", "closed"]
    inode: int
    path: Text | None = None
    """`@name` for an abstract one."""
    peer_inode: int | None = None
    queue: int | None = None
    queue_limit: int | None = None
    uid: int | None = None
    file_inode: int | None = None
    file_device: Word | None = None
    pending: tuple[int, ...] = ()
    """Inodes of the sockets that wait to be accepted."""


class PacketItem(Answer, frozen=True, kw_only=True):
    """`packet`: a raw or packet socket."""

    protocol: Literal["raw", "packet"]
    address: Word
    number: int
    inode: int
    uid: int | None = None
    cgroup_id: int | None = None


class InterfaceItem(Answer, frozen=True, kw_only=True):
    """`interfaces`: a network interface, its addresses and counters."""

    name: Word
    addresses: tuple[Word, ...] = ()
    mtu: int | None = None
    up: bool | None = None
    received_bytes: int | None = None
    sent_bytes: int | None = None
    received_packets: int | None = None
    sent_packets: int | None = None
    receive_errors: int | None = None
    send_errors: int | None = None
    receive_drops: int | None = None
    send_drops: int | None = None


class CountersValue(Answer, frozen=True, kw_only=True):
    """`counters`: snmp, netstat and snmp6 of the network namespace (`value`), as `Tcp.RetransSegs`."""

    values: dict[Word, int]
    settings: dict[Word, Text] = {}
    """sysctls: `net.ipv4.ip_local_port_range`, `net.core.somaxconn`, `net.ipv4.tcp_max_syn_backlog`, …"""
    hostname: Text | None = None
    localhost: tuple[Word, ...] = ()
    """Addresses of `localhost`, in the order of getaddrinfo(); empty where /etc/hosts does not have it."""


class SysvShmItem(Answer, frozen=True, kw_only=True):
    """`sysv_shm`: a line of /proc/sysvipc/shm."""

    key: int
    """As an unsigned 32-bit number."""
    id: int
    mode: int
    """Permissions and flags, octal digits as the kernel prints them, as a number."""
    bytes: Count
    creator_pid: int
    last_pid: int
    attachments: Count
    uid: int
    gid: int
    creator_uid: int
    creator_gid: int
    attached_at: float
    detached_at: float
    changed_at: float
    resident_bytes: Count
    swapped_bytes: Count


class SysvSemItem(Answer, frozen=True, kw_only=True):
    """`sysv_sem`: a line of /proc/sysvipc/sem, and the set's values where it is readable."""

    key: int
    id: int
    mode: int
    semaphores: Count
    uid: int
    gid: int
    creator_uid: int
    creator_gid: int
    operated_at: float
    changed_at: float
    values: tuple[int, ...] | None = None
    waiting: tuple[int, ...] | None = None
    last_pids: tuple[int, ...] | None = None
    """Per semaphore, the last process of the agent's PID namespace to operate on it, or 0 (GETPID)."""


class SysvMsgItem(Answer, frozen=True, kw_only=True):
    """`sysv_msg`: a line of /proc/sysvipc/msg, and msg_qbytes where the queue is readable."""

    key: int
    id: int
    mode: int
    bytes: Count
    messages: Count
    max_bytes: int | None = None
    last_send_pid: int
    last_receive_pid: int
    uid: int
    gid: int
    creator_uid: int
    creator_gid: int
    sent_at: float
    received_at: float
    changed_at: float


class IpcLimitsValue(Answer, frozen=True, kw_only=True):
    """`ipc_limits`: the IPC namespace's limits and use (`value`)."""

    limits: dict[Word, int]
    """shmmni, shmall_bytes, shmmax_bytes, semmni, semmns, semmsl, msgmni, msgmnb, msgmax, mqueue_queues_max, …"""
    used: dict[Word, int] = {}


class DevShmItem(Answer, frozen=True, kw_only=True):
    """`dev_shm` (own container): the files of the container's /dev/shm. Filesystem numbers are in `mounts`."""

    name: Text
    device: Word
    inode: int
    bytes: Count
    used_bytes: Count
    uid: int
    gid: int
    mode: int
    modified_at: float


class MqueueItem(Answer, frozen=True, kw_only=True):
    """`mqueue`: a POSIX message queue. Reading attributes opens the queue read-only and reads nothing from it."""

    name: Text
    inode: int
    uid: int
    gid: int
    mode: int
    queued_bytes: int | None = None
    messages: int | None = None
    max_messages: int | None = None
    message_bytes: int | None = None


ITEMS: dict[str, type[Answer]] = {
    "processes": ProcessItem,
    "fds": FdItem,
    "open_files": OpenFileItem,
    "maps": MapItem,
    "semaphore_waiters": SemaphoreWaiterItem,
    "mounts": MountItem,
    "walks": WalkItem,
    "dev_shm": DevShmItem,
    "locks": LockItem,
    "unix": UnixItem,
    "packet": PacketItem,
    "interfaces": InterfaceItem,
    "sysv_shm": SysvShmItem,
    "sysv_sem": SysvSemItem,
    "sysv_msg": SysvMsgItem,
    "mqueue": MqueueItem,
}
"""Areas that are lists."""

VALUES: dict[str, type[Answer]] = {
    "cgroup": CgroupValue,
    "counters": CountersValue,
    "ipc_limits": IpcLimitsValue,
    "dns": DnsValue,
}
"""Areas that are one object."""

OWN = (
    "processes",
    "fds",
    "open_files",
    "maps",
    "semaphore_waiters",
    "mounts",
    "dev_shm",
    "cgroup",
    "locks",
    "dns",
    "walks",
)
SHARED = (
    "inet",
    "unix",
    "packet",
    "interfaces",
    "counters",
    "sysv_shm",
    "sysv_sem",
    "sysv_msg",
    "ipc_limits",
    "mqueue",
)
"""`inet` comes as ROWS frames: messages of sock_diag, or rows (`podprobe_agent.protocol.INET_ROW`)."""


class ProbeAnswer(Answer, frozen=True, kw_only=True):
    """`probe`: the samples of one active probe, as `PART` values of area `probe`."""

    samples_ns: tuple[int, ...] = ()
    """Duration of each success, in order."""
    waits_ns: tuple[int, ...] = ()
    """How much of each the probe itself waited for a CPU; empty where the kernel does not tell."""
    errors: dict[Word, int] = {}
    """Failures by the errno's name."""
    statuses: dict[Word, int] = {}
    """HTTP answers by status."""


class Reply(Answer, frozen=True, kw_only=True):
    """What came back to one payload of an exchange."""

    payload: Count
    server: Count
    """By its place among those asked."""
    time_us: Count
    """After the first sending."""
    data: Annotated[bytes, Meta(max_length=65535)]


class ExchangeAnswer(Answer, frozen=True, kw_only=True):
    """`exchange`: messages to name servers and what came back, unread, as `PART` values of area `exchange`."""

    replies: Annotated[tuple[Reply, ...], Meta(max_length=4)] = ()
    errors: dict[Word, Word] = {}
    """Servers that could not be reached, by the errno's name."""
    sent: Annotated[tuple[Count, ...], Meta(max_length=4)] = ()
    """How often each payload was sent."""


class AdminPiece(Answer, frozen=True, kw_only=True):
    """`admin`: one of the things that an Envoy's administration port was asked, as `PART` values of area `admin`."""

    piece: Literal["server_info", "clusters", "stats"]
    text: Annotated[str, Meta(max_length=1 << 20)] | None = None
    """JSON, as Envoy wrote it; of `server_info`, a few words alone."""
    error: Text | None = None


class Areas:
    """A look's answer by area: lists of items, single values, and the rows of `inet`."""

    def __init__(self) -> None:
        self.items: dict[str, list[Any]] = {area: [] for area in ITEMS}
        self.values: dict[str, Any] = {}
        self.inet: list[bytes | Messages] = []
        self.end: End | None = None
        self.asked: frozenset[str] = frozenset()
        """What was asked for."""
