"""The proxy on the way to the API server, decided once, as kubectl decides: for requests and streams alike."""

from __future__ import annotations

import base64
import ipaddress
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from podprobe.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_HOW = "the form is http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, and USER:PASSWORD@ before HOST"


@dataclass(frozen=True)
class Proxy:
    """A proxy, its credentials decoded."""

    scheme: str
    """`http` and `https` are asked to CONNECT; `socks5` resolves the API server's name itself, as kubectl has it."""
    host: str
    port: int
    user: str | None = None
    password: str = field(default="", repr=False)

    @property
    def is_socks(self) -> bool:
        """It speaks SOCKS 5."""
        return self.scheme.startswith("socks")

    @property
    def url(self) -> str:
        """Without the credentials: as an error may name it."""
        return f"{self.scheme}://{_bracketed(self.host)}:{self.port}"

    @property
    def for_library(self) -> str:
        """As urllib3 wants it: with credentials in it for SOCKS, which has no headers, and always asked for names."""
        if not self.is_socks:
            return self.url
        said = "" if self.user is None else f"{quote(self.user, safe='')}:{quote(self.password, safe='')}@"
        return f"socks5h://{said}{_bracketed(self.host)}:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """What an HTTP proxy knows its user by."""
        if self.user is None:
            return {}
        said = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return {"Proxy-Authorization": f"Basic {said}"}


def proxy_for(server: str, named: str | None, environment: Mapping[str, str] | None = None) -> Proxy | None:
    """The proxy to `server`; `None`: none.

    Args:
        server: URL of the API server.
        named: the kubeconfig's `proxy-url`: it holds whatever the environment says.
        environment: this process's, where not given: `HTTPS_PROXY` for https, `HTTP_PROXY` for http, but for what
            `NO_PROXY` excepts, and for this machine itself.

    Raises:
        TargetError: it is no proxy's URL.
    """
    if named:
        return _parse(named, "proxy-url of the kubeconfig")
    environment = os.environ if environment is None else environment
    target = urlsplit(server)
    variable = "HTTPS_PROXY" if target.scheme == "https" else "HTTP_PROXY"
    said = environment.get(variable) or environment.get(variable.lower())
    port = target.port or _PORTS.get(target.scheme, 80)
    if not said or _is_excepted(
        target.hostname or "", port, environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    ):
        return None
    return _parse(said if "://" in said else f"http://{said}", variable)


def _parse(url: str, source: str) -> Proxy:
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TargetError(f"{source} is no proxy's URL: {error}", _HOW) from None
    if parts.scheme not in _PORTS or not host:
        # The URL may hold a password: not repeated.
        raise TargetError(f"{source} names no proxy that can be used ({parts.scheme or 'no scheme'})", _HOW)
    return Proxy(
        parts.scheme,
        host,
        port or _PORTS[parts.scheme],
        None if parts.username is None else unquote(parts.username),
        unquote(parts.password or ""),
    )


def _is_excepted(host: str, port: int, rules: str) -> bool:
    """As Go has it: this machine itself, and what `NO_PROXY` lists: names, addresses, networks, with a port or not."""
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    for rule in (one.strip().lower() for one in rules.split(",")):
        if rule == "*":
            return True
        if rule and _matches(rule, host.lower(), port, address):
            return True
    return False


def _matches(
    rule: str, host: str, port: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None
) -> bool:
    if "/" in rule:
        try:
            return address is not None and address in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    if _address(rule) is None:
        name, colon, only = rule.rpartition(":")
        if colon and only.isdecimal():
            if int(only) != port:
                return False
            rule = name
    if address is not None:
        return _address(rule.strip("[]")) == address
    # `example.com` is it and all under it, `.example.com` and `*.example.com` what is under it.
    rule = rule.removeprefix("*")
    return host.endswith(rule) if rule.startswith(".") else host == rule or host.endswith(f".{rule}")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
