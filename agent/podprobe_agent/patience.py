"""Calls that may never return (a filesystem whose server is gone), in threads that can be given up."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_MOST_STUCK = 4
_stuck: list[threading.Thread] = []


class Stuck(OSError):  # noqa: N818 - it is handled with the other errors of a filesystem
    """The call did not return in time, or was not made because too many before it never returned."""


def call(function: Callable[[], Any], seconds: float) -> Any:
    """The function's result, if it comes in time.

    The thread of a call that does not return is left behind: it sleeps in the kernel and ends with the agent. No
    more than four are.

    Raises:
        Stuck: it did not come; the text says so.
        OSError: what the function raised.
    """
    _stuck[:] = [thread for thread in _stuck if thread.is_alive()]
    if len(_stuck) >= _MOST_STUCK:
        raise Stuck(0, "not asked: other filesystems do not answer")
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((function(), None))
        except OSError as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(seconds, 0.0))
    if not outcome:
        _stuck.append(thread)
        raise Stuck(0, f"no answer within {seconds:.1f} s")
    result, error = outcome[0]
    if error is not None:
        raise error
    return result
