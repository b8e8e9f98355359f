"""One note for all the processes that were closed, rather than one for each."""

from __future__ import annotations

from podprobe_agent import procfs
from podprobe_agent.collectors import _own, _shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from podprobe_agent.collectors.context import Context

_NAMED = 5
_MOST_REMEMBERED = 200
PTRACE = "an agent with SYS_PTRACE: --profile ptrace"


class Denied:
    """Collects the processes whose files an agent may not read, and says so at the end. Agents do not count.

    Args:
        context: the look.
        what: the file below /proc/PID: `maps`.
    """

    def __init__(self, context: Context, what: str) -> None:
        self._context = context
        self._what = what
        self._count = 0
        self._named: list[str] = []
        self._why = ""
        self._seen: list[int] = []

    def saw(self, pid: int) -> None:
        """A process was open."""
        if len(self._seen) < _MOST_REMEMBERED:
            self._seen.append(pid)

    def add(self, pid: int, error: OSError) -> None:
        """A process was closed. Zombies do not count: in a user namespace they are closed, but have nothing left."""
        if self._is_agent(pid) or _is_zombie(pid):
            return
        self._count += 1
        self._why = error.strerror or str(error)
        if len(self._named) < _NAMED:
            self._named.append(describe(pid))

    def tell(self, *, area: str | None = None) -> None:
        """Note it, if any was closed; level `none` where but for agents all were.

        Args:
            area: another area than the one being collected.
        """
        if not self._count:
            return
        more = f" and {self._count - len(self._named)} more" if self._count > len(self._named) else ""
        self._context.note(
            "partial" if not all(map(self._is_agent, self._seen)) else "none",
            f"cannot read /proc/PID/{self._what} of {', '.join(self._named)}{more}: {self._why}",
            PTRACE,
            area=area,
        )

    def _is_agent(self, pid: int) -> bool:
        mount = _shared.root_mount(self._context, pid)
        return mount is not None and mount[0] in _own.find(self._context).mounts


def _is_zombie(pid: int) -> bool:
    try:
        return procfs.stat(pid).state == "zombie"
    except OSError:
        return False


def describe(pid: int) -> str:
    """A process for a note: `8 (nginx, uid 33)`."""
    try:
        uid = procfs.status_ids(pid)[0]
    except OSError:
        return str(pid)
    return f"{pid} ({procfs.name(pid)}, uid {uid})"
