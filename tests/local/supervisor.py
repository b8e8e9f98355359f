"""Run as the first process of new PID, IPC and mount namespaces: three kinds of process, and agents with few rights.

The first process gives up root without exec, so that it is closed to everybody; a worker of the same user is open;
beside them are the containers of two agents. Prints what agents see from within those, as JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

UID = 4321
AS_NOBODY = ("setpriv", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
HOLDER = "# it looks for 'podprobe[-]agent' among the others\nsleep 300 & wait"
AGENT = """
import json, os, sys
from podprobe_agent import collectors
from podprobe_agent.collectors.context import Context
context = Context(root_pid=1, walk=[sys.argv[1]])
status = open("/proc/self/status").read()
areas = {"pid": os.getpid(), "caps": int(status.partition("CapEff:")[2].split()[0], 16)}
for area in "processes fds open_files maps semaphore_waiters mounts walks dev_shm cgroup locks sysv_sem".split():
    context.area = area
    answer = collectors.load(area)(context)
    areas[area] = answer if isinstance(answer, dict) else list(answer)
areas["notes"] = context.notes
json.dump(areas, sys.stdout)
"""


def start(*command: str) -> int:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).pid


def look(holder: int, volume: Path, *, uid: int) -> dict:
    command = ["nsenter", f"--target={holder}", "--mount"]
    if uid:
        command += [*AS_NOBODY, f"--reuid={uid}", f"--regid={uid}"]
    command += [sys.executable, "-c", AGENT, str(volume), "podprobe-agent"]
    seen = subprocess.run(command, capture_output=True, check=False)
    sys.stderr.buffer.write(seen.stderr)
    return json.loads(seen.stdout)


def main() -> None:
    root = Path(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mount(b"none", b"/", None, (1 << 18) | 16384, None)
    for path, options in ((root / "volume", b"size=1m,mode=777"), (Path("/dev/shm"), b"size=2m,mode=1777")):
        path.mkdir(exist_ok=True)
        if libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", 0, options):
            raise OSError(ctypes.get_errno(), str(path))
    root.chmod(0o755)
    (root / "volume/file").write_bytes(b"x" * 10_000)
    Path("/dev/shm/theirs").write_bytes(b"y" * 100)
    holders = [start("unshare", "--mount", "sh", "-c", HOLDER) for _ in range(2)]
    idle = start("unshare", "--mount", "sleep", "300")  # somebody's debug container
    worker = start(*AS_NOBODY, f"--reuid={UID}", f"--regid={UID}", "sleep", "301")
    supervisor = os.fork()
    if supervisor:
        # The namespace's first process: closed, for it changed its user and did not call exec.
        os.setgroups([])
        os.setresgid(UID, UID, UID)
        os.setresuid(UID, UID, UID)
        os.waitpid(supervisor, 0)
        return
    time.sleep(0.3)
    for pid, name in [(worker, b"301"), *((h, b"podprobe[-]agent") for h in holders)]:
        for _ in range(300):
            if name in Path(f"/proc/{pid}/cmdline").read_bytes():
                break
            time.sleep(0.01)
    one = look(holders[0], root / "volume", uid=UID)
    everything = look(holders[1], root / "volume", uid=0)
    json.dump({"holders": holders, "idle": idle, "worker": worker, "few": one, "all": everything}, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
