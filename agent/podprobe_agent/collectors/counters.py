"""Counters and settings of the network namespace: /proc/net/{snmp,netstat,snmp6} and /proc/sys/net."""

from __future__ import annotations

import functools
import os
import socket
import time

from podprobe_agent import procfs

TYPE_CHECKING = False
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

_SETTLED_SECONDS = 5.0
"""Settings and the name `localhost` are read again after this long."""
_settled: tuple[float, dict[str, str], list[str]] | None = None

_V6_GROUPS = ("UdpLite6", "Icmp6", "Udp6", "Ip6")


def collect(context: Context, net: str = _NET, sys: str = _SYS) -> dict[str, Any]:
    """All counters, the settings that findings go by, and the host name (`answers.CountersValue`)."""
    values: dict[str, int] = {}
    for name, parse in (("snmp", pairs), ("netstat", pairs), ("snmp6", singles)):
        try:
            values.update(parse(procfs.read(net + name).decode("ascii", "replace")))
        except FileNotFoundError:
            if name != "snmp6":  # it is absent where IPv6 is
                context.note("partial", f"{net}{name} is not there")
        except OSError as error:
            context.note("partial", f"{net}{name}: {error.strerror}")
    settings, addresses = _settled_values(sys)
    return {"values": values, "settings": settings, "hostname": os.uname().nodename, "localhost": addresses}


def _settled_values(sys: str) -> tuple[dict[str, str], list[str]]:
    """Settings by name and the addresses of `localhost`: twenty files that change when somebody changes them."""
    global _settled  # noqa: PLW0603 - that is what is remembered
    now = time.monotonic()
    if _settled is None or sys != _SYS or now - _settled[0] > _SETTLED_SECONDS:
        _settled = now, _settings(sys), localhost()
    return _settled[1], _settled[2]


def _settings(sys: str) -> dict[str, str]:
    settings = {}
    for name in _SETTINGS:
        try:
            with open(sys + name.replace(".", "/"), encoding="ascii", errors="replace") as file:
                settings[name] = " ".join(file.read(4096).split())
        except OSError:
            continue  # not every kernel has every setting
    return settings


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
        # As bytes: text would import the tables of international names, 300 KiB, for a word without any.
        answers = socket.getaddrinfo(b"localhost", None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(address[0]) for _, _, _, _, address in answers]


def pairs(text: str) -> Iterator[tuple[str, int]]:
    """Counters of lines in pairs, ``Tcp: Name …`` and ``Tcp: 1 …``, as `Tcp.Name`."""
    lines = text.splitlines()
    for names, numbers in zip(lines[0::2], lines[1::2]):
        try:
            yield from zip(_names(names), map(int, numbers.partition(":")[2].split()))
        except ValueError:
            continue


@functools.lru_cache(maxsize=32)
def _names(line: str) -> list[str]:
    """The names of such a line, which are the same in every look."""
    group, _, heads = line.partition(":")
    return [f"{group}.{name}" for name in heads.split()]


def singles(text: str) -> Iterator[tuple[str, int]]:
    """Counters of lines ``Ip6InReceives 1``, as `Ip6.InReceives`."""
    for line in text.splitlines():
        words = line.split()
        name = _single(words[0]) if len(words) == 2 else None
        if name is None:
            continue
        try:
            yield name, int(words[1])
        except ValueError:
            continue


@functools.lru_cache(maxsize=512)
def _single(word: str) -> str | None:
    """`Ip6.InReceives` of `Ip6InReceives`; `None` for a group that is not wanted."""
    group = next((group for group in _V6_GROUPS if word.startswith(group)), None)
    return None if group is None else f"{group}.{word[len(group) :]}"
