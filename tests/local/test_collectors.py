"""What the agent reads is what the system's own tools say of the same household in the same moment."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from podprobe.agents.answers import ITEMS, VALUES

pytestmark = pytest.mark.namespaces


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("household")
    household = Path(__file__).parent / "household.py"
    run = subprocess.run(
        ["unshare", "--pid", "--ipc", "--mount", "--fork", "--mount-proc", "--kill-child",
         sys.executable, household, root],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def number(text: str, pattern: str) -> int:
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in {text}"
    return int(found.group(1))


def table(tool: str) -> list[dict[str, Any]]:
    (rows,) = json.loads(tool).values()
    return list(rows)


def test_every_answer_has_the_shape_that_the_client_reads(seen: dict[str, Any]) -> None:
    for area, answer in seen["areas"].items():
        area = area.split()[0]
        if area in VALUES:
            msgspec.convert(answer, VALUES[area])
        else:
            assert answer or area == "fds"
            msgspec.convert(answer, list[ITEMS[area]])
    assert seen["notes"] == []


def test_processes_as_ps(seen: dict[str, Any]) -> None:
    items = {item["pid"]: item for item in seen["areas"]["processes"]}
    rows = [line.split() for line in seen["tools"]["ps"].splitlines()]
    listed = {int(row[0]): row for row in rows if row[-1] != "ps"}
    assert items.keys() == listed.keys()
    assert seen["agent_pid"] not in items
    for pid, row in listed.items():
        item = items[pid]
        assert item["parent"] == int(row[1])
        assert (item["state"] == "zombie") == (row[2] == "Z")
        if item["state"] != "zombie":
            assert (item["uid"], item["gid"], item["threads"]) == (int(row[3]), int(row[4]), int(row[5]))
    zombie = items[seen["pids"]["zombie"]]
    assert (zombie["state"], zombie["parent"], zombie["command"]) == ("zombie", 1, None)
    assert items[seen["pids"]["changed"]]["uid"] == 33
    assert items[seen["pids"]["changed"]]["open_files"] > 3


def test_no_secret_leaves_and_escapes_stay_for_the_client_to_neutralise(seen: dict[str, Any]) -> None:
    (other,) = [p for p in seen["areas"]["processes"] if p["pid"] == seen["pids"]["other container"]]
    assert other["command"].endswith("--token [redacted]")
    assert "\x1b[31m" in other["command"]
    assert "S3cret" not in json.dumps(seen["areas"])


def test_shared_memory_as_ipcs(seen: dict[str, Any]) -> None:
    items = {item["id"]: item for item in seen["areas"]["sysv_shm"]}
    rows = {int(row["id"]): row for row in table(seen["tools"]["lsipc_shm"])}
    assert items.keys() == rows.keys()
    for shmid, row in rows.items():
        item = items[shmid]
        assert f"0x{item['key']:08x}" == row["key"]
        assert (item["bytes"], item["attachments"]) == (int(row["size"]), int(row["nattch"]))
        assert (item["creator_pid"], item["last_pid"]) == (int(row["cpid"]), int(row["lpid"]))
        assert bool(item["mode"] & 0o1000) == (row["status"] == "dest")
    shown = seen["tools"]["ipcs_shm"]
    assert items[seen["ids"]["shm"]]["mode"] == int(re.search(r"mode=(\d+)", shown).group(1), 8)  # type: ignore[union-attr]
    resident = sum(item["resident_bytes"] for item in items.values())
    assert resident == number(seen["tools"]["ipcs_use"], r"pages resident +(\d+)") * 4096


def test_attachments_add_up_to_the_kernels_count(seen: dict[str, Any]) -> None:
    """The kernel counts attachments, the agent tells who has them: a process with three has three times the bytes."""
    for segment in seen["areas"]["sysv_shm"]:
        size = -(-segment["bytes"] // 4096) * 4096
        mapped = [m for m in seen["areas"]["maps"] if m["kind"] == "sysv" and m["shmid"] == segment["id"]]
        assert sum(m["bytes"] // size for m in mapped) == segment["attachments"]
    attacher = [m for m in seen["areas"]["maps"] if m["pid"] == seen["pids"]["attacher"]]
    assert 3 << 20 in [m["bytes"] for m in attacher]


def test_semaphores_and_who_waits_as_ipcs(seen: dict[str, Any]) -> None:
    (item,) = seen["areas"]["sysv_sem"]
    rows = [
        list(map(int, line.split()))
        for line in seen["tools"]["ipcs_sem"].splitlines()
        if re.fullmatch(r"(\d+\s+){4}\d+\s*", line)
    ]
    assert item["values"] == [row[1] for row in rows]
    assert item["waiting"] == [row[2] + row[3] for row in rows]
    assert item["key"] == -0x11223344 & 0xFFFFFFFF
    waiters = {(w["pid"], w["semid"]) for w in seen["areas"]["semaphore_waiters"]}
    assert waiters == {(seen["pids"][name], item["id"]) for name in ("rises", "zero", "foreign waiter")}


def test_message_queues_as_ipcs(seen: dict[str, Any]) -> None:
    (item,) = seen["areas"]["sysv_msg"]
    shown = seen["tools"]["ipcs_msg"]
    assert item["bytes"] == number(shown, r"cbytes=(\d+)") == 500
    assert item["max_bytes"] == number(shown, r"qbytes=(\d+)")
    assert item["messages"] == number(shown, r"qnum=(\d+)")
    assert (item["last_send_pid"], item["last_receive_pid"]) == (1, 0)


def test_limits_as_ipcs_and_lsipc(seen: dict[str, Any]) -> None:
    limits, used = seen["areas"]["ipc_limits"]["limits"], seen["areas"]["ipc_limits"]["used"]
    shown = seen["tools"]["ipcs_limits"]
    assert limits["msgmni"] == number(shown, r"max queues system wide = (\d+)")
    assert limits["msgmax"] == number(shown, r"max size of message \(bytes\) = (\d+)")
    assert limits["msgmnb"] == number(shown, r"default max size of queue \(bytes\) = (\d+)")
    assert limits["shmmni"] == number(shown, r"max number of segments = (\d+)")
    assert limits["semmni"] == number(shown, r"max number of arrays = (\d+)")
    assert limits["semmsl"] == number(shown, r"max semaphores per array = (\d+)")
    assert limits["semmns"] == number(shown, r"max semaphores system wide = (\d+)")
    rows = {row["resource"].lower(): row for row in table(seen["tools"]["lsipc"])}
    for name in ("msgmni", "shmmni", "semmni", "semmns"):
        assert (limits[name], used[name]) == (int(rows[name]["limit"]), int(rows[name]["used"]))
    # lsipc adds bytes and divides; the kernel counts whole pages, as ipcs does.
    assert used["shmall_bytes"] == number(seen["tools"]["ipcs_use"], r"pages allocated +(\d+)") * 4096
    assert used["mqueue_queues_max"] == 1
    assert seen["areas"]["ipc_limits through the container"]["used"] == used


def test_dev_shm_and_who_has_it(seen: dict[str, Any]) -> None:
    files = {item["name"]: item for item in seen["areas"]["dev_shm"]}
    assert {name: (f["bytes"], f["mode"]) for name, f in files.items()} == {
        "ring": (3 << 20, 0o640),
        "sem.ready": (32, 0o644),
        "boost/pool": (10, 0o644),
    }
    assert files["ring"]["used_bytes"] == 1 << 20
    key = (files["ring"]["device"], files["ring"]["inode"])
    mapped = {m["pid"] for m in seen["areas"]["maps"] if (m["device"], m["inode"]) == key}
    opened = {f["pid"] for f in seen["areas"]["open_files"] if (f["device"], f["inode"]) == key}
    assert {1, seen["pids"]["flock waiter"]} <= mapped & opened


def test_shared_memory_without_a_name(seen: dict[str, Any]) -> None:
    """`arena`: 2 MiB long, of which 300,000 bytes are written at the start of each half, whole pages of them."""
    pages = 2 * -(-300_000 // 4096) * 4096
    (arena,) = [m for m in seen["areas"]["maps"] if m["deleted"] and m["pid"] == 1]
    assert (arena["path"], arena["bytes"]) == ("/dev/shm/arena", 3 << 20)
    assert (arena["file"]["size_bytes"], arena["file"]["used_bytes"], arena["file"]["mode"]) == (
        2 << 20,
        pages,
        0o600,
    )
    (closed,) = [m for m in seen["areas"]["maps without links"] if m["deleted"] and m["pid"] == 1]
    assert "file" not in closed
    assert (closed["reach_bytes"], closed["resident_bytes"]) == (2 << 20, pages)
    assert closed["inode"] == arena["inode"]
    (drawer,) = [f for f in seen["areas"]["open_files"] if f["path"] == "/dev/shm/drawer" and f["pid"] == 1]
    assert (drawer["kind"], drawer["file"]["size_bytes"], drawer["bytes"]) == ("deleted", 50_000, 53_248)
    listed = {item["inode"] for item in seen["areas"]["dev_shm"]}
    assert not {arena["inode"], drawer["inode"]} & listed
    # Nothing is missing from what the filesystem says is in use.
    (filesystem,) = [
        m for m in seen["areas"]["mounts"] if m["path"] == "/dev/shm" and m.get("bytes") == 8 << 20
    ]
    files = sum(item["used_bytes"] for item in seen["areas"]["dev_shm"])
    assert files + pages + drawer["bytes"] == filesystem["used_bytes"]


def test_posix_queues(seen: dict[str, Any]) -> None:
    (queue,) = seen["areas"]["mqueue"]
    assert (queue["name"], queue["mode"], queue["messages"]) == ("/jobs", 0o600, 3)
    assert (queue["max_messages"], queue["message_bytes"], queue["queued_bytes"]) == (7, 64, 15)
    holders = [f for f in seen["areas"]["open_files"] if f["kind"] == "mqueue" and f["pid"] == 1]
    assert [(f["path"], f["inode"]) for f in holders] == [("/jobs", queue["inode"])]


def test_mounts_as_findmnt(seen: dict[str, Any]) -> None:
    items = {item["id"]: item for item in seen["areas"]["mounts"]}
    rows = {row["id"]: row for row in table(seen["tools"]["findmnt"])}
    assert rows.keys() <= items.keys()
    # A mount of the machine's goes from every namespace when its directory is removed, between the two readings too;
    # those of the test's own stay.
    gone = [items[mount]["path"] for mount in items.keys() - rows.keys()]
    assert not [path for path in gone if path.startswith(str(Path(seen["data"]).parent))]
    for mount, row in rows.items():
        item = items[mount]
        assert (item["parent"], item["device"], item["root"]) == (
            row["parent"],
            row["maj:min"],
            row["fsroot"],
        )
        assert (item["path"], item["filesystem_type"]) == (row["target"], row["fstype"])
        assert item["options"] == row["vfs-options"]
    assert seen["data"] in [item["path"] for item in items.values()]


def test_bytes_and_inodes_as_df(seen: dict[str, Any]) -> None:
    by_path = {item["path"]: item for item in seen["areas"]["mounts"]}
    for tool, names in (
        ("df", ("bytes", "used_bytes", "available_bytes")),
        ("df_i", ("inodes", "used_inodes")),
    ):
        shown = [line.split()[-len(names) :] for line in seen["tools"][tool].splitlines()[1:]]
        for path, row in zip((seen["data"], "/dev/shm"), shown, strict=True):
            assert [by_path[path][name] for name in names] == list(map(int, row)), path
    data = by_path[seen["data"]]
    assert (data["bytes"], data["inodes"]) == (4 << 20, 200)
    # root, sub, its files, a link (tmpfs counts those too), locks, mount points, two open files
    assert data["used_inodes"] == 1 + 1 + 40 + 1 + 3 + 2 + 2


def test_a_mount_under_another_is_not_confused_with_it(seen: dict[str, Any]) -> None:
    below, above = [m for m in seen["areas"]["mounts"] if m["path"].endswith("/hidden")]
    assert "hides it" in below["error"]
    assert "bytes" not in below
    assert (above["bytes"], above["inodes"]) == (2 << 20, 60)
    (under,) = [m for m in seen["areas"]["mounts"] if m["path"].endswith("/over/under")]
    assert "hides it" in under["error"]


def test_walks_as_du(seen: dict[str, Any]) -> None:
    whole, sub, _ = seen["areas"]["walks"]
    assert sub["bytes"] == int(seen["tools"]["du"].split()[0])
    assert sub["inodes"] == int(seen["tools"]["du_inodes"].split()[0]) == 41
    # What is mounted below is not the volume's; the deleted file has no entry, and no place in a walk.
    assert whole["complete"]
    assert (
        whole["inodes"] == 1 + 41 + 1 + 3 + 1
    )  # root, sub, `again` on the same device, locks, `name (deleted)`


def test_a_filesystem_that_never_answers_holds_up_nothing_else(seen: dict[str, Any]) -> None:
    """A FUSE mount without its server: every call on it waits for ever."""
    dead, below = [m for m in seen["areas"]["mounts"] if "/dead" in m["path"]][::-1]
    assert dead["filesystem_type"] == "fuse"
    assert "no answer within" in dead["error"]
    assert below["filesystem_type"] == "tmpfs"
    assert "no answer within" in below["error"]
    walk = seen["areas"]["walks"][-1]
    assert (walk["complete"], walk["inodes"]) == (False, 0)
    assert "no answer within" in walk["reason"]


def test_deleted_files(seen: dict[str, Any]) -> None:
    (file,) = [
        f
        for f in seen["areas"]["open_files"]
        if f["kind"] == "deleted" and f["pid"] == 1 and not f["path"].startswith("/dev/shm")
    ]  # no memfd, and no file that is merely called so
    assert file["path"] == f"{seen['data']}/gone"
    assert file["bytes"] == 200_704
    assert file["device"] == next(m["device"] for m in seen["areas"]["mounts"] if m["path"] == seen["data"])


def test_locks_as_lslocks(seen: dict[str, Any]) -> None:
    device = next(m["device"] for m in seen["areas"]["mounts"] if m["path"] == seen["data"])
    locks = [lock for lock in seen["areas"]["locks"] if lock["device"] == device]
    assert all(lock["id"] > 0 for lock in locks)
    shown = {
        (row["type"].lower().replace("ofdlck", "ofd"), row["inode"], row["mode"].rstrip("*").lower())
        for row in table(seen["tools"]["lslocks"])
        if row["maj:min"] == device
    }
    assert {(lock["kind"], lock["inode"], lock["access"]) for lock in locks} == shown
    for kind in ("flock", "posix", "ofd"):
        holder, waiter = sorted((k for k in locks if k["kind"] == kind), key=lambda k: k["waiting"])
        assert (holder["pid"], holder["waiting"]) == (1, False)
        assert (waiter["pid"], waiter["waiting"]) == (seen["pids"][f"{kind} waiter"], True)
        assert holder["path"] == f"{seen['data']}/{kind}"
