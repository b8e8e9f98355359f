"""What several Pods' looks ask the API server for alike, asked once."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Recent:
    """Remembers for a few seconds, failures too. Thread-safe: who asks while another does waits for that answer.

    A hundred Pods of a namespace would else list its Services a hundred times in a minute.

    Args:
        seconds: how long.
    """

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[float, Future[Any]]] = {}

    def get(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What `ask` gives, or gave.

        Raises:
            Exception: what `ask` raises, or raised.
        """
        with self._lock:
            now = time.monotonic()
            for old in [one for one, (since, _) in self._known.items() if now - since > self._seconds]:
                del self._known[old]
            known = self._known.get(key)
            if known is None:
                answer: Future[T] = Future()
                self._known[key] = now, answer
        if known is not None:
            found: T = known[1].result()
            return found
        try:
            answer.set_result(ask())
        except BaseException as error:  # noqa: BLE001  # whoever waits for it is told
            answer.set_exception(error)
        return answer.result()
