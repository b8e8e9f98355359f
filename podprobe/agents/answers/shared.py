"""What an agent says of the namespaces that all containers share."""

from __future__ import annotations

from typing import Literal

from podprobe.agents.answers.base import Answer, Count, Text, Word


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
    """Of a listener, inodes of clients that wait to be accepted (UNIX_DIAG_ICONS); the server's ends have none yet."""


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
