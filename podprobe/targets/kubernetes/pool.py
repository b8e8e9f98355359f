"""Kept connections to the API server for requests, through the proxy where there is one.

They are urllib3's own, as the Kubernetes library's are. What that library adds (certificates, proxies, trying again) is
decided in this package already, as kubectl decides; and it takes 200 ms to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from podprobe.targets.kubernetes.kubeconfig import Connection

_MOST_KEPT = 16
"""Idle connections: as many as requests are under way at a time when many Pods are looked at."""


def pool(connection: Connection) -> urllib3.PoolManager:
    """The connections; none is made yet."""
    options: dict[str, Any] = {"maxsize": _MOST_KEPT}
    if connection.server_name:
        options["server_hostname"] = connection.server_name
    if not connection.tls.verifies:
        options["cert_reqs"] = "CERT_NONE"
        # The user's kubeconfig says so; kubectl does not repeat it at every request either.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    proxy = connection.proxy
    if proxy is None:
        return urllib3.PoolManager(**options)
    if proxy.is_socks:
        from urllib3.contrib.socks import SOCKSProxyManager

        return SOCKSProxyManager(proxy.for_library, **options)
    if proxy.scheme == "https":
        options["proxy_ssl_context"] = connection.tls.proxy
    return urllib3.ProxyManager(proxy.for_library, proxy_headers=proxy.headers, **options)
