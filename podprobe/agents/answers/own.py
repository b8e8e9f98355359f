"""What an agent says of its own container."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from podprobe.agents.answers.base import Answer, Count, Text, Word


class ProcessItem(Answer, frozen=True, kw_only=True):
    """`processes`: one process that the agent's PID namespace shows. The agent's own are left out."""

    pid: int
    parent: int
    name: Word
    state: Word
    command: Text | None = None
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None
    threads: int | None = None
    open_files: int | None = None
    open_files_limit: int | None = None
    memory_bytes: int | None = None
    cpu_seconds: float | None = None
    started_at: float | None = None
    cgroup: Text | None = None
    """Path from /proc/PID/cgroup (the v2 line, else the v1 memory or pids line), as the agent sees it."""
    root_device: Word | None = None
    """`major:minor` of the process's `/`, from its mountinfo: tells the containers of a shared PID namespace apart."""
    agent: bool = False
    """It is an agent of podprobe's, another one's included."""


class FdItem(Answer, frozen=True, kw_only=True):
    """`fds`: the sockets that one process holds; a process with very many has several items, one with none has none."""

    pid: int
    sockets: Annotated[tuple[int, ...], Meta(max_length=10_000)]
    """Socket inodes."""
    complete: bool = True


class FileStatus(Answer, frozen=True, kw_only=True):
    """What stat() says of a file."""

    size_bytes: Count
    used_bytes: Count
    """Allocated."""
    uid: int
    gid: int
    mode: int
    modified_at: float


class OpenFileItem(Answer, frozen=True, kw_only=True):
    """`open_files`: an open file that matters beyond its process: deleted, in /dev/shm, or a POSIX queue."""

    pid: int
    fd: int
    path: Text
    kind: Literal["deleted", "shm", "mqueue"]
    device: Word
    inode: int
    bytes: Count
    """Allocated."""
    mount_path: Text | None = None
    """The mount that a deleted file is on, as the process has it."""
    mount_root: Text | None = None
    """The directory of the filesystem that is mounted there."""
    file: FileStatus | None = None
    """Of a deleted one of /dev/shm."""


class MapItem(Answer, frozen=True, kw_only=True):
    """`maps`: a mapping of shared memory (`/proc/PID/maps`)."""

    pid: int
    kind: Literal["sysv", "posix"]
    shmid: int | None = None
    """Of a SysV segment: the inode column."""
    path: Text | None = None
    device: Word | None = None
    inode: int | None = None
    bytes: Count
    deleted: bool = False
    file: FileStatus | None = None
    """Of a deleted file, where the agent may look at it (/proc/PID/map_files)."""
    reach_bytes: Count | None = None
    """Of another deleted file: how far the mapping reaches into it."""
    resident_bytes: Count | None = None
    """And how much of it the process has in memory: the file takes no less (`Rss` of /proc/PID/smaps)."""


class SemaphoreWaiterItem(Answer, frozen=True, kw_only=True):
    """`semaphore_waiters`: a process that sleeps in semop()."""

    pid: int
    semid: int | None = None
    """The set, where the kernel shows the system call's arguments."""


class MountItem(Answer, frozen=True, kw_only=True):
    """`mounts`: a mount of the container, from its mountinfo, with statvfs through /proc/PID/root."""

    id: int
    parent: int
    device: Word
    root: Text
    """The directory of the filesystem that is mounted: for a kubelet volume it names the volume."""
    path: Text
    filesystem_type: Word
    source: Text
    options: Text
    super_options: Text
    read_only: bool
    bytes: int | None = None
    used_bytes: int | None = None
    available_bytes: int | None = None
    inodes: int | None = None
    used_inodes: int | None = None
    error: Text | None = None
    """Why statvfs did not answer."""


class WalkItem(Answer, frozen=True, kw_only=True):
    """`walks`: what one directory holds; asked for with ``{"walk": [paths as the container has them]}``."""

    path: Text
    bytes: Count
    inodes: Count
    complete: bool
    reason: Text | None = None
    refused: bool = False
    """It, or a directory below, is closed to the agent: one of another user may see more."""
    duration_us: Count = 0


class CgroupValue(Answer, frozen=True, kw_only=True):
    """`cgroup`: the container's control group (`value`)."""

    version: Literal[1, 2]
    path: Text | None = None
    """As `ProcessItem.cgroup`: which processes are in it."""
    id: int | None = None
    """Inode of the first process's cgroup-v2 directory: what INET_DIAG_CGROUP_ID tells of its sockets."""
    cpu_seconds: float | None = None
    cpu_limit: float | None = None
    cpu_periods: int | None = None
    cpu_throttled_periods: int | None = None
    memory_bytes: int | None = None
    memory_working_set_bytes: int | None = None
    memory_shmem_bytes: int | None = None
    memory_limit_bytes: int | None = None
    memory_peak_bytes: int | None = None
    memory_high_events: int | None = None
    memory_max_events: int | None = None
    oom_events: int | None = None
    oom_kills: int | None = None
    pids: int | None = None
    pids_limit: int | None = None
    pids_max_events: int | None = None
    pressure: dict[Word, float] = {}
    """`cpu_some`, `memory_some`, `memory_full`, `io_some`, `io_full`: avg10 as a ratio."""


class LockItem(Answer, frozen=True, kw_only=True):
    """`locks`: a line of /proc/locks, which shows a lock and all its waiters to the holder's PID namespace alone.

    PIDs of waiters outside it read 0. A waiter whose holder is elsewhere is told of all the same, from the system
    call that it sleeps in: with id 0, to be joined to the holder by device and inode.
    """

    id: int
    kind: Literal["flock", "posix", "ofd", "lease"]
    access: Literal["read", "write"]
    pid: int
    device: Word
    inode: int
    waiting: bool
    path: Text | None = None
    """Where an open file of a process of this agent's tells it."""
    mount_path: Text | None = None
    """The mount that the file is on, as the process has it."""
    mount_root: Text | None = None
    """The directory of the filesystem that is mounted there."""


class DnsValue(Answer, frozen=True, kw_only=True):
    """`dns`: by what the container's programs resolve names (`value`)."""

    servers: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    """`nameserver` lines of resolv.conf."""
    search: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    options: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    hosts: Annotated[tuple[Word, ...], Meta(max_length=64)] | None = None
    """Sources of host names in nsswitch.conf."""
    library: Literal["glibc", "musl"] | None = None


class DevShmItem(Answer, frozen=True, kw_only=True):
    """`dev_shm` (own container): the files of the container's /dev/shm. Filesystem numbers are in `mounts`."""

    name: Text
    device: Word
    inode: int
    bytes: Count
    used_bytes: Count
    uid: int
    gid: int
    mode: int
    modified_at: float
