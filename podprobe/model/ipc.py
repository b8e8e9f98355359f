"""System V and POSIX IPC of the namespace that the containers share."""

from __future__ import annotations

from typing import Literal

from podprobe.model.base import Filesystem, Model


class Attachment(Model, frozen=True, kw_only=True):
    """A process that has a segment or a file of /dev/shm mapped or open."""

    container: str
    pid: int
    process: str


class SharedMemory(Model, frozen=True, kw_only=True):
    """A System V shared-memory segment (`/proc/sysvipc/shm`)."""

    key: str
    """Hexadecimal, `0x00001234`; `0x00000000` is IPC_PRIVATE."""
    id: int
    bytes: int
    resident_bytes: int | None = None
    mode: str
    """Octal permissions, `0666`."""
    uid: int
    gid: int
    creator_uid: int | None = None
    attachments: int
    """`shm_nattch`: all attachments, those that no agent sees included."""
    attached: tuple[Attachment, ...] = ()
    destroyed: bool = False
    """Marked to go with its last attachment (`SHM_DEST`)."""
    creator_pid: int | None = None
    """`None` where the creator is outside every PID namespace that was looked at."""
    creator_alive: bool | None = None
    creator_container: str | None = None
    attached_at: str | None = None
    detached_at: str | None = None
    changed_at: str | None = None


class SemaphoreWaiter(Model, frozen=True, kw_only=True):
    """A process that sleeps in semop()."""

    container: str
    pid: int
    process: str


class SemaphoreSet(Model, frozen=True, kw_only=True):
    """A System V semaphore set (`/proc/sysvipc/sem`)."""

    key: str
    id: int
    semaphores: int
    mode: str
    uid: int
    gid: int
    values: tuple[int, ...] | None = None
    """`semctl(GETALL)`; `None` where the set is not readable."""
    waiting: tuple[int, ...] | None = None
    """Per semaphore, processes that wait for it to rise or fall (`GETNCNT` + `GETZCNT`)."""
    waiters: tuple[SemaphoreWaiter, ...] = ()
    containers: tuple[str, ...] = ()
    """Whose processes were the last to operate on one of its semaphores (`GETPID`), in this look or one before."""
    operated_at: str | None = None
    changed_at: str | None = None


class MessageQueue(Model, frozen=True, kw_only=True):
    """A System V message queue (`/proc/sysvipc/msg`)."""

    key: str
    id: int
    bytes: int
    max_bytes: int | None = None
    """`msg_qbytes`; `None` where the queue is not readable, then the namespace's `msgmnb` is the bound."""
    messages: int
    mode: str
    uid: int
    gid: int
    last_send_pid: int | None = None
    last_receive_pid: int | None = None
    last_send_container: str | None = None
    """Where an agent knows the process that sent last."""
    last_receive_container: str | None = None
    sent_at: str | None = None
    received_at: str | None = None
    changed_at: str | None = None


class PosixSharedMemory(Model, frozen=True, kw_only=True):
    """A file in a /dev/shm: `shm_open`, or `sem_open` where the name begins with `sem.`."""

    name: str
    """Of an unlinked one: the name it had."""
    bytes: int
    """Length."""
    used_bytes: int
    """Allocated."""
    unlinked: bool = False
    """It has no name any more (`shm_unlink`), and lasts while a process has it mapped or open."""
    measured: Literal["file", "mapping"] = "file"
    """`mapping`: the file itself, unlinked, could not be looked at. `bytes` is then how far mappings of it reach, and
    `used_bytes` what a process has of it in memory: both are lower bounds."""
    inode: int | None = None
    uid: int | None
    """`None` where only a mapping is known."""
    gid: int | None
    mode: str | None
    semaphore: bool = False
    mapped: tuple[Attachment, ...] = ()
    """Who has it mapped or open."""
    containers: tuple[str, ...] = ()
    """Whose /dev/shm this is."""
    modified_at: str | None = None


class PosixMessageQueue(Model, frozen=True, kw_only=True):
    """A POSIX message queue (`/dev/mqueue`)."""

    name: str
    messages: int | None = None
    max_messages: int | None = None
    message_bytes: int | None = None
    """Size of the largest message allowed."""
    queued_bytes: int | None = None
    uid: int
    gid: int
    mode: str
    open_by: tuple[Attachment, ...] = ()


class DevShm(Model, frozen=True, kw_only=True):
    """A /dev/shm and who has it."""

    containers: tuple[str, ...]
    filesystem: Filesystem
    volume: str | None = None
    """The volume mounted over it, if any."""


class Limit(Model, frozen=True, kw_only=True):
    """A kernel limit of the IPC namespace."""

    name: str
    """`shmmni`, `shmall_bytes`, `semmni`, `semmns`, `msgmni`, `msgmnb`, `mqueue_queues`, …"""
    limit: int
    used: int | None = None


class Ipc(Model, frozen=True, kw_only=True):
    """The IPC namespace that the containers share."""

    shared_memory: tuple[SharedMemory, ...] = ()
    semaphores: tuple[SemaphoreSet, ...] = ()
    message_queues: tuple[MessageQueue, ...] = ()
    posix_shared_memory: tuple[PosixSharedMemory, ...] = ()
    posix_message_queues: tuple[PosixMessageQueue, ...] = ()
    limits: tuple[Limit, ...] = ()
    dev_shm: tuple[DevShm, ...] = ()
