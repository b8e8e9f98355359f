"""The Pod: verdict, then each container with its state, restarts, CPU and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.report import units
from podprobe.tui import keys
from podprobe.tui.drawing import Line, Span, blank, cut, fit, length, role_of_share, said, spark
from podprobe.tui.drawing.marks import mark_of_container

if TYPE_CHECKING:
    from podprobe.model import Container
    from podprobe.tui.state import State

_SPARK = 8
_LEAST_CORES = 0.05
_LEAST_BYTES = 4 << 20
"""What the sparklines' height stands for at least: an idle container's noise is drawn flat."""
EVERYTHING = ("all containers",)
"""The target of the line that takes the focus off."""


def draw(state: State, width: int, height: int) -> list[Line]:
    """The panel at the left: two or three lines per container, as many as there is room for."""
    shown = [one for one in state.snapshot.containers if not _over(one)]
    over = [one for one in state.snapshot.containers if _over(one)]
    lines: list[Line] = [counts(state), blank()]
    roomy = len(lines) + 4 * len(shown) + bool(over) <= height
    if len(lines) + 3 * len(shown) > height:
        shown = _ailing_first(shown)
    for container in shown:
        lines += [_aim(line, container, width) for line in _container(state, container, width)]
        if roomy:
            lines.append(blank())
    lines += [_aim(line, one, width) for one in over for line in _heading(state, one, width)]
    return lines


def strip(state: State, width: int) -> list[Line]:
    """The same in one line, for a narrow terminal: what does not fit is counted."""
    line: Line = (Span(" "), *counts(state), Span(" │ ", "frame"))
    shown = _ailing_first([one for one in state.snapshot.containers if not _over(one)])
    for place, container in enumerate(shown):
        used, limit = _memory(container)
        memory = f" {units.size(used)}" if used is not None else ""
        role = role_of_share(used / limit if used is not None and limit else None)
        part: Line = (
            mark_of_container(container),
            Span(" "),
            said(container.name, "focus" if state.focus == container.name else "strong", limit=24),
            *_restarts(container),
            Span(memory, role),
            Span("  "),
        )
        part = tuple(piece._replace(target=keys.of_container(container)) for piece in part)
        left = len(shown) - place
        if length(line) + length(part) + (6 if left > 1 else 0) > width:
            line = (*line, Span(f"+{left} more", "dim"))
            break
        line = (*line, *part)
    return [cut(line, width)]


def _ailing_first(shown: list[Container]) -> list[Container]:
    """For where not all have room: in the Pod's order, but what does not run or is not ready before the rest."""
    return sorted(shown, key=lambda one: one.state == "running" and one.ready is not False)


def counts(state: State) -> Line:
    """How many findings of each severity."""
    by = {"critical": 0, "warning": 0, "info": 0}
    for finding in state.snapshot.findings:
        by[finding.severity] += 1
    if state.declared:
        return (Span("◌ no agent has answered yet", "dim"),)
    if not state.snapshot.findings:
        return (Span("● nothing found", "ok"),)
    spans: list[Span] = []
    if by["critical"]:
        spans.append(Span(f" ✖ {by['critical']} ", "badge-critical"))
        spans.append(Span(" "))
    if by["warning"]:
        spans.append(Span(f" ▲ {by['warning']} ", "badge-warning"))
        spans.append(Span(" "))
    if by["info"]:
        spans.append(Span(f"· {by['info']}", "info"))
    return tuple(spans)


def _over(container: Container) -> bool:
    """Init containers that have done their work, and debug containers."""
    return (container.kind == "init" and container.state == "terminated") or container.kind == "ephemeral"


def _aim(line: Line, container: Container, width: int) -> Line:
    return tuple(piece._replace(target=keys.of_container(container)) for piece in fit(line, width))


def _container(state: State, container: Container, width: int) -> list[Line]:
    lines = _heading(state, container, width)
    if container.cgroup is None and container.state != "running":
        return lines
    key = keys.of_container(container)
    cpu = state.history.series(key, "cpu")
    now = cpu[-1] if cpu else None
    throttled = container.cgroup.cpu_throttled_ratio if container.cgroup else None
    role = "warning" if throttled is not None and throttled >= 0.25 else ""
    cells = _SPARK - 3 if role else _SPARK
    known = [value for value in cpu if value is not None]
    value = f"{now:.2f}" if now is not None else units.ABSENT
    lines.append(
        (
            Span("  cpu ", "dim"),
            Span(spark(cpu, cells, _LEAST_CORES) if known else "·" * cells, "plot" if known else "dim"),
            Span(f" {value}", "" if now is not None else "dim"),
            Span(f" ▲ thr {units.ratio(throttled)}" if role else "", role),
        )
    )
    used, limit = _memory(container)
    memory = state.history.series(key, "memory")
    share = used / limit if used is not None and limit else None
    text = units.ABSENT if used is None else _short(used) + (f"/{_short(limit)}" if limit else "")
    mark = {"critical": " ✖", "warning": " ▲"}.get(role_of_share(share), "")
    lines.append(
        (
            Span("  mem ", "dim"),
            Span(
                spark(memory, _SPARK, _LEAST_BYTES) if used is not None else "·" * _SPARK,
                "plot" if used is not None else "dim",
            ),
            Span(f" {text}{mark}", role_of_share(share) or ("dim" if used is None else "")),
        )
    )
    return lines


def _heading(state: State, container: Container, width: int) -> list[Line]:
    focus = state.focus == container.name
    what = container.state_reason or container.state
    if container.state == "running":
        what = {True: "ready", False: "not ready", None: "running"}[container.ready]
    role = "dim" if container.state == "running" and container.ready is not False else "warning"
    if container.state == "terminated" and _over(container):
        role = "dim"
    kind = {"sidecar": " side", "init": " init", "ephemeral": " debug"}.get(container.kind, "")
    tail: Line = (said(f" {what}{kind}", role), *_restarts(container))
    name = said(("▸" if focus else "") + container.name, "focus" if focus else "strong")
    head: Line = (mark_of_container(container), Span(" "), name)
    if length(head) + length(tail) <= width:
        return [(*head, *tail)]
    return [cut(head, width), cut((Span(" "), *tail), width)]


def _restarts(container: Container) -> Line:
    if not container.restarts:
        return ()
    return (Span(f" ↻{container.restarts}", "warning"),)


def _memory(container: Container) -> tuple[int | None, int | None]:
    group = container.cgroup
    if group is None:
        return None, container.resources.memory_limit_bytes
    used = group.memory_bytes if group.memory_working_set_bytes is None else group.memory_working_set_bytes
    return used, group.memory_limit_bytes or container.resources.memory_limit_bytes


def _short(count: int) -> str:
    """Bytes in as few cells as they fit in: `12M`, `1.5G`."""
    return units.size(count).replace(" ", "").replace("iB", "")
