"""The Pod's network interfaces: loopback, and a veth pair to a second namespace that plays the outside world."""

from __future__ import annotations

import fcntl
import os
import socket
import struct

_RTM_NEWLINK = 16
_RTM_NEWADDR = 20
_REQUEST_ACK_CREATE = 0x1 | 0x4 | 0x400
_NLMSG_ERROR = 2
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFLA_IFNAME, _IFLA_LINKINFO, _IFLA_NET_NS_PID = 3, 18, 19
_INFO_KIND, _INFO_DATA, _VETH_INFO_PEER = 1, 2, 1
_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_LINK_HEADER = struct.pack("BxHiII", socket.AF_UNSPEC, 0, 0, 0, 0)


def bring_up(name: str) -> None:
    """Set an interface up. The kernel then gives `lo` the addresses 127.0.0.1 and ::1 by itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh22x", name.encode(), 0)
        flags = struct.unpack_from("16xh", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[0]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh22x", name.encode(), flags | _IFF_UP))


def add_veth(name: str, peer: str, peer_pid: int) -> None:
    """Make a veth pair: `name` here, `peer` in the network namespace of the process `peer_pid`.

    Raises:
        OSError: the kernel has no veth, or does not allow it.
    """
    other = _attribute(_IFLA_IFNAME, peer.encode() + b"\0")
    other += _attribute(_IFLA_NET_NS_PID, struct.pack("I", peer_pid))
    data = _attribute(_VETH_INFO_PEER, _LINK_HEADER + other)
    kind = _attribute(_INFO_KIND, b"veth") + _attribute(_INFO_DATA, data)
    name_and_kind = _attribute(_IFLA_IFNAME, name.encode() + b"\0") + _attribute(_IFLA_LINKINFO, kind)
    _request(_RTM_NEWLINK, _LINK_HEADER + name_and_kind)


def add_address(name: str, address: str, prefix: int) -> None:
    """Give an interface an IPv4 address."""
    header = struct.pack("BBBBi", socket.AF_INET, prefix, 0, 0, socket.if_nametoindex(name))
    packed = socket.inet_aton(address)
    _request(_RTM_NEWADDR, header + _attribute(_IFA_LOCAL, packed) + _attribute(_IFA_ADDRESS, packed))


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _request(kind: int, body: bytes) -> None:
    message = struct.pack("IHHII", 16 + len(body), kind, _REQUEST_ACK_CREATE, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as link:
        link.sendto(message, (0, 0))
        answer = link.recv(8192)
    _, answered = struct.unpack_from("IH", answer)
    code = struct.unpack_from("i", answer, 16)[0] if answered == _NLMSG_ERROR else 0
    if code:
        raise OSError(-code, os.strerror(-code), "netlink")
