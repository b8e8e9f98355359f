"""Endpoints, an address and a port in one word: written from what the kernel gave, and read back from a snapshot.

A snapshot may come from a file, and then holds any text.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

ANY = frozenset({"0.0.0.0", "::", "*", ""})  # noqa: S104  # recognised, not bound


def endpoint(address: str, port: int) -> str:
    """`127.0.0.1:80`, `[::1]:80`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@lru_cache(maxsize=65536)
def plain(address: str) -> str:
    """The address without IPv4 mapping: what a dual-stack socket calls ::ffff:1.2.3.4 its peer calls 1.2.3.4."""
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def reached_at(address: str, v6_only: bool | None) -> str:
    """Where to connect to reach a listener from inside the Pod."""
    if address == "0.0.0.0":  # noqa: S104  # compared with, not bound to
        return "127.0.0.1"
    if address == "::":
        # A dual-stack listener takes IPv4 too, and the Pod may have no IPv6 loopback.
        return "::1" if v6_only else "127.0.0.1"
    return plain(address)


def split(endpoint: str) -> tuple[str, int | None]:
    """Address and port of an endpoint; the port is `None` where there is none that could be read."""
    address, colon, port = endpoint.rpartition(":")
    if not colon:
        return endpoint, None
    number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else None
    return address.removeprefix("[").removesuffix("]"), number


def is_any(address: str) -> bool:
    """A socket bound to it answers on every address."""
    return address in ANY


@lru_cache(maxsize=4096)
def is_loopback(address: str) -> bool:
    """127.0.0.0/8, ::1, IPv4 loopback mapped into IPv6, and the name `localhost`; anything else is not."""
    if address == "localhost":
        return True
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)
