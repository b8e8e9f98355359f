"""What was not seen is told by its cause."""

from __future__ import annotations

from msgspec.structs import replace

from podprobe.model import Visibility
from podprobe.report import render
from podprobe.report.sections.unseen import grouped
from tests.support.samples import healthy_pod

ALLOW = "an agent with SYS_PTRACE: --profile ptrace"


def closed(
    area: str, file: str, who: str = "7 (nginx, uid 65534)", why: str = "Permission denied"
) -> Visibility:
    reason = f"cannot read /proc/PID/{file} of {who}: {why}"
    return Visibility(area=area, container="nginx", level="partial", reason=reason, allow=ALLOW)


def test_one_closed_process_is_told_once() -> None:
    whole = Visibility(area="services", container=None, level="full", reason="")
    (one,) = grouped([
        whole, closed("fds", "fd"), closed("open_files", "fd"), closed("maps", "maps"),
        closed("locks", "syscall", why="Operation not permitted"),
    ])  # fmt: skip
    assert (one.first, one.areas) == (1, ("fds", "open_files", "maps", "locks"))
    assert one.reason == (
        "cannot read fd, maps and syscall in /proc/PID of 7 (nginx, uid 65534): "
        "Permission denied, Operation not permitted"
    )


def test_other_processes_containers_and_causes_stay_apart() -> None:
    parts = [
        closed("fds", "fd"),
        closed("maps", "maps", who="8 (x: y, uid 1)"),
        replace(closed("maps", "maps"), container="web"),
        replace(closed("maps", "maps"), allow=None),
        Visibility(area="agent", container="nginx", level="none", reason="refused"),
        Visibility(area="cgroup", container="nginx", level="none", reason="refused"),
    ]
    found = grouped(parts)
    assert [one.areas for one in found] == [("fds",), ("maps",), ("maps",), ("maps",), ("agent", "cgroup")]
    # A cause that stands alone keeps the system's words.
    assert [one.reason for one in found] == [part.reason for part in parts[:5]]


def test_a_report_shows_it_on_one_line() -> None:
    pod = replace(healthy_pod(), visibility=(closed("fds", "fd"), closed("maps", "maps")))
    for output in ("table", "markdown", "html"):
        text = render([pod], output, width=200)
        assert text.count("7 (nginx, uid 65534)") == 1
        assert "fds, maps" in text
