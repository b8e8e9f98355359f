"""Sockets, their owners, and the counters of the Pod's network namespace."""

from __future__ import annotations

from typing import Literal

from podprobe.model.base import UNOWNED, Model, Owner, Protocol, Scope


class Interface(Model, frozen=True, kw_only=True):
    """A network interface of the Pod."""

    name: str
    addresses: tuple[str, ...] = ()
    """With prefix length, as `10.78.0.4/24`."""
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


class Listener(Model, frozen=True, kw_only=True):
    """A socket that waits: a TCP listener, a bound UDP socket, a raw or packet socket."""

    protocol: Protocol
    address: str
    """`127.0.0.1`, `0.0.0.0`, `::`, …; for a packet socket, the interface."""
    port: int
    """For raw sockets the IP protocol, for packet sockets the EtherType."""
    container: str | None = None
    owner: Owner = UNOWNED
    inode: int | None = None
    uid: int | None = None
    v6_only: bool | None = None
    backlog: int | None = None
    """Connections that wait to be accepted (`idiag_rqueue` of a listener)."""
    backlog_limit: int | None = None
    """The most that may wait (`idiag_wqueue` of a listener): the smaller of listen() and somaxconn."""
    own_probes: int = 0
    """Of `backlog`, podprobe's own probes; where they cannot be told by their address (IPv6), at most."""
    drops: int | None = None
    """Datagrams dropped for want of room (`SK_MEMINFO_DROPS`); UDP only."""
    declared_by: str | None = None
    """The container whose spec declares this port."""


class Connection(Model, frozen=True, kw_only=True):
    """One socket of a connection. A connection within the Pod has two: its client's and its server's."""

    protocol: Literal["tcp", "udp"] = "tcp"
    local: str
    """`127.0.0.1:42000`, `[::1]:42000`."""
    remote: str
    state: str
    """The kernel's name in lower case with hyphens: `established`, `close-wait`, `time-wait`, …"""
    scope: Scope
    role: Literal["client", "server", "unknown"] = "unknown"
    container: str | None = None
    """Whose socket this is."""
    owner: Owner = UNOWNED
    from_container: str | None = None
    """Who opened the connection; the same on both sockets of a connection within the Pod."""
    to_container: str | None = None
    inode: int | None = None
    rtt_us: int | None = None
    """Smoothed round-trip time, `tcpi_rtt`."""
    rttvar_us: int | None = None
    min_rtt_us: int | None = None
    segments_out: int | None = None
    """Data segments sent, retransmissions included (`tcpi_data_segs_out`)."""
    retransmits: int | None = None
    """Segments sent again over the connection's life (`tcpi_total_retrans`)."""
    retransmit_ratio: float | None = None
    spurious_retransmits: int | None = None
    """Of the segments sent again, those that the peer says it had already (DSACK, `tcpi_dsack_dups`): nothing was lost
    there. `None` on kernels before 4.19."""
    bytes_sent: int | None = None
    bytes_received: int | None = None
    bytes_retransmitted: int | None = None
    send_queue_bytes: int | None = None
    receive_queue_bytes: int | None = None
    unacked: int | None = None
    """Segments in flight (`tcpi_unacked`)."""
    backoff: int | None = None
    """How often the retransmission timer has doubled (`tcpi_backoff`)."""
    rto_us: int | None = None
    congestion_window: int | None = None
    send_window_bytes: int | None = None
    """The peer's receive window (`tcpi_snd_wnd`), 0 where it is closed; `None` on kernels before 5.4."""
    busy_us: int | None = None
    """Time with data in flight (`tcpi_busy_time`)."""
    receive_window_limited_us: int | None = None
    send_buffer_limited_us: int | None = None
    last_send_ms: int | None = None
    last_receive_ms: int | None = None
    redirected_to: str | None = None
    """Of a client's socket: the listener of this Pod where the connection really ends, since a rule of the network
    namespace (a mesh's) redirects it. `remote` is where the client meant to go."""
    original: str | None = None
    """Of the server's socket of such a connection: where the client meant to go."""
    timer: str | None = None
    """What the socket's timer waits for: `retransmit`, `keepalive`, `time-wait`, `zero-window-probe`."""


class Activity(Model, frozen=True, kw_only=True):
    """What sockets did since the look before: those alive now, since that look or since they were made."""

    seconds: float
    """Between the two looks."""
    bytes_sent_per_second: float = 0.0
    """Of a flow: from client to server; of a container: by its own sockets."""
    bytes_received_per_second: float = 0.0
    segments: int = 0
    """Data segments sent by either side, retransmissions included."""
    retransmits: int = 0
    retransmit_ratio: float | None = None
    spurious_retransmits: int = 0
    """Of `retransmits`, those that the peer says it had already (DSACK)."""
    busy_us: int = 0
    """Time with data in flight (`tcpi_busy_time`), summed over the sockets, as the next two."""
    receive_window_limited_us: int = 0
    """Of it, waiting for a receiver that took no more (`tcpi_rwnd_limited`)."""
    send_buffer_limited_us: int = 0
    """Of it, waiting for room in the sender's own buffer (`tcpi_sndbuf_limited`)."""


