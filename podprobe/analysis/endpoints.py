"""Reading endpoints back from a snapshot, which may come from a file and hold any text.

`podprobe.analysis.connections` writes them, from addresses that the kernel gave.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

ANY = frozenset({"0.0.0.0", "::", "*", ""})  # noqa: S104  # recognised, not bound


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
