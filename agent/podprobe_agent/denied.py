"""One note for all the processes that were closed, rather than one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe_agent import procfs

if TYPE_CHECKING:
    from podprobe_agent.collectors.context import Context

_NAMED = 5
PTRACE = "an agent with SYS_PTRACE: --profile ptrace"


class Denied:
    """Collects the processes whose files an agent may not read, and says so at the end.

    Args:
        what: the file below /proc/PID: `maps`.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._count = 0
        self._named: list[str] = []
        self._why = ""

    def add(self, pid: int, error: OSError) -> None:
        """A process was closed."""
        self._count += 1
        self._why = error.strerror or str(error)
        if len(self._named) < _NAMED:
            self._named.append(describe(pid))

    def tell(self, context: Context, seen: int, *, area: str | None = None) -> None:
        """Note it, if any was closed.

        Args:
            context: the look.
            seen: how many processes were open: with none, nothing was seen.
            area: another area than the one being collected.
        """
        if not self._count:
            return
        more = f" and {self._count - len(self._named)} more" if self._count > len(self._named) else ""
        context.note(
            "partial" if seen else "none",
            f"cannot read /proc/PID/{self._what} of {', '.join(self._named)}{more}: {self._why}",
            PTRACE,
            area=area,
        )


def describe(pid: int) -> str:
    """A process for a note: `8 (nginx, uid 33)`."""
    try:
        uid = procfs.status_ids(pid)[0]
    except OSError:
        return str(pid)
    return f"{pid} ({procfs.name(pid)}, uid {uid})"
