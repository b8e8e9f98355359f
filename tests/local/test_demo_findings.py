"""Each fault of the demo Pod makes the findings appear that it is meant to show; a healthy Pod has none."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from podprobe.findings import RULES
from podprobe.session import Session
from podprobe.targets.local import open_local
from podprobe.targets.local.demo import DEFAULT, Demo, FaultInfo, faults
from tests.local import kernel

pytestmark = pytest.mark.namespaces

_LOOKS = 24
_PAUSE_SECONDS = 0.7


def _found(demo: Demo, wanted: set[str]) -> set[str]:
    """Codes of the findings at the look that has all that are wanted, or at the last: some rules need time."""
    session = Session(open_local(demo.pid))
    try:
        for _ in range(_LOOKS):
            found = {finding.code for finding in session.look().findings}
            if wanted <= found:
                return found
            time.sleep(_PAUSE_SECONDS)
        return found
    finally:
        session.close()


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_a_fault_is_found(fault: FaultInfo) -> None:
    if unknown := set(fault.findings) - set(RULES):
        pytest.skip(f"there is no rule {', '.join(sorted(unknown))}")
    with kernel.demo_with(fault.name) as demo:
        assert set(fault.findings) <= _found(demo, set(fault.findings))


@pytest.mark.parametrize(
    ("fault", "code", "kind"),
    [
        ("stuck-connection", "TCP103", "tcp"),
        ("close-wait", "NET108", "tcp"),
        ("accept-queue-full", "NET107", "tcp"),
        ("lock-wait", "VOL107", "volume"),
        ("inodes-full", "VOL102", "volume"),
    ],
)
def test_the_map_shows_what_a_finding_says(fault: str, code: str, kind: str) -> None:
    with kernel.demo_with(fault) as demo, closing(Session(open_local(demo.pid))) as session:
        for _ in range(_LOOKS):
            snapshot = session.look()
            if any(finding.code == code for finding in snapshot.findings):
                break
            time.sleep(_PAUSE_SECONDS)
        marked = [one for one in snapshot.channels if code in one.findings]
        assert {one.kind for one in marked} == {kind}
        assert {one.health for one in marked} <= {"degraded", "broken"}
        assert {name for one in marked for name in (one.a, one.b)} != {None}


def test_what_is_sent_again_needlessly_is_no_loss() -> None:
    """At the end of every burst the kernel asks (a tail-loss probe), and the peer says that it had the segment."""
    with kernel.demo_with("hot-channel") as demo, Session(open_local(demo.pid)) as session:

        def again() -> bool:
            details = kernel.tcp_details(demo, "sport = :7009")
            return any("dsack_dups:" in line for line in details)

        if not kernel.eventually(again, 40):
            pytest.skip("this kernel sent nothing twice")
        for _ in range(4):
            found = [one.subject for one in session.look().findings if one.code in {"TCP101", "TCP104"}]
            assert found == []
            time.sleep(_PAUSE_SECONDS)


def test_all_of_the_default_faults_are_found_together() -> None:
    wanted = {code for fault in faults() if fault.name in DEFAULT for code in fault.findings}
    with Demo() as demo:
        assert wanted <= _found(demo, wanted)


def test_a_healthy_pod_has_no_finding() -> None:
    with Demo(()) as demo:
        session = Session(open_local(demo.pid))
        try:
            for _ in range(6):
                snapshot = session.look()
                # RES105 says that the machine which runs the tests is busy.
                assert {(one.code, one.subject) for one in snapshot.findings if one.code != "RES105"} == set()
                time.sleep(_PAUSE_SECONDS)
        finally:
            session.close()
        assert snapshot.visibility == ()
