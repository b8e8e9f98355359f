"""Run as the first process of new PID, IPC and mount namespaces: makes what collectors have to see, then looks.

Prints one JSON document: what the collectors said, and in the same moment what the system's own tools said.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import mmap
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]

IPC_CREAT = 0o1000
CLONE_NEWNS = 0x20000
F_OFD_SETLK, F_OFD_SETLKW = 37, 38


def check(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def mount(kind: str, path: Path, options: str = "", source: str = "") -> Path:
    path.mkdir(parents=True, exist_ok=True)
    check(libc.mount((source or kind).encode(), os.fsencode(path), kind.encode(), 0, options.encode()))
    return path


def bind(source: Path, path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    check(libc.mount(os.fsencode(source), os.fsencode(path), None, 4096, None))


def child(work, uid: int = 0) -> int:
    """A process that does `work` and then sleeps."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if uid:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        work()
        time.sleep(300)
    finally:
        os._exit(1)


def flock(kind: int, start: int = 0) -> bytes:
    return struct.pack("hhqqi", kind, 0, start, 10, 0)


class Household:
    """What there is to see."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.pids: dict[str, int] = {}
        check(libc.mount(b"none", b"/", None, (1 << 18) | 16384, None))  # private, recursively
        self.data = mount("tmpfs", root / "da ta\n\t\\x", "size=4m,nr_inodes=200")
        bind(self.data, root / "bound")
        self.tmpfs = [self.data, "/dev/shm"]
        self.hidden = mount("tmpfs", root / "hidden", "size=1m,nr_inodes=50")
        mount("tmpfs", root / "hidden", "size=2m,nr_inodes=60")
        mount("tmpfs", root / "over/under", "size=1m")
        mount("tmpfs", root / "over", "size=1m")
        # A filesystem whose server is gone: nobody ever answers for it. And one that can be reached only past it.
        mount("tmpfs", root / "dead/below", "size=1m")
        self.fuse = os.open("/dev/fuse", os.O_RDWR)
        mount("fuse", root / "dead", f"fd={self.fuse},rootmode=40000,user_id=0,group_id=0")
        mount("tmpfs", Path("/dev/shm"), "size=8m")
        mount("mqueue", Path("/dev/mqueue"))
        self.volumes()
        self.sysv()
        self.posix()
        self.locks()
        self.others()

    def volumes(self) -> None:
        (self.data / "sub").mkdir()
        for number in range(40):
            (self.data / f"sub/{number}").write_bytes(b"x" * 5000)
        os.link(self.data / "sub/0", self.data / "linked")
        # Two mounts below the volume: one of another device, one of its own, which only the mount tells.
        bind(self.hidden, self.data / "other")
        bind(self.data / "sub", self.data / "again")
        self.gone = (self.data / "gone").open("wb")
        self.gone.write(b"z" * 200_000)
        self.gone.flush()
        (self.data / "gone").unlink()
        self.kept = (self.data / "name (deleted)").open("wb")
        self.memory = os.memfd_create("not a file")

    def sysv(self) -> None:
        self.shm = check(libc.shmget(0x1234, 1 << 20, IPC_CREAT | 0o640))
        self.leaked = check(libc.shmget(0x7FFF0001, 12345, IPC_CREAT | 0o600))
        doomed = check(libc.shmget(0, 4096, IPC_CREAT | 0o600))
        self.attached = libc.shmat(self.shm, None, 0)
        ctypes.memset(self.attached, 1, 100_000)
        libc.shmat(doomed, None, 0)
        check(libc.shmctl(doomed, 0, None))  # IPC_RMID: goes with its last attachment
        self.pids["attacher"] = child(lambda: [libc.shmat(self.shm, None, 0), libc.shmat(self.shm, None, 0)])
        self.sem = check(libc.semget(-0x11223344, 4, IPC_CREAT | 0o666))
        check(libc.semctl(self.sem, 1, 16, 7))  # SETVAL
        down, to_zero = struct.pack("HhH", 2, -1, 0), struct.pack("HhH", 1, 0, 0)
        self.pids["rises"] = child(lambda: libc.semop(self.sem, down, 1))
        self.pids["zero"] = child(lambda: libc.semtimedop(self.sem, to_zero, 1, None))
        self.pids["foreign waiter"] = child(lambda: libc.semop(self.sem, down, 1), uid=1234)
        self.msg = check(libc.msgget(0x77, IPC_CREAT | 0o622))
        message = ctypes.create_string_buffer(b"\1" + b"\0" * 7 + b"m" * 100)
        for _ in range(5):
            check(libc.msgsnd(self.msg, message, 100, 0))

    def posix(self) -> None:
        fd = os.open("/dev/shm/ring", os.O_RDWR | os.O_CREAT, 0o640)
        os.ftruncate(fd, 3 << 20)
        self.ring = mmap.mmap(fd, 3 << 20)
        self.ring[: 1 << 20] = b"r" * (1 << 20)
        os.close(fd)
        # Without a name: one that is mapped alone, the second half of it twice, and one that is open alone.
        fd = os.open("/dev/shm/arena", os.O_RDWR | os.O_CREAT, 0o600)
        Path("/dev/shm/arena").unlink()
        os.ftruncate(fd, 2 << 20)
        for offset in (0, 1 << 20, 1 << 20):
            address = libc.mmap(None, 1 << 20, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, offset)
            ctypes.memset(address, 1, 300_000)
        os.close(fd)
        self.drawer = os.open("/dev/shm/drawer", os.O_RDWR | os.O_CREAT)
        os.write(self.drawer, b"d" * 50_000)
        Path("/dev/shm/drawer").unlink()
        Path("/dev/shm/sem.ready").write_bytes(b"\0" * 32)
        Path("/dev/shm/boost").mkdir()
        Path("/dev/shm/boost/pool").write_bytes(b"p" * 10)
        Path("/dev/shm/link").symlink_to("/etc/passwd")
        attributes = struct.pack("llll", 0, 7, 64, 0) + b"\0" * 32
        self.queue = check(libc.mq_open(b"/jobs", os.O_RDWR | os.O_CREAT, 0o600, attributes))
        for _ in range(3):
            check(libc.mq_send(self.queue, b"hello", 5, 0))

    def locks(self) -> None:
        held = {name: os.open(self.data / name, os.O_RDWR | os.O_CREAT) for name in ("flock", "posix", "ofd")}
        fcntl.flock(held["flock"], fcntl.LOCK_EX)
        fcntl.fcntl(held["posix"], fcntl.F_SETLK, flock(fcntl.F_WRLCK))
        fcntl.fcntl(held["ofd"], F_OFD_SETLK, flock(fcntl.F_WRLCK))
        wait = {
            "flock": lambda fd: fcntl.flock(fd, fcntl.LOCK_SH),
            "posix": lambda fd: fcntl.fcntl(fd, fcntl.F_SETLKW, flock(fcntl.F_WRLCK, 5)),
            "ofd": lambda fd: fcntl.fcntl(fd, F_OFD_SETLKW, flock(fcntl.F_WRLCK, 5)),
        }
        for name, work in wait.items():
            self.pids[f"{name} waiter"] = child(
                lambda name=name, work=work: work(os.open(self.data / name, os.O_RDWR))
            )

    def others(self) -> None:
        self.pids["zombie"] = os.fork()
        if not self.pids["zombie"]:
            os._exit(0)
        self.pids["changed"] = child(lambda: None, uid=33)
        program = f"import time; time.sleep(300)  # {chr(27)}[31m"
        # A process of its own container: another root, and so another mount namespace to the eye.
        command = ["python3", "-c", program, "--token", "S3cretS3cret"]
        self.pids["other container"] = child(
            lambda: [check(libc.unshare(CLONE_NEWNS)), os.execv(sys.executable, command)]
        )

    def settle(self) -> None:
        """Wait until everyone sleeps where they should."""
        # Where the kernel waits for a range of bytes differs by version: `fcntl_setlk`, `posix_lock_inode_wait`.
        asleep = dict.fromkeys(("rises", "zero", "foreign waiter"), "sem")
        asleep |= dict.fromkeys(("flock waiter", "posix waiter", "ofd waiter"), "l")
        for _ in range(500):
            where = {name: Path(f"/proc/{self.pids[name]}/wchan").read_text() for name in asleep}
            names = Path(f"/proc/{self.pids['attacher']}/maps").read_text().count("/SYSV00001234")
            other = b"S3cret" in Path(f"/proc/{self.pids['other container']}/cmdline").read_bytes()
            zombie = " Z " in Path(f"/proc/{self.pids['zombie']}/stat").read_text()
            if all(what in where[name] for name, what in asleep.items()) and names >= 3 and other and zombie:
                return
            time.sleep(0.01)
        raise TimeoutError(f"{where}, {names} attachments, {other=}, {zombie=}")

    def end(self) -> None:
        for pid in self.pids.values():
            os.kill(pid, signal.SIGKILL)


def look(data: str, sub: str) -> dict:
    """What the collectors say, in a process that is no part of the household: as an agent is."""
    from podprobe_agent import collectors
    from podprobe_agent.collectors.context import Context

    context = Context(root_pid=1, walk=[data, sub, f"{sub}/../../dead"])
    areas = {}
    for area in ("processes fds open_files maps semaphore_waiters mounts walks dev_shm cgroup locks sysv_shm sysv_sem "
                 "sysv_msg ipc_limits mqueue").split():  # fmt: skip
        context.area = area
        answer = collectors.load(area)(context)
        areas[area] = answer if isinstance(answer, dict) else list(answer)
    # And as an agent sees it that may not follow the links of map_files.
    without = Context(root_pid=1)
    without.shared["map files closed"] = True
    areas["maps without links"] = list(collectors.load("maps")(without))
    # And as one that has no mqueue filesystem of its own.
    from podprobe_agent.collectors import posix_ipc

    posix_ipc._MQUEUE = "/nowhere"
    areas["ipc_limits through the container"] = collectors.load("ipc_limits")(Context(root_pid=1))
    return {"agent_pid": os.getpid(), "areas": areas, "notes": context.notes}


def tools(household: Household) -> dict:
    """What the system's own tools say."""

    def run(*command: str) -> str:
        return subprocess.run(command, capture_output=True, check=True, text=True, errors="replace").stdout

    return {
        "ipcs_shm": run("ipcs", "-m", "-i", str(household.shm)),
        "ipcs_sem": run("ipcs", "-s", "-i", str(household.sem)),
        "ipcs_msg": run("ipcs", "-q", "-i", str(household.msg)),
        "ipcs_limits": run("ipcs", "-l"),
        "ipcs_use": run("ipcs", "-u"),
        "lsipc": run("lsipc", "-J", "-b"),
        "lsipc_shm": run("lsipc", "-m", "-J", "-b"),
        "df": run("df", "-B1", "--output=target,size,used,avail", *household.tmpfs),
        "df_i": run("df", "--output=target,itotal,iused", *household.tmpfs),
        "findmnt": run(
            "findmnt", "-J", "-l", "-o", "ID,PARENT,MAJ:MIN,FSROOT,TARGET,FSTYPE,SOURCE,VFS-OPTIONS"
        ),
        "lslocks": run("lslocks", "-J", "-b", "-u", "-o", "PID,TYPE,MODE,M,INODE,MAJ:MIN,PATH,BLOCKER"),
        "ps": run("ps", "-eo", "pid,ppid,state,uid,gid,nlwp,rss,lstart,comm", "--no-headers"),
        "du": run("du", "-s", "--block-size=1", str(household.root / "bound/sub")),
        "du_inodes": run("du", "-s", "--inodes", str(household.root / "bound/sub")),
    }


def main() -> None:
    if sys.argv[1] == "look":
        json.dump(look(*sys.argv[2:]), sys.stdout)
        return
    household = Household(Path(sys.argv[1]))
    household.settle()
    agent = subprocess.run(
        [sys.executable, __file__, "look", household.data, household.root / "bound/sub"],
        capture_output=True,
        check=False,
    )
    sys.stderr.buffer.write(agent.stderr)
    result = {
        "pids": household.pids,
        "ids": {"shm": household.shm, "leaked": household.leaked, "sem": household.sem, "msg": household.msg},
        "data": str(household.data),
        "tools": tools(household),
        **json.loads(agent.stdout),
    }
    json.dump(result, sys.stdout)
    household.end()


if __name__ == "__main__":
    main()
