"""A session's questions to the administration ports of proxies: asked beside a look, every few seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from podprobe.analysis.proxies.admin import admin, places
from podprobe.analysis.proxies.programs import proxies
from podprobe.errors import LookError
from podprobe.model import ProxyAdmin

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from podprobe.agents.answers import AdminPiece
    from podprobe.agents.client import Agent
    from podprobe.model import Snapshot
    from podprobe.targets.base import AgentSet

    Asked = dict[str, tuple[str, Future[dict[str, AdminPiece]]]]

_EVERY_SECONDS = 5.0
_AGAIN_SECONDS = 60.0
"""After an answer that was no Envoy's."""
_TIMEOUT_SECONDS = 3.0


class Administrator:
    """Asks proxies, look after look.

    Args:
        pool: where questions wait for their answers.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._told: dict[str, tuple[float, ProxyAdmin]] = {}
        """By container, with when it is to be asked again."""

    def start(self, connected: AgentSet, known: Snapshot) -> Asked:
        """Ask the proxies of `known`. Does not wait."""
        now = time.monotonic()
        found = places(known, known.proxies or proxies(known))
        self._told = {name: told for name, told in self._told.items() if name in found}
        asked: Asked = {}
        for name, address in found.items():
            agent = connected.agents.get(name) or next(iter(connected.agents.values()), None)
            if agent is not None and (name not in self._told or self._told[name][0] <= now):
                asked[name] = (address, self._pool.submit(_ask, agent, address))
        return asked

    def finish(self, asked: Asked) -> dict[str, ProxyAdmin]:
        """Wait for what was started; with it, what was told lately."""
        for name, (address, future) in asked.items():
            try:
                told = admin(address, future.result())
            except LookError as error:
                told = ProxyAdmin(address=address, error=error.message)
            pause = _AGAIN_SECONDS if told.version is None else _EVERY_SECONDS
            self._told[name] = (time.monotonic() + pause, told)
        return {name: told for name, (_, told) in self._told.items()}


def _ask(agent: Agent, address: str) -> dict[str, AdminPiece]:
    return agent.admin(address, timeout=_TIMEOUT_SECONDS)
