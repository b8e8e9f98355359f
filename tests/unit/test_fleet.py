"""Many targets: each outcome on its own, streamed, bounded."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from podprobe.errors import SnapshotError
from podprobe.fleet import Member, look_at_all
from podprobe.model import Snapshot, to_json
from podprobe.opening import Recorded
from podprobe.session import SessionOptions
from podprobe.targets.access import Access
from tests.support.samples import healthy_pod, large_pod, troubled_pod

if TYPE_CHECKING:
    from pathlib import Path


def _write(folder: Path, name: str, snapshot: Snapshot) -> Member:
    file = folder / name
    file.write_text(to_json(snapshot))
    return Member(f"file:{file}")


def test_every_member_has_its_outcome(tmp_path: Path) -> None:
    members = [
        _write(tmp_path, "a", healthy_pod()),
        Member(f"file:{tmp_path}/absent"),
        _write(tmp_path, "b", troubled_pod()),
    ]
    found = {
        outcome.member: outcome for outcome in look_at_all(members, Access(), SessionOptions(), parallel=2)
    }
    assert set(found) == set(members)
    assert [found[member].snapshot for member in members] == [healthy_pod(), None, troubled_pod()]
    assert isinstance(found[members[1]].error, SnapshotError)
    assert all(outcome.seconds >= 0 for outcome in found.values())


def test_a_word_that_is_no_target_is_that_members_error_alone(tmp_path: Path) -> None:
    members = [Member("no/such/form"), _write(tmp_path, "a", healthy_pod())]
    outcomes = list(look_at_all(members, Access(), SessionOptions(), parallel=1))
    assert [outcome.error is None for outcome in outcomes] == [False, True]


def test_a_defect_that_one_member_brings_to_light_is_its_error_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy = _write(tmp_path, "a", healthy_pod())

    def look(recorded: Recorded) -> Snapshot:
        if recorded.declared() == troubled_pod():
            raise ZeroDivisionError("nobody thought of that")
        return recorded.declared()

    monkeypatch.setattr(Recorded, "look", look)
    outcomes = look_at_all(
        [_write(tmp_path, "b", troubled_pod()), healthy], Access(), SessionOptions(), parallel=1
    )
    failed, well = outcomes
    assert well.snapshot == healthy_pod()
    assert failed.error is not None
    assert re.search(r"ZeroDivisionError at test_fleet.py:\d+: nobody thought of that", failed.error.message)
    assert "please report it" in failed.error.hint


def _snapshots_alive() -> int:
    gc.collect()
    return sum(isinstance(found, Snapshot) for found in gc.get_objects())


@pytest.mark.parametrize("parallel", [1, 3])
def test_no_more_snapshots_exist_than_are_under_way(tmp_path: Path, parallel: int) -> None:
    pod = msgspec.structs.replace(large_pod(200), findings=())
    members = [_write(tmp_path, str(number), pod) for number in range(25)]
    before = _snapshots_alive()
    most = 0
    for _ in look_at_all(members, Access(), SessionOptions(), parallel=parallel):
        most = max(most, _snapshots_alive() - before)
    # The one just yielded, those that wait to be taken, and those being read.
    assert 1 <= most <= 2 * parallel + 1


def test_a_caller_that_stops_stops_the_rest(tmp_path: Path) -> None:
    members = [_write(tmp_path, str(number), healthy_pod()) for number in range(50)]
    outcomes = look_at_all(members, Access(), SessionOptions(), parallel=2)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    with pytest.raises(StopIteration):
        next(outcomes)


@pytest.mark.parametrize(
    ("member", "place"),
    [
        (Member("web", "shop"), ("shop", "web")),
        (Member("pod/web"), ("tests", "web")),
        (Member("deploy/none"), ("tests", "deploy/none")),
        (Member("file:/absent/a"), (None, "file:/absent/a")),
        (Member("no/such/form"), (None, "no/such/form")),
    ],
)
def test_whose_a_failure_is(
    member: Member, place: tuple[str | None, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", "/absent/config")
    (outcome,) = look_at_all([member], Access(namespace="tests"), SessionOptions(), parallel=1)
    assert (outcome.namespace, outcome.pod) == place
    assert outcome.error


_WITH_PEAK = """
import sys
from podprobe.cli import main
try:
    main(sys.argv[1:])
finally:
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print(line.split()[1], file=sys.stderr)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("output", ["json", "table"])
def test_memory_does_not_grow_with_the_number_of_pods(tmp_path: Path, output: str) -> None:
    target = _write(tmp_path, "pod", troubled_pod()).target

    def peak_mib(pods: int) -> float:
        command = [sys.executable, "-c", _WITH_PEAK, "snapshot", "-o", output, *[target] * pods]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True, timeout=120
        )
        return int(done.stderr) / 1024

    assert peak_mib(300) < peak_mib(10) + 12, "290 snapshots more would be 47 MiB"
