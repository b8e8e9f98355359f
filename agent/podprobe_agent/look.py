"""A look: ask one collector after the other, and send what each yields as it comes."""

from __future__ import annotations

import time
from threading import Thread

from podprobe_agent import collectors, protocol
from podprobe_agent.collectors.context import Context
from podprobe_agent.output import Parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event
    from typing import Any

    from podprobe_agent.output import Output

_BESIDE = "inet"
_MANY = 2000
_BY_PROCESS = {"processes": 8, "fds": 2, "open_files": 1, "maps": 2, "semaphore_waiters": 1, "locks": 1}
"""Areas that take the longer the more processes there are, in their order, with their shares of the time."""
_PASSED_ON = ("walk", "walk_seconds", "walk_entries", "redact", "seconds", "root_pid")


def run(arguments: dict[str, Any], request: int, output: Output, cancelled: Event) -> None:
    """Answer ``{"verb": "look", "areas": [...], ...}``; further arguments are those of `Context`."""
    started = time.monotonic()
    taken_at = time.time()
    options = {name: arguments[name] for name in _PASSED_ON if name in arguments}
    context = Context(cancelled=cancelled, **options)
    areas = arguments["areas"]
    beside = _start_beside(areas, context, request, output)
    for area, left in _in_order(areas, context.deadline):
        if beside is not None and area == _BESIDE:
            continue
        context.area, context.deadline = area, time.monotonic() + left
        _collect(area, context, request, output)
        if cancelled.is_set():
            break
    if beside is not None:
        beside.join()
    end = {
        "visibility": context.notes,
        "duration_us": int((time.monotonic() - started) * 1e6),
        "taken_at": taken_at,
    }
    output.send_json(protocol.END, request, end)


def _in_order(areas: list[str], deadline: float) -> Iterator[tuple[str, float]]:
    """The areas in the order in which they are collected, and the seconds that each may take.

    What goes through all processes comes last, and shares the time that is left: ten thousands of processes must not
    keep the rest from being seen.
    """
    for area in areas:
        if area not in _BY_PROCESS:
            yield area, deadline - time.monotonic()
    wanted = [area for area in _BY_PROCESS if area in areas]
    for place, area in enumerate(wanted):
        share = _BY_PROCESS[area] / sum(_BY_PROCESS[other] for other in wanted[place:])
        yield area, (deadline - time.monotonic()) * share


def _start_beside(areas: list[str], context: Context, request: int, output: Output) -> Thread | None:
    """Begin to list the sockets while this thread goes through the processes, where there were many the last time.

    Both wait for the kernel most of the time, so it takes as long as the longer one. Few are not worth a thread.
    """
    if _BESIDE not in areas or len(areas) < 2 or collectors.sockets_before() < _MANY:
        return None
    thread = Thread(target=_collect, args=(_BESIDE, context.beside(_BESIDE), request, output), daemon=True)
    thread.start()
    return thread


def _collect(area: str, context: Context, request: int, output: Output) -> None:
    """One area. Whatever goes wrong in its collector is a note, and the look goes on."""
    parts = Parts(output, request, area)
    begun = False
    try:
        collector = collectors.load(area)
        answer = collector(context)
        if isinstance(answer, dict):
            output.send_json(protocol.PART, request, {"area": area, "value": answer})
            return
        for piece in answer:
            parts.add(piece)
            begun = True
    except KeyError as error:
        reason = f"this agent knows no area {area}" if error.args == (area,) else _describe(error)
        context.note("partial" if begun else "none", reason)
    except Exception as error:  # noqa: BLE001  # a collector never fails the look
        context.note("partial" if begun else "none", _describe(error))
    parts.flush()


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}"
    return f"the collector failed: {type(error).__name__}: {error}"
