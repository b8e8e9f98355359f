"""Sources: live ones outlive failures, recordings can be moved in."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest

from podprobe.errors import AccessError, AgentError, SnapshotError, UsageError
from podprobe.model import to_json
from podprobe.targets.base import Progress
from podprobe.tui.screens.reader import Reader
from podprobe.tui.sources import (
    Failed,
    LiveSource,
    Looked,
    Moved,
    Progressed,
    RecordingSource,
    Surveyed,
    live,
)
from tests.support.samples import healthy_pod, large_pod
from tests.tui.support import replace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from podprobe.model import Snapshot
    from podprobe.tui.sources import Report

POD = healthy_pod()


class Script:
    """A session whose looks end as the script says."""

    def __init__(self, *looks: Snapshot | Exception) -> None:
        self.looks = list(looks)
        self.closed = 0

    def declared(self) -> Snapshot:
        return POD

    def look(self) -> Snapshot:
        if not self.looks:
            time.sleep(0.01)
            return POD
        one = self.looks.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    def close(self) -> None:
        self.closed += 1


def reports_of(source: LiveSource | RecordingSource, enough: Callable[[list[Report]], bool]) -> list[Report]:
    """Run a source in this thread until it has reported enough."""
    found: list[Report] = []

    def report(one: Report) -> None:
        found.append(one)
        if enough(found):
            source.close()

    watchdog = threading.Timer(20, source.close)
    watchdog.start()
    source.run(report)
    watchdog.cancel()
    assert enough(found), found
    return found


@pytest.fixture(autouse=True)
def short_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BACKOFF_SECONDS", (0.01, 0.02))


def test_what_is_declared_comes_before_the_first_look_and_progress_between() -> None:
    session = Script()

    def open_session(progress: Callable[[Progress], None]) -> Script:
        progress(Progress("pulling"))
        return session

    found = reports_of(LiveSource("web", open_session, 0.01), lambda seen: len(seen) == 3)
    assert found == [Progressed(Progress("pulling")), Looked(POD, declared=True), Looked(POD)]
    assert session.closed == 1


def test_failures_are_reported_with_a_longer_wait_each_time_and_looking_goes_on() -> None:
    error = AgentError("no answer", "wait")
    session = Script(error, error, error, POD, error)
    found = reports_of(LiveSource("web", lambda _: session, 0.01), lambda seen: len(seen) == 6)
    waits = [one.retry_seconds for one in found if isinstance(one, Failed)]
    assert waits == [0.01, 0.02, 0.02, 0.01]
    assert isinstance(found[4], Looked)


def test_a_target_is_opened_again_after_an_access_error() -> None:
    sessions = [Script(AccessError("expired")), Script(POD)]
    opened: list[Script] = []

    def open_session(_: object) -> Script:
        opened.append(sessions[len(opened)])
        return opened[-1]

    reports_of(LiveSource("web", open_session, 0.01), lambda seen: seen[-1] == Looked(POD))
    assert len(opened) == 2
    assert sessions[0].closed == 1


def test_a_target_that_cannot_be_opened_is_tried_again() -> None:
    outcomes: list[Exception | Script] = [AgentError("away"), ValueError("a bug"), Script()]

    def open_session(_: object) -> Script:
        one = outcomes.pop(0)
        if isinstance(one, Exception):
            raise one
        return one

    found = reports_of(LiveSource("web", open_session, 0.01), lambda seen: seen[-1] == Looked(POD))
    failures = [one.error.message for one in found if isinstance(one, Failed)]
    assert failures[0] == "away"
    assert re.fullmatch(
        r"a look failed by a defect of podprobe's: ValueError at test_sources.py:\d+: a bug", failures[1]
    )


def test_a_wrong_call_is_not_tried_again() -> None:
    def open_session(_: object) -> Script:
        raise UsageError("no such thing")

    source = LiveSource("web", open_session, 0.01)
    found: list[Report] = []
    source.run(found.append)
    assert [one.retry_seconds for one in found if isinstance(one, Failed)] == [None]


def test_pause_stops_looking() -> None:
    looks = [0]

    class Counting(Script):
        def look(self) -> Snapshot:
            looks[0] += 1
            return POD

    source = LiveSource("web", lambda _: Counting(), 0.01)
    thread = threading.Thread(target=source.run, args=(lambda _: None,))
    thread.start()
    try:
        while looks[0] < 3:
            time.sleep(0.01)
        source.pause(True)
        time.sleep(0.1)
        seen = looks[0]
        time.sleep(0.2)
        assert looks[0] == seen
        source.pause(False)
        deadline = time.monotonic() + 10
        while looks[0] == seen and time.monotonic() < deadline:
            time.sleep(0.01)
        assert looks[0] > seen
    finally:
        source.close()
        thread.join(10)
    assert not thread.is_alive()


def test_a_reader_does_not_wait_for_a_look_that_never_ends() -> None:
    stuck = threading.Event()

    class Stuck(Script):
        def look(self) -> Snapshot:
            stuck.wait(30)
            return POD

    class Nobody:
        def post_message(self, _: object) -> bool:
            return True

    reader = Reader(LiveSource("web", lambda _: Stuck()), Nobody())  # type: ignore[arg-type]
    reader.start()
    before = time.monotonic()
    reader.close()
    assert time.monotonic() - before < 10
    stuck.set()


@pytest.fixture
def pods() -> list[Snapshot]:
    return [replace(POD, taken_at=f"2026-03-01T03:12:{second:02}Z") for second in range(10)]


@pytest.fixture
def recording(tmp_path: Path, pods: list[Snapshot]) -> Path:
    file = tmp_path / "pods.jsonl"
    file.write_text("".join(to_json(one, indent=0) + "\n" for one in pods))
    return file


def test_a_snapshot_printed_for_people_is_one_place(tmp_path: Path) -> None:
    for indent in (0, 2):
        file = tmp_path / f"{indent}.json"
        file.write_text(to_json(POD, indent=indent) + "\n")
        source = RecordingSource([file])
        assert [source.read(number) for number in range(len(source))] == [POD]


def test_files_follow_one_another(tmp_path: Path, recording: Path, pods: list[Snapshot]) -> None:
    single = tmp_path / "one.json"
    single.write_text(to_json(POD))
    source = RecordingSource([single, recording])
    assert [source.read(number) for number in range(len(source))] == [POD, *pods]


def test_seeking_brings_the_past_for_the_trends(recording: Path, pods: list[Snapshot]) -> None:
    source = RecordingSource([recording])

    found: list[Report] = []

    def report(one: Report) -> None:
        if isinstance(one, Surveyed):
            return
        found.append(one)
        moves = [5, 1, -100, 100]
        if len(found) <= len(moves):
            source.seek(moves[len(found) - 1])
        else:
            source.close()

    source.run(report)
    moved = [one for one in found if isinstance(one, Moved)]
    assert [one.timeline.position for one in moved] == [0, 5, 6, 0, 9]
    assert [one.step for one in moved] == [False, False, True, False, False]
    assert moved[1].before == tuple(pods[:5])
    assert moved[2].before == ()
    assert moved[4].snapshot == pods[9]


def test_playing_goes_to_the_end_and_stops(tmp_path: Path) -> None:
    file = tmp_path / "fast.jsonl"
    fast = [replace(POD, taken_at=f"2026-03-01T03:12:00.{tenth}00Z") for tenth in range(4)]
    file.write_text("".join(to_json(one, indent=0) + "\n" for one in fast))
    source = RecordingSource([file])
    source.pause(False)
    found = reports_of(source, lambda seen: sum(isinstance(one, Moved) for one in seen) == 4)
    moved = [one for one in found if isinstance(one, Moved)]
    assert [one.timeline.position for one in moved] == [0, 1, 2, 3]
    last = moved[-1]
    assert not last.timeline.playing


def test_a_line_cut_off_while_it_was_written_is_left_out(recording: Path) -> None:
    text = recording.read_text()
    recording.write_text(text[:-400])
    assert len(RecordingSource([recording])) == 9


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '{"schema": "podprobe.snapshot/v9"}', "not json at all\n" * 3]
)
def test_a_file_that_is_none_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(SnapshotError, match=r"bad\.json"):
        RecordingSource([file]).read(0)


def test_a_bad_line_is_reported_and_the_rest_can_be_seen(recording: Path) -> None:
    lines = recording.read_text().splitlines()
    lines[1] = '{"schema": 3}'
    recording.write_text("\n".join(lines) + "\n")
    source = RecordingSource([recording])
    found: list[Report] = []

    def report(one: Report) -> None:
        if isinstance(one, Surveyed):
            return
        found.append(one)
        source.seek([1, 1, 5][len(found) - 1]) if len(found) < 4 else source.close()

    source.run(report)
    assert [type(one) for one in found] == [Moved, Failed, Moved, Moved]
    assert isinstance(found[1], Failed)
    assert "line 2" in found[1].error.message
    assert isinstance(found[3], Moved)
    assert len(found[3].before) == 6


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="No such file"):
        RecordingSource([tmp_path / "none.json"])


def test_history_is_bounded_whatever_a_pod_does() -> None:
    from podprobe.tui.history import History

    history = History(looks=10, trends=100)
    pod = large_pod(400)
    for number in range(50):
        flows = tuple(
            replace(one, server=f"10.0.{number}.1:{port}") for port, one in enumerate(pod.network.flows)
        )
        history.add(replace(pod, network=replace(pod.network, flows=flows)))
    assert len(history._series) <= 100
    assert len(history._last_seen) == len(history._series)
    assert all(len(values) <= 10 for values in history._series.values())
    assert len(history) == 10


def test_a_trend_has_gaps_where_its_subject_was_not_seen() -> None:
    from podprobe.tui import keys
    from podprobe.tui.history import History

    history = History(looks=5)
    flow = POD.network.flows[0]
    without = replace(POD, network=replace(POD.network, flows=()))
    for pod in (POD, without, without, POD, without):
        history.add(pod)
    assert history.series(keys.of_flow(flow), "rtt") == [48.0, None, None, 48.0, None]
    for _ in range(6):
        history.add(without)
    assert history.series(keys.of_flow(flow), "rtt") == []


def test_cpu_is_cores_and_begins_anew_with_a_restarted_counter() -> None:
    from podprobe.tui.history import History

    history = History()
    container = POD.containers[0]
    assert container.cgroup is not None
    for second, used in enumerate([10.0, 10.5, 11.0, 0.2, 0.7]):
        group = replace(container.cgroup, cpu_seconds=used)
        taken = f"2026-03-01T03:12:{second * 2:02}Z"
        history.add(replace(POD, taken_at=taken, containers=(replace(container, cgroup=group),)))
    cores = history.series(("container", "nginx"), "cpu")
    assert cores[2] is None
    assert [cores[0], cores[1], cores[3]] == pytest.approx([0.25, 0.25, 0.25])
