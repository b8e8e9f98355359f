"""Endpoints by the words of a user: `5000`, `localhost:5000`, `/run/app.sock`, `http://localhost:5000/health`."""

from __future__ import annotations

from urllib.parse import quote, unquote

HTTP, HTTP_UNIX, HTTPS = "http://", "http+unix://", "https://"


def url(place: str, path: str) -> str:
    """The URL of an endpoint or a unix socket."""
    if place.startswith(("/", "@")):
        return f"{HTTP_UNIX}{quote(place, safe='')}{path}"
    return f"{HTTP}{place}{path}"


def socket_path(to: str) -> str | None:
    """The path or `@name` of the unix socket that words or a URL mean; `None` where they mean none."""
    if to.startswith(("/", "@")):
        return to
    if to.startswith(HTTP_UNIX):
        return unquote(to.removeprefix(HTTP_UNIX).partition("/")[0])
    return None


def with_socket_path(to: str, path: str) -> str:
    """The same words or URL with another path of the socket."""
    if not to.startswith(HTTP_UNIX):
        return path
    asked = to.removeprefix(HTTP_UNIX).partition("/")[2]
    return url(path, f"/{asked}")


def place(to: str) -> tuple[str | None, int] | None:
    """Host and port of `5000`, `HOST:PORT`, `[V6]:PORT` or a URL; the host is `None` where only a port is said.

    Returns:
        `None` where they are none. `localhost` stays that word: which address it is depends on who listens.
    """
    default = ""
    for scheme, port in ((HTTP, "80"), (HTTPS, "443")):
        if to.lower().startswith(scheme):
            to, default = to[len(scheme) :].partition("/")[0].partition("?")[0], port
    host, colon, port = to.rpartition(":")
    if default and (not colon or to.endswith("]")):
        host, port = to, default
    if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
        return None
    host = host.strip("[]").lower()
    return (host or None) if colon or default else None, int(port)
