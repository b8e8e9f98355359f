"""`podprobe demo` as a user calls it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from podprobe.model import from_json
from podprobe.targets.local.demo.inside.faults import NAMES
from tests.local import kernel
from tests.support.otlp import receiver


def _demo(*arguments: str, before: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [*(before or []), sys.executable, "-m", "podprobe", "demo", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--fault", "nonsense"], "no fault 'nonsense'"),
        (["--healthy", "--fault", "zombies"], "contradict"),
        (["--keep", "snapshot"], "runs no command"),
        (["schema"], "cannot run 'schema'"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_made(arguments: list[str], said: str) -> None:
    ran = _demo(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_list_of_faults_has_them_all() -> None:
    ran = _demo("--list-faults")
    assert ran.returncode == 0
    assert [line.split()[0] for line in ran.stdout.splitlines()] == list(NAMES)
    patient = {
        line.split()[0]: line.partition("(Takes ")[2] for line in ran.stdout.splitlines() if "(Takes " in line
    }
    assert patient == {
        "missing-listener": "10 seconds: watch, or tui.)",
        "hot-channel": "2 looks: watch, or tui.)",
        "semaphore-wait": "3 looks: watch, or tui.)",
    }


@pytest.mark.namespaces
def test_stdout_is_the_commands_and_nothing_else() -> None:
    ran = _demo("--fault", "zombies", "snapshot", "-o", "json")
    assert ran.returncode == 0, ran.stderr
    snapshot = from_json(ran.stdout)
    assert {each.name for each in snapshot.containers} == {"logger", "web", "app", "worker", "metrics"}
    assert "PRC101" in {finding.code for finding in snapshot.findings}


@pytest.mark.namespaces
def test_the_exit_code_is_the_commands() -> None:
    ran = _demo("--fault", "zombies", "--", "snapshot", "-o", "json", "--fail-on", "warning")
    assert ran.returncode == 4, ran.stderr
    json.loads(ran.stdout)


@pytest.mark.namespaces
def test_as_an_ordinary_user_it_sees_as_much() -> None:
    ran = _demo("snapshot", "-o", "json", before=kernel.WITHOUT_PRIVILEGES)
    assert ran.returncode == 0, ran.stderr
    snapshot = from_json(ran.stdout)
    owners = {
        f"{each.address}:{each.port}": (each.container, each.owner.by) for each in snapshot.network.listeners
    }
    assert owners["127.0.0.1:5000"] == ("app", "fd")
    assert owners["0.0.0.0:8080"] == ("web", "fd")
    assert {"IPC101", "NET101", "PRC101", "TCP101", "VOL102"} <= {
        finding.code for finding in snapshot.findings
    }
    assert [remark for remark in snapshot.visibility if remark.area in {"fds", "maps", "agent"}] == []


@pytest.mark.namespaces
def test_it_goes_when_its_terminal_hangs_up() -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "podprobe", "demo", "--healthy", "--keep"])
    said = b""
    while b"local:" not in said or not said.partition(b"local:")[2].endswith(b"\n"):
        said += os.read(terminal, 1024)
    pid = int(said.partition(b"local:")[2].split()[0])
    network = kernel.namespace(pid, "net")
    assert network is not None
    os.close(terminal)
    try:
        assert kernel.eventually(
            lambda: all(kernel.namespace(one, "net") != network for one in kernel.all_pids())
        )
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.namespaces
def test_a_real_kernels_numbers_reach_a_collector() -> None:
    with receiver() as kept:
        otlp = f"http://127.0.0.1:{kept.port}"
        ran = _demo("--healthy", "watch", "--count", "1", "--quiet", "--otlp", otlp)
        assert (ran.returncode, ran.stderr) == (0, "")
        (request,) = kept.requests
    (scope,) = request.resource_metrics[0].scope_metrics
    (limits,) = (one.gauge.data_points for one in scope.metrics if one.name == "podprobe.ipc.limit")
    assert "shmmax_bytes" in {label.value.string_value for one in limits for label in one.attributes}
