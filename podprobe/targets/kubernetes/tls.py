"""TLS as the kubeconfig has it, for requests and streams alike."""

from __future__ import annotations

import ssl
from typing import Any

from podprobe.errors import TargetError


def context_of(configuration: Any) -> ssl.SSLContext | None:
    """What to check the API server by, and the client's certificate; `None` where the server speaks plain HTTP.

    Made once and shared by connections: to read the system's own authorities takes 30 ms, and whoever is not to be
    verified needs none.

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


def _context(configuration: Any) -> ssl.SSLContext:
    if configuration.verify_ssl:
        context = ssl.create_default_context(
            cafile=configuration.ssl_ca_cert, cadata=configuration.ca_cert_data
        )
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context
