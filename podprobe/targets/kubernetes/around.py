"""What a Pod's namespace has to do with it, asked while other things go on."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from podprobe.targets.kubernetes.events import probe_failures
from podprobe.targets.kubernetes.policies import policies_of
from podprobe.targets.kubernetes.services import services_of

if TYPE_CHECKING:
    from podprobe.model import NetworkPolicy, Service, Visibility
    from podprobe.targets.kubernetes.api import Api
    from podprobe.targets.kubernetes.events import Failures
    from podprobe.targets.kubernetes.objects import Pod

_SECONDS = 10.0
"""How long a Pod's Services and NetworkPolicies are taken from memory: four lists a second would be a burden on a
large namespace."""


@dataclass(frozen=True)
class Known:
    """Of a Pod's namespace, what concerns it."""

    services: tuple[Service, ...]
    policies: tuple[NetworkPolicy, ...]
    failures: Failures | None
    """Of its probes; `None` where the events may not be read."""
    notes: tuple[Visibility, ...]
    """What of it could not be seen."""


class Around:
    """Asks for one Pod, and remembers.

    Args:
        api: the API server.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="around")
        self._asked: tuple[float, Future[Known]] | None = None

    def ask(self, pod: Pod) -> Future[Known]:
        """What is known, or will be in a moment. Does not wait."""
        now = time.monotonic()
        if self._asked is None or now - self._asked[0] > _SECONDS:
            self._asked = now, self._pool.submit(_read, self._api, pod)
        return self._asked[1]

    def forget(self) -> None:
        """It is another Pod now."""
        self._asked = None

    def close(self) -> None:
        """Ask no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _read(api: Api, pod: Pod) -> Known:
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="events") as pool:
        asked = pool.submit(probe_failures, api, pod)
        services, notes = services_of(api, pod)
        policies, more = policies_of(api, pod)
        failures, unseen = asked.result()
    return Known(services, policies, failures, (*notes, *more, *unseen))
