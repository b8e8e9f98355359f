"""TLS as the kubeconfig has it, for requests and streams alike."""

from __future__ import annotations

import contextlib
import os
import ssl
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podprobe.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Tls:
    """What to check the API server by, and the client's certificate: one context for all connections of a kind.

    Each of the two is `None` where the server speaks plain HTTP.

    Args:
        configuration: `kubernetes.client.Configuration`.
    """

    def __init__(self, configuration: Any) -> None:
        self._configuration = configuration

    @cached_property
    def requests(self) -> ssl.SSLContext | None:
        """For urllib3, which changes settings of the context that it is given."""
        return _context_of(self._configuration)

    @cached_property
    def streams(self) -> ssl.SSLContext | None:
        """For WebSockets."""
        return _context_of(self._configuration)


@contextlib.contextmanager
def certificates() -> Iterator[str]:
    """A directory for the library to write the kubeconfig's certificates and keys to, since OpenSSL reads files only.

    Nobody else may look into it, it is in memory where the session has such a place (`$XDG_RUNTIME_DIR`), and it is
    gone as soon as the certificates have been read, however the process ends later.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    there = runtime if Path(runtime).is_absolute() and os.access(runtime, os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(prefix="podprobe-", dir=there) as directory:
        yield directory


def _context_of(configuration: Any) -> ssl.SSLContext | None:
    """To read the system's own authorities takes 30 ms, and whoever is not to be verified needs none.

    Raises:
        TargetError: the certificates of the kubeconfig cannot be read, or are none.
    """
    if not configuration.host.startswith("https"):
        return None
    try:
        return _context(configuration)
    except (OSError, ValueError) as error:
        raise TargetError(
            f"the kubeconfig's certificates cannot be used: {error}",
            "certificate-authority(-data), client-certificate(-data) and client-key(-data) have to be PEM, and the key "
            "the certificate's",
        ) from None


class _Shared(ssl.SSLContext):
    """For connections of many threads.

    urllib3 sets the application protocols anew before each connection. OpenSSL then frees the ones before, which
    another thread may just be copying: a connection is set up without Python's lock.
    """

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """They are set."""


def _context(configuration: Any) -> ssl.SSLContext:
    context = _Shared(ssl.PROTOCOL_TLS_CLIENT)
    ssl.SSLContext.set_alpn_protocols(context, ["http/1.1"])
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif configuration.ssl_ca_cert or configuration.ca_cert_data:
        # As kubectl has it: what the kubeconfig names is trusted, whether it is a root or signed by another.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
