"""Records what a kernel answers to the agent's dumps, in a network namespace of known contents.

    unshare --net python tests/data/netlink/record.py tests/data/netlink

Each file is one dump: its datagrams, each behind its length as four bytes, little-endian. `known.json` says what
was there.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from podprobe_agent import netlink
from podprobe_agent.collectors import interfaces, packet, sockets, unix_sockets


def record(target: Path, protocol: int, kind: int, body: bytes) -> None:
    pieces = []
    buffer = bytearray(netlink.BUFFER_BYTES)
    with netlink.connect(protocol) as sock:
        length = netlink.HEADER_BYTES + len(body)
        sock.sendall(netlink._HEADER.pack(length, kind, netlink._REQUEST_DUMP, 1, 0) + body)
        outcome = netlink.Outcome()
        while not outcome.done:
            size = sock.recv_into(buffer)
            netlink.split(buffer, size, outcome)
            pieces.append(size.to_bytes(4, "little") + bytes(buffer[:size]))
    target.write_bytes(b"".join(pieces))


def main(directory: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    listener = socket.create_server(("127.0.0.1", 5000), backlog=7)
    client = socket.create_connection(("127.0.0.1", 5000))
    accepted, _ = listener.accept()
    client.sendall(b"x" * 1000)
    waiting = socket.create_connection(("127.0.0.1", 5000))
    only = socket.socket(socket.AF_INET6)
    only.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    only.bind(("::1", 6000))
    only.listen(3)
    both = socket.create_server(("::", 7000), family=socket.AF_INET6, dualstack_ipv6=True)
    mapped = socket.create_connection(("127.0.0.1", 7000))
    past = socket.create_connection(("127.0.0.1", 5000))
    middle, _ = listener.accept()
    gone, _ = listener.accept()
    past.close()
    gone.close()
    datagram = socket.socket(type=socket.SOCK_DGRAM)
    datagram.bind(("127.0.0.1", 5353))
    server = socket.socket(socket.AF_UNIX)
    server.bind("\0recorded")
    server.listen(5)
    left = socket.socket(socket.AF_UNIX)
    left.connect("\0recorded")
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    ethernet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    names = locals()
    known = {
        name: os.fstat(value.fileno()).st_ino
        for name, value in names.items()
        if isinstance(value, socket.socket) and value.fileno() >= 0
    }
    (directory / "known.json").write_text(json.dumps(known, indent=1) + "\n")
    for family, protocol, table in sockets.TABLES:
        record(
            directory / table,
            netlink.NETLINK_SOCK_DIAG,
            sockets.SOCK_DIAG_BY_FAMILY,
            sockets.request(family, protocol),
        )
    body = unix_sockets._REQUEST.pack(1, 0, 0, 0xFFFFFFFF, 0, unix_sockets._SHOW)
    record(directory / "unix", netlink.NETLINK_SOCK_DIAG, sockets.SOCK_DIAG_BY_FAMILY, body)
    body = packet._REQUEST.pack(17, 0, 0, 0, packet._SHOW_INFO)
    try:
        record(directory / "packet", netlink.NETLINK_SOCK_DIAG, sockets.SOCK_DIAG_BY_FAMILY, body)
    except OSError as error:
        print("packet:", error)
    record(directory / "link", netlink.NETLINK_ROUTE, 18, interfaces._LINK.pack(0, 0, 0, 0, 0))
    record(directory / "address", netlink.NETLINK_ROUTE, 22, interfaces._ADDRESS.pack(0, 0, 0, 0, 0))
    for name in ("tcp", "tcp6", "udp", "unix", "raw", "packet", "dev", "snmp", "netstat", "snmp6"):
        (directory / f"proc_{name}").write_text(Path(f"/proc/net/{name}").read_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