class Traffic(Model, frozen=True, kw_only=True):
    """The TCP sockets of one container within one scope, taken together."""

    container: str | None
    """`None`: of sockets whose owner nobody knows."""
    scope: Scope
    sockets: int
    rtt_us: int | None = None
    """Median of their smoothed round-trip times."""
    segments_out: int = 0
    retransmits: int = 0
    retransmit_ratio: float | None = None
    spurious_retransmits: int = 0
    """Of `retransmits`, those that the peer says it had already (DSACK)."""
    activity: Activity | None = None


class Retransmits(Model, frozen=True, kw_only=True):
    """How many of the network namespace's retransmits are those of connections that are still there.

    A socket's counters die with it, the namespace's (`Tcp.RetransSegs`) stay: the share tells how far the numbers per
    flow can be trusted.
    """

    seconds: float | None = None
    """Since the look before; `None`: since the namespace was made."""
    namespace: int
    attributed: int
    """By all sockets of the look, those that `connections` leaves out included."""
    ratio: float | None = None
    """`None` where nothing was sent again."""


class Flow(Model, frozen=True, kw_only=True):
    """Connections of the same two parties to the same server port, taken together.

    Counters are those of the sockets alive at the look; each socket counts for what it sent itself.
    """

    protocol: Literal["tcp", "udp"] = "tcp"
    scope: Scope
    from_container: str | None
    to_container: str | None
    server: str
    """The server's endpoint, as `127.0.0.1:5000`."""
    remote_address: str | None = None
    """The party outside the Pod, where there is one."""
    original: str | None = None
    """Where the client meant to go, where its connections are redirected to `server` within the Pod."""
    connections: int
    """Connections, not sockets: one within the Pod counts once."""
    states: dict[str, int]
    """Sockets by state."""
    close_wait_queued: int = 0
    """Of the sockets in `close-wait`, the server's that still wait to be accepted: no process has them, and none can
    close them."""
    rtt_us: int | None = None
    """Median of the sockets' smoothed round-trip times."""
    max_rtt_us: int | None = None
    min_rtt_us: int | None = None
    segments_out: int = 0
    retransmits: int = 0
    retransmit_ratio: float | None = None
    spurious_retransmits: int = 0
    """Of `retransmits`, those that the peer says it had already (DSACK): what is left was lost."""
    bytes_sent: int = 0
    """From client to server."""
    bytes_received: int = 0
    """From server to client."""
    send_queue_bytes: int = 0
    receive_queue_bytes: int = 0
    activity: Activity | None = None
    """`None` at the first look, and of UDP."""


class UnixSocket(Model, frozen=True, kw_only=True):
    """A unix domain socket."""

    kind: Literal["stream", "datagram", "seqpacket"]
    state: Literal["listen", "established", "unconnected", "closed"]
    path: str | None = None
    """File system path, or `@name` for an abstract one; `None` where unnamed."""
    inode: int
    peer_inode: int | None = None
    container: str | None = None
    owner: Owner = UNOWNED
    peer_container: str | None = None
    queue: int | None = None
    """Listener: connections that wait; else bytes not yet read."""
    queue_limit: int | None = None
    """Listener: backlog."""


class Counters(Model, frozen=True, kw_only=True):
    """Counters of the network namespace since it was made, by the kernel's names (`Tcp.RetransSegs`)."""

    values: dict[str, int] = {}
    rates: dict[str, float] = {}
    """Per second since the look before; empty on the first."""
    own_probes: int = 0
    """TCP connects of podprobe's own that the values may have counted since the look before, at most."""


class Network(Model, frozen=True, kw_only=True):
    """The network namespace that the containers share."""

    hostname: str | None = None
    interfaces: tuple[Interface, ...] = ()
    counters: Counters = Counters()
    listeners: tuple[Listener, ...] = ()
    connections: tuple[Connection, ...] = ()
    """Every socket of a connection; in a large Pod, the worst of each flow."""
    connection_count: int = 0
    """All sockets of connections, those left out of `connections` included."""
    connections_omitted: int = 0
    flows: tuple[Flow, ...] = ()
    traffic: tuple[Traffic, ...] = ()
    """By container and scope."""
    retransmits: Retransmits | None = None
    """`None` where the namespace's counter was not seen, or is another namespace's."""
    unix: tuple[UnixSocket, ...] = ()
    unix_count: int = 0
    ephemeral_ports: tuple[int, int] | None = None
    """`net.ipv4.ip_local_port_range`."""
    settings: dict[str, str] = {}
    """Kernel settings of the namespace that findings go by, by sysctl name."""
    localhost: tuple[str, ...] = ()
    """What `localhost` resolves to in the Pod, in the order in which a client tries the addresses."""
