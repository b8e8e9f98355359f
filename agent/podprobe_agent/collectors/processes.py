"""Area `processes`: what runs in the agent's PID namespace. Environments are never read.

In every look three files of each process are read; what stays as it is while it runs the same program is
remembered (`_known`), psutil's findings among it.
"""

from __future__ import annotations

import contextlib
import os

from podprobe_agent import procfs
from podprobe_agent.collectors import _known, _own, _shared
from podprobe_agent.redact import Redactor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors._known import Known
    from podprobe_agent.collectors.context import Context
    from podprobe_agent.procfs import Stat

_ticks = os.sysconf("SC_CLK_TCK")
_page = os.sysconf("SC_PAGE_SIZE")
_people = _known.People()
_redactor = Redactor()


def collect(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.ProcessItem` for each process that is not this agent's own."""
    redactor = _redactor_for(context)
    pids = _shared.pids(context)
    own = _own.find(context)
    for count, pid in enumerate(pids):
        if context.expired:
            context.note("partial", f"time was over after {count} of {len(pids)} processes")
            return
        try:
            stat = procfs.stat(pid)
            arguments = _shared.command(context, pid)
        except (OSError, ValueError, IndexError):
            continue  # it has gone
        known = _people.know(context, pid, stat, arguments)
        mount, device = known.root or (None, None)
        if own.is_this(pid, mount):
            continue
        if known.arguments != arguments:
            known.command = _command(redactor, _known.split(arguments))
            known.arguments = arguments
        yield _item(pid, stat, known, device, agent=own.is_agent(mount, arguments))
    _people.forget(context)


def _redactor_for(context: Context) -> Redactor:
    global _redactor, _people  # noqa: PLW0603 - they remember the command lines of the looks before
    if _redactor.patterns != context.redact:
        _redactor = Redactor(context.redact)
        _people = _known.People()
    for error in _redactor.errors:
        context.note("partial", f"a pattern to redact is no regular expression: {error}")
    return _redactor


def _item(pid: int, stat: Stat, known: Known, device: str | None, *, agent: bool) -> dict[str, Any]:
    uid = gid = groups = open_files = None
    with contextlib.suppress(OSError, ValueError):  # it has gone since
        uid, gid, groups = procfs.status_ids(pid)
        if stat.state != "zombie":
            open_files = procfs.open_files_count(pid)
    return {
        "pid": pid,
        "parent": stat.parent,
        "name": known.name,
        "state": stat.state,
        "uid": uid,
        "gid": gid,
        "groups": groups,
        "threads": stat.threads,
        "open_files": open_files,
        "open_files_limit": known.limit,
        "memory_bytes": stat.resident_pages * _page,
        "cpu_seconds": stat.cpu_ticks / _ticks,
        "started_at": known.started_at,
        "cgroup": known.cgroup,
        "root_device": device,
        "agent": agent,
        "command": known.command,
    }


def _command(redactor: Redactor, arguments: list[bytes]) -> str | None:
    if not arguments:
        return None
    kept = []
    room = _shared.COMMAND_BYTES
    for argument in arguments:
        room -= len(argument) + 1
        if room < 0:
            # Half an argument could be half a secret, in a form that is no longer recognised.
            kept.append("…")
            break
        kept.append(argument.decode("utf-8", "replace"))
    return redactor.command(kept).strip()[: procfs.TEXT_LIMIT]
