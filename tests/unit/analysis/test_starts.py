"""The order of starts: who waited for whom by the spec, and when each began by the kubelet and the processes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from podprobe.analysis.starts import starts
from podprobe.analysis.startup import lane, waits
from podprobe.model import Container, LastExit, Probe, Process, Processes, Start, Wait

MIGRATE = Container(
    name="migrate",
    kind="init",
    state="terminated",
    last_exit=LastExit(started_at="2026-01-01T00:00:00Z", finished_at="2026-01-01T00:00:04Z", exit_code=0),
)
PROXY = Container(
    name="proxy",
    kind="sidecar",
    state="running",
    started_at="2026-01-01T00:00:05Z",
    probes=(Probe(role="startup", kind="tcp", port=15000),),
)
LOGGER = Container(name="logger", kind="sidecar", state="running", started_at="2026-01-01T00:00:06Z")
WEB = Container(name="web", state="running", started_at="2026-01-01T00:00:08Z")
APP = Container(name="app", state="running", started_at="2026-01-01T00:00:08Z")


def by_name(*containers: Container) -> dict[str, Start]:
    return {start.container: start for start in starts(containers)}


def test_init_containers_and_sidecars_come_first_and_are_waited_for() -> None:
    # A Pod's containers come as its spec has them: application containers before init containers.
    found = by_name(WEB, APP, MIGRATE, PROXY, LOGGER)
    assert list(found) == ["migrate", "proxy", "logger", "web", "app"]
    assert found["migrate"].waited_for == ()
    assert found["proxy"].waited_for == (Wait(container="migrate", until="ended"),)
    everyone = (
        Wait(container="migrate", until="ended"),
        Wait(container="proxy", until="startup-probe"),
        Wait(container="logger", until="running"),
    )
    assert found["web"].waited_for == found["app"].waited_for == everyone
    assert waits(found["web"]) == "migrate (ended), proxy (startup probe), logger (runs)"


def test_a_post_start_hook_holds_up_the_containers_after_it() -> None:
    hooked = msgspec.structs.replace(WEB, post_start_hook=True)
    found = by_name(hooked, APP, msgspec.structs.replace(LOGGER, post_start_hook=True))
    assert found["web"].waited_for == (Wait(container="logger", until="post-start-hook"),)
    assert waits(found["app"]) == "logger (postStart hook), web (postStart hook)"
    probed = msgspec.structs.replace(PROXY, post_start_hook=True)
    assert by_name(probed, APP)["app"].waited_for == (Wait(container="proxy", until="startup-probe"),)


def test_times_are_told_from_the_first_start_of_all() -> None:
    found = by_name(WEB, MIGRATE, PROXY)
    assert (found["migrate"].after_ms, found["migrate"].lasted_ms) == (0, 4000)
    assert found["migrate"].ended_at == "2026-01-01T00:00:04Z"
    assert (found["proxy"].after_ms, found["proxy"].lasted_ms, found["proxy"].ended_at) == (5000, None, None)
    assert found["web"].after_ms == 8000


def running(started_at: str, *processes: str) -> Container:
    top = tuple(
        Process(pid=number, parent=0, name="x", state="sleeping", started_at=at)
        for number, at in enumerate(processes, 1)
    )
    return Container(
        name="web",
        state="running",
        started_at=started_at,
        processes=Processes(count=len(top), zombies=0, threads=0, top=top),
    )


def test_a_process_tells_the_start_finer_than_the_kubelet() -> None:
    web = running("2026-01-01T00:00:08Z", "2026-01-01T00:00:09.500Z", "2026-01-01T00:00:07.640Z")
    found = by_name(MIGRATE, web)["web"]
    assert found.process_started_at == "2026-01-01T00:00:07.640Z"
    assert found.after_ms == 7640


def test_a_process_from_another_time_is_no_help() -> None:
    # The first process may have handed over to another one, hours later.
    found = by_name(MIGRATE, running("2026-01-01T00:00:08Z", "2026-01-01T05:00:00Z"))["web"]
    assert found.after_ms == 8000


def test_what_never_started_is_told_without_times() -> None:
    found = by_name(Container(name="web", state="waiting"), MIGRATE)["web"]
    assert (found.started_at, found.after_ms, found.lasted_ms) == (None, None, None)
    assert lane(found, [found], 10) == []


def test_ephemeral_containers_have_no_part_in_it() -> None:
    assert starts([Container(name="debug", kind="ephemeral", state="running")]) == ()


def test_the_lanes_share_one_axis() -> None:
    made = starts([WEB, MIGRATE, PROXY])
    drawn = {one.container: "".join(text for text, _ in lane(one, made, 22)) for one in made}
    assert {len(line) for line in drawn.values()} == {22}
    assert drawn["migrate"] == "┝" + "━" * 9 + " " * 12
    assert drawn["proxy"].index("┝") < drawn["web"].index("┝")
    assert drawn["web"].endswith("━")


@pytest.mark.parametrize("number", [0, 10**400, -5])
def test_odd_numbers_do_no_harm(number: int) -> None:
    odd = Start(container="x", kind="app", after_ms=number, lasted_ms=number)
    assert len("".join(text for text, _ in lane(odd, [odd], 12))) == 12


def test_all_at_once_is_no_division_by_nothing() -> None:
    one: Any = Start(container="x", kind="app", after_ms=0)
    assert "".join(text for text, _ in lane(one, [one], 4)) == "┝━━━"
