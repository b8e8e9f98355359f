"""Areas `sysv_shm`, `sysv_sem`, `sysv_msg`: the IPC namespace's System V objects (/proc/sysvipc; no privilege).

What /proc does not tell (a queue's bound, a set's values and waiters) is asked with read-only calls, which the
kernel answers for objects that the agent may read. ctypes is loaded only where there is such an object.
"""

from __future__ import annotations

from podprobe_agent import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from podprobe_agent.collectors.context import Context

_CALLS_PER_LOOK = 20_000


def collect_shm(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.SysvShmItem`s."""
    for row in rows("shm"):
        yield {
            "key": row["key"],
            "id": row["shmid"],
            "mode": _mode(row["perms"]),
            "bytes": row["size"],
            "creator_pid": row["cpid"],
            "last_pid": row["lpid"],
            "attachments": row["nattch"],
            **_owners(row),
            "attached_at": row["atime"],
            "detached_at": row["dtime"],
            "changed_at": row["ctime"],
            "resident_bytes": row["rss"],
            "swapped_bytes": row["swap"],
        }
        if context.expired:
            context.note("partial", "time was over before the last segment")
            return


def collect_sem(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.SysvSemItem`s."""
    denied = 0
    calls = _CALLS_PER_LOOK
    for row in rows("sem"):
        values = waiting = last_pids = None
        count = row["nsems"]
        if calls >= 3 * count + 1:
            from podprobe_agent.collectors import _sysv_calls

            values = _sysv_calls.semaphore_values(row["semid"], count)
            if values is None:
                denied += 1
            else:
                waiting = _sysv_calls.semaphore_waiting(row["semid"], count)
                last_pids = _sysv_calls.semaphore_pids(row["semid"], count)
            calls -= 3 * count + 1
        else:
            context.note("partial", f"values of more than {_CALLS_PER_LOOK // 3} semaphores were not read")
        yield {
            "key": row["key"],
            "id": row["semid"],
            "mode": _mode(row["perms"]),
            "semaphores": count,
            **_owners(row),
            "operated_at": row["otime"],
            "changed_at": row["ctime"],
            "values": values,
            "waiting": waiting,
            "last_pids": last_pids,
        }
        if context.expired:
            context.note("partial", "time was over before the last semaphore set")
            break
    _tell_denied(context, denied, "semaphore sets", "values and waiters")


def collect_msg(context: Context) -> Iterator[dict[str, Any]]:
    """`answers.SysvMsgItem`s."""
    denied = 0
    for row in rows("msg"):
        from podprobe_agent.collectors import _sysv_calls

        bound = _sysv_calls.queue_bound(row["msqid"])
        denied += bound is None
        yield {
            "key": row["key"],
            "id": row["msqid"],
            "mode": _mode(row["perms"]),
            "bytes": row["cbytes"],
            "messages": row["qnum"],
            "max_bytes": bound,
            "last_send_pid": row["lspid"],
            "last_receive_pid": row["lrpid"],
            **_owners(row),
            "sent_at": row["stime"],
            "received_at": row["rtime"],
            "changed_at": row["ctime"],
        }
        if context.expired:
            context.note("partial", "time was over before the last queue")
            break
    _tell_denied(context, denied, "message queues", "their bound (msg_qbytes)")


def rows(kind: str) -> Iterator[dict[str, int]]:
    """The lines of /proc/sysvipc/KIND by the names in its header. All is decimal but `perms`, which is octal.

    Raises:
        OSError: there is no System V IPC here, or the file is of another form.
    """
    source = procfs.lines(procfs.path("sysvipc", kind))
    names = [procfs.text(name, 32) for name in next(source, b"").split()]
    if "key" not in names:
        raise OSError(0, f"/proc/sysvipc/{kind} has no column of keys")
    for line in source:
        fields = [int(field) for field in line.split()]
        if len(fields) == len(names):
            row = dict(zip(names, fields))
            row["key"] &= 0xFFFFFFFF  # printed signed
            yield row


def shm_keys() -> dict[int, int]:
    """Keys of the namespace's segments by id; empty where there is no System V IPC."""
    try:
        return {row["shmid"]: row["key"] for row in rows("shm")}
    except OSError:
        return {}


def _mode(printed: int) -> int:
    """`perms` is printed in octal: 1666 is SHM_DEST (01000) and rw for all."""
    return int(str(printed), 8)


def _owners(row: dict[str, int]) -> dict[str, int]:
    return {"uid": row["uid"], "gid": row["gid"], "creator_uid": row["cuid"], "creator_gid": row["cgid"]}


def _tell_denied(context: Context, denied: int, what: str, missing: str) -> None:
    if denied:
        context.note(
            "partial",
            f"{denied} {what} do not let this agent read {missing}: Permission denied",
            "an agent in the container that owns them",
        )
