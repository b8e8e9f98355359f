"""What a thing is called at the top of its details, and in links to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from podprobe.analysis.proxies.wording import place, sentence
from podprobe.analysis.words import OUTSIDE, UNKNOWN, nobody
from podprobe.tui.details import objects
from podprobe.tui.drawing import Line, Span, mark_of_health, mark_of_severity, said
from podprobe.tui.drawing.marks import mark_of_container

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.tui import keys
    from podprobe.tui.details.objects import Found


def title(found: Found) -> Line:
    """Mark, kind and name."""
    name = said(_name(found), "strong")
    kind = Span(f"{objects.title_of(found.key)} ", "dim")
    item: Any = found.item
    match str(found.key[0]):
        case "finding":
            return (
                mark_of_severity(item.severity),
                Span(" "),
                said(item.code),
                Span("  "),
                said(item.title, "strong"),
            )
        case "channel":
            return mark_of_health(item.health), Span(" "), kind, name
        case "container":
            return mark_of_container(item), Span(" "), kind, name
    return kind, name


def _name(found: Found) -> str:
    key = found.key
    write = _NAMES.get(str(key[0]))
    return write(key, found.item) if write else " ".join(str(part) for part in key[1:] if part is not None)


def _sysv_name(key: keys.Key, item: Any) -> str:
    return f"{item.key} (id {key[1]})"


_NAMES: dict[str, Callable[[keys.Key, Any], str]] = {
    "listener": lambda key, _: f"{key[1]} {_bracketed(str(key[2]))}:{key[3]}",
    "flow": lambda key, _: f"{key[3] or key[6] or nobody(key[2])} → {key[4] or nobody(key[2])} {key[5]}",
    "connection": lambda key, _: f"{key[2]} → {key[3]}",
    "traffic": lambda key, _: f"of {key[1] or UNKNOWN}, {key[2]}",
    "channel": lambda key, _: f"{key[1]} {key[4]}: {key[2] or 'outside'} → {key[3] or 'outside'}",
    "unix": lambda key, item: item.path or f"inode {key[1]}",
    "latency": lambda key, item: f"{key[1] or UNKNOWN} → {item.to_container or ''} {key[2]}",
    "shared-memory": _sysv_name,
    "semaphore": _sysv_name,
    "message-queue": _sysv_name,
    "path": lambda _, item: sentence(item),
    "leg": lambda _, item: f"{item.from_container or OUTSIDE} → {place(item)}",
    "upstream": lambda key, _: f"{key[2]} of {key[1]}",
    "bypass": lambda key, _: f"{key[2]} {key[3]}",
    "service": lambda key, _: f"{key[1]}:{key[2]}" if len(key) > 2 else str(key[1]),
    "lookup": lambda key, _: f"{key[1]} {key[2]}",
    "dns": lambda key, _: "of " + ", ".join(str(part) for part in key[1:]),
    "reach": lambda key, _: f"{key[2]}/{key[1]}",
    "dev-shm": lambda key, _: "of " + ", ".join(str(part) for part in key[1:]),
    "process": lambda key, item: f"{item.name} {key[2]} in {key[1]}",
    "posix-shared-memory": lambda key, _: str(key[1]),
}


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
