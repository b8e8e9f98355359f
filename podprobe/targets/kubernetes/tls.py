"""TLS as the kubeconfig has it, for requests and streams alike."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from podprobe.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Tls:
    """What to check the API server by, and the client's certificate: one context for all connections of a kind.

    Args:
        wanted: the API server speaks TLS.
        verify: its certificate is checked.
        authority: by this, PEM; the system's authorities where absent.
        certificate: the client's, PEM.
        key: of the client's certificate, PEM.
    """

    def __init__(
        self, *, wanted: bool, verify: bool = True, authority: bytes | None = None,
        certificate: bytes | None = None, key: bytes | None = None,
    ) -> None:  # fmt: skip
        self._wanted = wanted
        self._verify = verify
        self._authority = authority
        self._shown = certificate, key
        self._lock = threading.Lock()
        self._made: dict[str, ssl.SSLContext] = {}

    def show(self, certificate: bytes, key: bytes) -> None:
        """Show the API server another certificate: connections made from now on."""
        with self._lock:
            if self._shown != (certificate, key):
                self._shown = certificate, key
                self._made.clear()

    @property
    def verifies(self) -> bool:
        """Whether certificates are checked at all."""
        return self._verify

    @property
    def requests(self) -> ssl.SSLContext | None:
        """For urllib3, which changes settings of the context that it is given. `None`: the server speaks plain HTTP."""
        return self._context("requests") if self._wanted else None

    @property
    def streams(self) -> ssl.SSLContext | None:
        """For WebSockets. `None`: the server speaks plain HTTP."""
        return self._context("streams") if self._wanted else None

    @property
    def proxy(self) -> ssl.SSLContext:
        """For a proxy that speaks TLS itself: checked as the API server is, as kubectl has it."""
        return self._context("proxy")

    def _context(self, purpose: str) -> ssl.SSLContext:
        with self._lock:
            if purpose not in self._made:
                try:
                    self._made[purpose] = _context(self._verify, self._authority, *self._shown)
                except (OSError, ValueError) as error:
                    raise TargetError(
                        f"the kubeconfig's certificates cannot be used: {error}",
                        "certificate-authority(-data), client-certificate(-data) and client-key(-data) have to be PEM, "
                        "and the key the certificate's",
                    ) from None
            return self._made[purpose]


@contextlib.contextmanager
def certificates() -> Iterator[Path]:
    """A directory to write a certificate and its key to, since OpenSSL reads a key from files only.

    Nobody else may look into it, it is in memory where the session has such a place (`$XDG_RUNTIME_DIR`), and it is
    gone as soon as they have been read, however the process ends later.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    there = runtime if Path(runtime).is_absolute() and os.access(runtime, os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(prefix="podprobe-", dir=there) as directory:
        yield Path(directory)


class _Shared(ssl.SSLContext):
    """For connections of many threads.

    urllib3 sets the application protocols anew before each connection. OpenSSL then frees the ones before, which
    another thread may just be copying: a connection is set up without Python's lock.
    """

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """They are set."""


def _context(
    verify: bool, authority: bytes | None, certificate: bytes | None, key: bytes | None
) -> ssl.SSLContext:
    """To read the system's own authorities takes 30 ms, and whoever is not to be verified needs none."""
    context = _Shared(ssl.PROTOCOL_TLS_CLIENT)
    ssl.SSLContext.set_alpn_protocols(context, ["http/1.1"])
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authority:
        # As kubectl has it: what the kubeconfig names is trusted, whether it is a root or signed by another.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # PEM is ASCII; what else a bundle holds are remarks between its certificates.
        context.load_verify_locations(cadata=authority.decode("ascii", "ignore"))
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if certificate:
        with certificates() as directory:
            pair = _file(directory / "certificate", certificate), _file(directory / "key", key or b"")
            # Without a password of its own OpenSSL would ask for one at the terminal.
            context.load_cert_chain(*pair, password="")
    return context


def _file(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
