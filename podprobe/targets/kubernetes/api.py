"""Requests to the API server: JSON in, structs out, every wait bounded, every failure translated."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

import msgspec
import urllib3

from podprobe.targets.kubernetes.failures import refused, unreachable
from podprobe.targets.kubernetes.objects import read
from podprobe.targets.kubernetes.pool import pool
from podprobe.targets.kubernetes.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from podprobe.targets.kubernetes.asks import Ask
    from podprobe.targets.kubernetes.failures import ApiError
    from podprobe.targets.kubernetes.kubeconfig import Connection

T = TypeVar("T")

MAX_LINE = 8 << 20
"""Longest line of a watch in bytes; an object in etcd has at most 1.5 MiB."""
_STRATEGIC = "application/strategic-merge-patch+json"


class _Event(msgspec.Struct, frozen=True):
    type: str


class Api:
    """The API server, spoken to as one user. Thread-safe: connections come from a pool.

    Args:
        connection: where, and as whom.
        request_timeout: seconds that one request may take, waiting for a throttling server included.
    """

    def __init__(self, connection: Connection, request_timeout: float = 30.0) -> None:
        self.connection = connection
        self.request_timeout = request_timeout
        self.recent = Recent()
        self._http = pool(connection)
        self._shown: Any = None
        self._use_certificates()

    @property
    def server(self) -> str:
        """Its URL."""
        return self.connection.server

    def get(self, ask: Ask, kind: type[T], **query: str | None) -> T:
        """Read an object or a list.

        Raises:
            ApiError: with the status of the answer; see `failures`.
        """
        return read(self._send("GET", ask, query), kind, self.server)

    def recently(self, ask: Ask, kind: type[T], **query: str) -> T:
        """As `get`, or as it was got for another Pod a moment ago.

        Raises:
            ApiError: as of `get`.
        """
        return self.recent.get((ask, *sorted(query.items())), lambda: self.get(ask, kind, **query))

    def raw(self, path: str, kind: type[T]) -> T:
        """Read what is no resource: `/version`."""
        from podprobe.targets.kubernetes.asks import Ask

        return read(self._send("GET", Ask("get", path), {}, path=path), kind, self.server)

    def patch(self, ask: Ask, body: Mapping[str, Any], kind: type[T], **query: str | None) -> T:
        """Merge `body` into an object, lists by their merge keys."""
        return read(self._send("PATCH", ask, query, body, _STRATEGIC), kind, self.server)

    def create(self, ask: Ask, body: Mapping[str, Any], kind: type[T]) -> T:
        """Post an object."""
        return read(self._send("POST", ask, {}, body), kind, self.server)

    def watch(self, ask: Ask, kind: type[T], seconds: float, **query: str | None) -> Iterator[T]:
        """Events as they come, for at most `seconds`. Ends early when the server ends the watch.

        An event of type ERROR, whose object is a `Status` (mostly 410: too old a resource version), is such an end.
        """
        deadline = time.monotonic() + seconds
        query = {**query, "watch": "true", "timeoutSeconds": str(max(1, int(seconds + 0.999)))}
        response = self._open("GET", ask, query, None, "", timeout=seconds, stream=True)
        buffer = bytearray()
        try:
            for part in response.stream(65536):
                buffer += part
                *lines, rest = buffer.split(b"\n")
                buffer = bytearray(rest)
                for line in lines:
                    if read(bytes(line), _Event, self.server).type == "ERROR":
                        return
                    yield read(bytes(line), kind, self.server)
                if len(buffer) > MAX_LINE or time.monotonic() > deadline:
                    return
        except OSError as error:
            raise self.unreachable(error, seconds) from None
        except Exception as error:
            # urllib3's own errors: a read that timed out is the end of the watch, not a failure.
            if type(error).__name__ == "ReadTimeoutError":
                return
            if type(error).__module__.startswith("urllib3"):
                raise self.unreachable(error, seconds) from None
            raise
        finally:
            response.close()

    def unreachable(self, error: BaseException, seconds: float) -> ApiError:
        """The error for a request that got no answer within `seconds`."""
        return unreachable(self.server, error, seconds, self.connection.proxy)

    def close(self) -> None:
        """Close idle connections."""
        self._http.clear()

    def _use_certificates(self) -> None:
        """Make new connections with the certificate that holds now: a plugin may have given another."""
        context = self.connection.tls.requests
        if context is not self._shown:
            self._http.connection_pool_kw["ssl_context"] = self._shown = context
            self._http.clear()

    def _send(
        self,
        method: str,
        ask: Ask,
        query: Mapping[str, str | None],
        body: Any = None,
        content: str = "",
        path: str = "",
    ) -> bytes:
        response = self._open(method, ask, query, body, content, path=path)
        data: bytes = response.data
        return data

    def _open(
        self, method: str, ask: Ask, query: Mapping[str, str | None], body: Any, content: str,
        *, timeout: float | None = None, stream: bool = False, path: str = "",
    ) -> Any:  # fmt: skip
        limit = timeout or self.request_timeout
        deadline = time.monotonic() + limit
        said = {name: value for name, value in query.items() if value is not None}
        url = self.server + (path or ask.path) + ("?" + urlencode(said) if said else "")
        payload = None if body is None else msgspec.json.encode(body)
        again, renewed = method == "GET", False
        while True:
            asked = time.monotonic()
            identity = self.connection.headers()
            # A plugin has its own limit: it may have asked somebody for a password.
            deadline += time.monotonic() - asked
            self._use_certificates()
            left = max(0.1, deadline - time.monotonic())
            headers = [
                ("Accept", "application/json"), ("Content-Type", content or "application/json"),
                ("User-Agent", "podprobe"), *((name, _as_sent(value)) for name, value in identity),
            ]  # fmt: skip
            try:
                response = self._http.request(
                    method, url, body=payload, headers=urllib3.HTTPHeaderDict(headers), preload_content=not stream,
                    timeout=urllib3.Timeout(total=left), retries=False, redirect=False,
                )  # fmt: skip
            except (urllib3.exceptions.ProtocolError, ConnectionError) as error:
                # A server that restarts closes kept connections: one of them fails once, a new one may not.
                if not again or time.monotonic() > deadline:
                    raise self.unreachable(error, limit) from None
                again = False
                continue
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise self.unreachable(error, limit) from None
            if response.status < 400:
                return response
            if response.status == 401 and not renewed and self.connection.renew(asked):
                renewed = True
                response.drain_conn()
                continue
            wait = _seconds(response.headers.get("Retry-After")) if response.status in (429, 503) else None
            if wait is not None and time.monotonic() + wait < deadline:
                response.drain_conn()
                time.sleep(wait)
                continue
            raise refused(ask, response.status, response.data, response.headers, self.server)


def _as_sent(value: str) -> str:
    """The HTTP library sends each letter as a byte of Latin-1; Kubernetes reads UTF-8."""
    return value.encode().decode("latin-1")


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
