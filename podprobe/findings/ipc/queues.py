"""Message queues, System V and POSIX: full, and nobody takes from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import bounds, health
from podprobe.analysis.words import count, listed, percent, share, size
from podprobe.findings.ipc.whose import named, ours
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator


@rule(
    "IPC103",
    "warning",
    title="A message queue is filling and not drained",
    when="A System V message queue holds {warning_ratio:percent} or more of the bytes that it may.",
    measured="`cbytes` of /proc/sysvipc/msg against `msg_qbytes` (msgctl(IPC_STAT)), else `kernel.msgmnb`; "
    "`rtime` and `stime` for who is behind.",
    why="msgsnd() blocks when the queue is full, or fails with EAGAIN: the sender runs at the pace of its "
    "receiver, or loses messages. Nothing but this queue shows it.",
    remedy="Start the receiver, or give it more workers. A larger queue (`kernel.msgmnb`) only delays what a "
    "receiver that is slower than its sender leads to.",
    thresholds={"warning_ratio": bounds.threshold("IPC103.warning_ratio", Threshold)},
    of_channels=True,
)
def full_queue(look: Look) -> Iterator[Hit]:
    """A queue whose receiver is slow or away."""
    for index, each in enumerate(look.snapshot.ipc.message_queues):
        room = health.queue_room(look.snapshot, each)
        filled = share(each.bytes, room)
        if room is None or filled is None or filled < look["warning_ratio"]:
            continue
        if not ours(look, each.last_send_container, each.last_receive_container):
            continue
        receiver = each.last_receive_container
        if each.received_at is None:
            behind, remedy = (
                "Nobody has ever received from it.",
                f"Start a receiver of queue {each.key}, or remove the sender.",
            )
        else:
            behind = (
                "It was last received from at "
                f"{each.received_at}{f' by {receiver}' if receiver else ''}, last sent to at "
                f"{each.sent_at}."
            )
            remedy = (
                f"Give {receiver or 'the receiver'} of queue {each.key} more workers or CPU: it takes "
                "messages slower than they come."
            )
        yield Hit(
            subject=named("msg", each),
            evidence=[
                (
                    f"Queue {each.key} (id {each.id}) holds {size(each.bytes)} of {size(room)} "
                    f"({percent(filled)}) in {count(each.messages, 'message')}."
                ),
                behind,
            ],
            remedy=remedy,
            pointers=[f"/ipc/message_queues/{index}"],
            containers=[each.last_send_container, receiver],
        )


@rule(
    "IPC106",
    "warning",
    title="A POSIX message queue is full",
    when="A POSIX message queue holds as many messages as it may.",
    measured="mq_getattr() of every queue in /dev/mqueue: `mq_curmsgs` and `mq_maxmsg`.",
    why="mq_send() blocks, or fails with EAGAIN: the sender runs at the pace of its receiver, or loses "
    "messages.",
    remedy="Give the receiver more workers; a larger `mq_maxmsg` (up to `fs.mqueue.msg_max`) only helps with "
    "bursts.",
    of_channels=True,
)
def full_posix_queue(look: Look) -> Iterator[Hit]:
    """A queue at its limit."""
    for index, each in enumerate(look.snapshot.ipc.posix_message_queues):
        if not each.max_messages or each.messages is None or each.messages < each.max_messages:
            continue
        users = list(dict.fromkeys(who.container for who in each.open_by))
        if not ours(look, *users):
            continue
        by = f"; open in {listed(users)}" if users else "; no process that could be seen has it open"
        yield Hit(
            subject=f"mqueue {each.name}",
            evidence=[
                f"Queue {each.name} holds {each.messages:,} of {count(each.max_messages, 'message')}{by}."
            ],
            remedy=f"Let the receiver of {each.name} take messages faster, or start it; then make the queue "
            "with a larger mq_maxmsg if load comes in bursts.",
            pointers=[f"/ipc/posix_message_queues/{index}"],
            containers=users,
        )
