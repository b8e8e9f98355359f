"""One connection to a cluster for all targets of this process that are open at the same time.

Reading a kubeconfig costs 25 ms, a credential plugin may take seconds and ask for a password, and each TLS handshake
costs both ends: with a hundred Pods that should happen once.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from podprobe.targets.kubernetes.api import Api
from podprobe.targets.kubernetes.kubeconfig import connect

if TYPE_CHECKING:
    from podprobe.targets.access import Access
    from podprobe.targets.kubernetes.kubeconfig import Connection

_lock = threading.Lock()
_open: dict[tuple[Any, ...], _SharedApi] = {}


class _SharedApi(Api):
    """Closes when the last of those who share it does."""

    def __init__(self, key: tuple[Any, ...], connection: Connection, request_timeout: float) -> None:
        super().__init__(connection, request_timeout)
        self._key = key
        self.users = 0

    def close(self) -> None:
        """Give it back."""
        with _lock:
            self.users -= 1
            if self.users > 0:
                return
            _open.pop(self._key, None)
        super().close()


def shared_api(access: Access) -> Api:
    """The API server as one user. Each who gets it closes it once.

    Raises:
        TargetError, AccessError: as of `kubeconfig.connect`.
    """
    key = (access.context, access.kubeconfig, access.as_user, access.as_groups, access.request_timeout)
    with _lock:
        api = _open.get(key)
        if api is None:
            connection = connect(
                context=access.context,
                kubeconfig=access.kubeconfig,
                as_user=access.as_user,
                as_groups=access.as_groups,
            )
            api = _open[key] = _SharedApi(key, connection, access.request_timeout)
        api.users += 1
        return api
