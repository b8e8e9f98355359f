"""Counters and settings of the network namespace: /proc/net/{snmp,netstat,snmp6} and /proc/sys/net."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_NET = "/proc/net/"
_SYS = "/proc/sys/"

_SETTINGS = (
    "net.core.somaxconn",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_abort_on_overflow",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_wmem",
    "net.ipv6.bindv6only",
    "net.ipv6.conf.all.disable_ipv6",
    "net.ipv6.conf.lo.disable_ipv6",
    "net.unix.max_dgram_qlen",
)

_V6_GROUPS = ("UdpLite6", "Icmp6", "Udp6", "Ip6")


def collect(context: Context, net: str = _NET, sys: str = _SYS) -> dict[str, Any]:
    """All counters, the settings that findings go by, and the host name (`answers.CountersValue`)."""
    values: dict[str, int] = {}
    for name, parse in (("snmp", pairs), ("netstat", pairs), ("snmp6", singles)):
        try:
            with open(net + name, encoding="ascii", errors="replace") as file:
                values.update(parse(file.read(1 << 20)))
        except FileNotFoundError:
            if name != "snmp6":  # it is absent where IPv6 is
                context.note("partial", f"{net}{name} is not there")
        except OSError as error:
            context.note("partial", f"{net}{name}: {error.strerror}")
    settings = {}
    for name in _SETTINGS:
        try:
            with open(sys + name.replace(".", "/"), encoding="ascii", errors="replace") as file:
                settings[name] = " ".join(file.read(4096).split())
        except OSError:
            continue  # not every kernel has every setting
    return {"values": values, "settings": settings, "hostname": os.uname().nodename, "localhost": localhost()}


def localhost(hosts: str = "/etc/hosts") -> list[str]:
    """Addresses of `localhost` in the order in which getaddrinfo() gives them.

    /etc/hosts is the kubelet's, the same in every container of the Pod. Where it does not have the name, nothing is
    said: the resolver would ask a name server, and may wait for it.
    """
    try:
        with open(hosts, encoding="utf-8", errors="replace") as file:
            names = {
                name
                for line in file.read(1 << 20).splitlines()
                for name in line.partition("#")[0].split()[1:]
            }
        if "localhost" not in names:
            return []
        answers = socket.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(address[0]) for _, _, _, _, address in answers]


def pairs(text: str) -> Iterator[tuple[str, int]]:
    """Counters of lines in pairs, ``Tcp: Name …`` and ``Tcp: 1 …``, as `Tcp.Name`."""
    lines = text.splitlines()
    for names, numbers in zip(lines[0::2], lines[1::2]):
        group, _, heads = names.partition(":")
        for name, number in zip(heads.split(), numbers.partition(":")[2].split()):
            try:
                yield f"{group}.{name}", int(number)
            except ValueError:
                continue


def singles(text: str) -> Iterator[tuple[str, int]]:
    """Counters of lines ``Ip6InReceives 1``, as `Ip6.InReceives`."""
    for line in text.splitlines():
        words = line.split()
        group = next((group for group in _V6_GROUPS if line.startswith(group)), None)
        if group is None or len(words) != 2:
            continue
        try:
            yield f"{group}.{words[0][len(group) :]}", int(words[1])
        except ValueError:
            continue
