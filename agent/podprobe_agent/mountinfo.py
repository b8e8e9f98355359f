"""/proc/PID/mountinfo, parsed, and the kinds of filesystem that it names."""

from __future__ import annotations

from podprobe_agent import procfs
from podprobe_agent.lean import NamedTuple

# Kinds without room of their own to run out of.
PSEUDO = frozenset(
    "autofs binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts efivarfs fuse.lxcfs fusectl hugetlbfs mqueue "
    "nsfs proc pstore rpc_pipefs securityfs selinuxfs sysfs tracefs".split()
)

# Kinds whose calls return, because nothing but this kernel and its disks answers them. All others may wait for
# a server or for a process: they are asked in a thread that can be given up.
LOCAL = frozenset(
    "bcachefs btrfs devtmpfs erofs exfat ext2 ext3 ext4 f2fs iso9660 jfs overlay ramfs reiserfs rootfs squashfs "
    "tmpfs udf ufs vfat xfs zfs".split()
)


class Mount(NamedTuple):
    """One line of mountinfo. `device` is `major:minor` in decimal, as the kernel prints it."""

    id: int
    parent: int
    device: str
    root: bytes
    path: bytes
    options: bytes
    kind: str
    """Filesystem type."""
    source: bytes
    super_options: bytes

    @property
    def read_only(self) -> bool:
        """The mount, or the filesystem as a whole, takes no writes."""
        return b"ro" in self.options.split(b",") or b"ro" in self.super_options.split(b",")


def parse(line: bytes) -> Mount | None:
    """One line; `None` for one that is none (the kernel may be asked while a mount goes).

    Optional fields (`shared:1`) stand between the options and a lone hyphen.
    """
    fields = line.split(b" ")
    try:
        hyphen = fields.index(b"-", 6)
        kind, source, super_options = fields[hyphen + 1 : hyphen + 4]
        return Mount(
            id=int(fields[0]),
            parent=int(fields[1]),
            device=fields[2].decode("ascii", "replace"),
            root=procfs.unescape(fields[3]),
            path=procfs.unescape(fields[4]),
            options=fields[5],
            kind=procfs.text(kind, 256),
            source=procfs.unescape(source),
            super_options=procfs.unescape(super_options),
        )
    except ValueError:
        return None


def read(pid: object) -> list[Mount]:
    """The mounts that a process sees, hidden ones included.

    Raises:
        OSError: the process has gone.
    """
    return [mount for line in procfs.lines(procfs.path(pid, "mountinfo")) if (mount := parse(line))]


def root_mount(pid: object) -> tuple[int, str] | None:
    """Id and device of the mount that a process has as its `/`.

    Mount ids are unique on the machine, so the id tells mount namespaces apart where `ns/mnt` may not be read.
    Reading the whole table costs ten times as much, and `/` mostly is in its first piece.

    Raises:
        OSError: the process has gone.
    """
    file = procfs.path(pid, "mountinfo")
    piece = procfs.read_once(file, 2048)
    whole = False
    while True:
        found = None
        for line in piece.split(b"\n")[:-1]:
            fields = line.split(b" ", 5)
            if len(fields) == 6 and fields[4] == b"/":
                found = int(fields[0]), fields[2].decode("ascii", "replace")
        if found or whole:
            return found
        piece = procfs.read(file)
        whole = True
