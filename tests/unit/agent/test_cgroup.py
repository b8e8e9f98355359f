"""Control groups as containers have them: v2 and v1, with cgroup namespaces and without, whole and in part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from podprobe.agents.answers import CgroupValue

if TYPE_CHECKING:
    from podprobe_agent.collectors.context import Context
from podprobe_agent.collectors import cgroup

CPU_STAT = "usage_usec 1500000\nuser_usec 1000000\nnr_periods 40\nnr_throttled 10\nthrottled_usec 900\n"
PSI = "some avg10={some} avg60=0.00 avg300=0.00 total=1\nfull avg10={full} avg60=0.00 avg300=0.00 total=1\n"
V2 = {
    "cpu.stat": CPU_STAT,
    "cpu.max": "50000 100000\n",
    "memory.current": "100000000\n",
    "memory.stat": "anon 60000000\nfile 40000000\nshmem 5000000\ninactive_file 30000000\n",
    "memory.max": "134217728\n",
    "memory.peak": "120000000\n",
    "memory.events": "low 0\nhigh 0\nmax 4\noom 1\noom_kill 2\noom_group_kill 0\n",
    "pids.current": "7\n",
    "pids.max": "100\n",
    "pids.events": "max 9\n",
    "cpu.pressure": PSI.format(some="2.50", full="0.00"),
    "memory.pressure": PSI.format(some="1.00", full="0.50"),
    "io.pressure": PSI.format(some="0.25", full="0.10"),
}
READ = {
    "version": 2,
    "cpu_seconds": 1.5,
    "cpu_limit": 0.5,
    "cpu_periods": 40,
    "cpu_throttled_periods": 10,
    "memory_bytes": 100_000_000,
    "memory_working_set_bytes": 70_000_000,
    "memory_shmem_bytes": 5_000_000,
    "memory_limit_bytes": 134_217_728,
    "memory_peak_bytes": 120_000_000,
    "memory_high_events": 0,
    "memory_max_events": 4,
    "oom_events": 1,
    "oom_kills": 2,
    "pids": 7,
    "pids_limit": 100,
    "pids_max_events": 9,
    "pressure": {"cpu_some": 0.025, "memory_some": 0.01, "memory_full": 0.005, "io_some": 0.0025, "io_full": 0.001},
}  # fmt: skip


def measure(context: Context) -> dict:
    value = cgroup.collect(context)
    msgspec.convert(value, CgroupValue)
    return value


@pytest.mark.parametrize(
    ("path", "root", "below"),
    [
        ("/", "/", ""),  # an agent with the same cgroup namespace
        ("/../c1", "/../c1", ""),  # the container's namespace, seen from the agent's
        ("/kubepods/pod1/c1", "/kubepods/pod1/c1", ""),  # no namespace: a bind mount of the group
        ("/kubepods/pod1/c1", "/", "kubepods/pod1/c1/"),  # the host's whole tree
        ("/../../pod1/c1", "/../../pod1/c1", ""),  # the agent is in another Pod's tree
    ],
)
def test_v2_is_found_however_it_is_mounted(proc, context: Context, path: str, root: str, below: str) -> None:
    where = "1/root/sys/fs/cgroup/" + below
    laid = proc(
        {
            "1/cgroup": f"0::{path}\n",
            "1/mountinfo": f"9 1 0:9 / / rw - overlay o rw\n30 9 0:26 {root} /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
            **{where + file: content for file, content in V2.items()},
        }
    )
    value = measure(context)
    assert value.pop("id") == (laid / where).stat().st_ino
    assert value.pop("path") == path
    assert value == READ
    assert context.notes == []


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("/../c1/init", "/../c1"),  # systemd, or docker-in-docker: it moved itself into a group below
        ("/kubepods/c1/init", "/kubepods/c1"),  # the same, for an agent without a cgroup namespace
    ],
)
def test_a_container_that_makes_groups_of_its_own_is_measured_whole(
    proc, context: Context, path: str, root: str
) -> None:
    whole, below = "1/root/sys/fs/cgroup/", "1/root/sys/fs/cgroup/init/"
    laid = proc(
        {
            "self/cgroup": "0::/kubepods/agent\n" if path.startswith("/kubepods") else "0::/\n",
            "1/cgroup": f"0::{path}\n",
            "1/mountinfo": f"9 1 0:9 / / rw - overlay o rw\n30 9 0:26 {root} /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
            **{whole + file: content for file, content in V2.items()},
            below + "memory.max": "max\n",
            below + "memory.current": "5\n",
            below + "memory.events": "oom_kill 0\n",
        }
    )
    value = measure(context)
    # Its sockets are made by processes in the group below.
    assert value.pop("id") == (laid / below).stat().st_ino
    assert value.pop("path") == path
    assert value == READ


def test_v2_without_limits_and_without_optional_files(proc, context: Context) -> None:
    proc(
        {
            "1/cgroup": "0::/\n",
            "1/mountinfo": "30 9 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
            "1/root/sys/fs/cgroup/cpu.max": "max 100000\n",
            "1/root/sys/fs/cgroup/cpu.stat": "usage_usec 1\n",
            "1/root/sys/fs/cgroup/memory.current": "5\n",
            "1/root/sys/fs/cgroup/memory.max": "max\n",
            "1/root/sys/fs/cgroup/pids.max": "max\n",
        }
    )
    value = measure(context)
    absent = (
        "cpu_limit",
        "cpu_periods",
        "memory_limit_bytes",
        "memory_peak_bytes",
        "oom_kills",
        "pids",
        "pids_limit",
    )
    assert {name: value[name] for name in absent} == dict.fromkeys(absent)
    assert value["memory_bytes"] == 5
    assert value["pressure"] == {}


V1_MOUNTS = "".join(
    f"{number} 9 0:{number} /kubepods/c1 /sys/fs/cgroup/{name} ro - cgroup cgroup rw,{name}\n"
    for number, name in enumerate(("cpu,cpuacct", "memory", "pids"), 30)
)
V1_CGROUP = "4:memory:/kubepods/c1\n3:pids:/kubepods/c1\n2:cpu,cpuacct:/kubepods/c1\n0::/kubepods/c1\n"
V1 = {
    "cpu,cpuacct/cpu.cfs_quota_us": "20000\n",
    "cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "cpu,cpuacct/cpu.stat": "nr_periods 3\nnr_throttled 1\nthrottled_time 29427925\n",
    "cpu,cpuacct/cpuacct.usage": "30617782\n",
    "memory/memory.usage_in_bytes": "5550080\n",
    "memory/memory.stat": "cache 1\ninactive_file 1\ntotal_inactive_file 405504\ntotal_shmem 4096\n",
    "memory/memory.limit_in_bytes": "134217728\n",
    "memory/memory.max_usage_in_bytes": "7815168\n",
    "memory/memory.failcnt": "6\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    "pids/pids.current": "5\n",
    "pids/pids.max": "max\n",
}


def test_v1_with_controllers_mounted_together(proc, context: Context) -> None:
    proc(
        {
            "1/cgroup": V1_CGROUP,
            "1/mountinfo": V1_MOUNTS,
            **{"1/root/sys/fs/cgroup/" + file: content for file, content in V1.items()},
        }
    )
    assert measure(context) == {
        "version": 1,
        "path": "/kubepods/c1",
        "cpu_seconds": 0.030617782,
        "cpu_limit": 0.2,
        "cpu_periods": 3,
        "cpu_throttled_periods": 1,
        "memory_bytes": 5550080,
        "memory_working_set_bytes": 5144576,
        "memory_shmem_bytes": 4096,
        "memory_limit_bytes": 134217728,
        "memory_peak_bytes": 7815168,
        "memory_max_events": 6,
        "oom_kills": 3,
        "pids": 5,
        "pids_limit": None,
        "pids_max_events": None,
        "pressure": {},
    }


def test_v1_without_limits(proc, context: Context) -> None:
    files = {
        **V1,
        "cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
    }
    proc(
        {
            "1/cgroup": V1_CGROUP,
            "1/mountinfo": V1_MOUNTS,
            **{"1/root/sys/fs/cgroup/" + file: content for file, content in files.items()},
        }
    )
    value = measure(context)
    assert value["cpu_limit"] is None
    assert value["memory_limit_bytes"] is None


def test_a_hybrid_host_has_v1_numbers_and_the_v2_id(proc, context: Context) -> None:
    laid = proc(
        {
            "1/cgroup": V1_CGROUP,
            "1/mountinfo": V1_MOUNTS + "40 9 0:40 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            **{"1/root/sys/fs/cgroup/" + file: content for file, content in V1.items()},
            "1/root/sys/fs/cgroup/unified/kubepods/c1/cgroup.procs": "1\n",
        }
    )
    value = measure(context)
    assert value["version"] == 1
    assert value["cpu_limit"] == 0.2
    assert value["id"] == (laid / "1/root/sys/fs/cgroup/unified/kubepods/c1").stat().st_ino


def test_the_whole_machines_account_is_not_taken_for_the_containers(proc, context: Context) -> None:
    """In v1 a group may be the container's for one controller and the hierarchy's root for another."""
    files = {"1/root/sys/fs/cgroup/" + file: content for file, content in V1.items()}
    roots = {"1/root/sys/fs/cgroup/cpu,cpuacct/release_agent": ""}
    proc({"1/cgroup": V1_CGROUP, "1/mountinfo": V1_MOUNTS, **files, **roots})
    value = measure(context)
    assert (value["memory_bytes"], value["pids"]) == (5550080, 5)
    assert value["cpu_seconds"] is None
    assert value["cpu_limit"] is None


def test_nothing_mounted_is_told(proc, context: Context) -> None:
    proc({"1/cgroup": "0::/../c1\n", "1/mountinfo": "9 1 0:9 / / rw - overlay o rw\n"})
    (note,) = (cgroup.collect(context), context.notes)[1]
    assert note["level"] == "none"
    assert "no cgroup filesystem" in note["reason"]


def test_a_link_in_place_of_a_file_is_not_followed(proc, context: Context, tmp_path) -> None:
    (tmp_path / "secret").write_text("999\n")
    proc(
        {
            "1/cgroup": "0::/\n",
            "1/mountinfo": "30 9 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
            "1/root/sys/fs/cgroup/memory.current": f"-> {tmp_path}/secret",
            "1/root/sys/fs/cgroup/cpu.max": "max 100000\n",
        }
    )
    assert measure(context)["memory_bytes"] is None
