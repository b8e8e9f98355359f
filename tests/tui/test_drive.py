"""A drive through the live view: every binding on every view, and what the important ones do."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from podprobe.errors import AccessError, AgentError
from podprobe.model import Visibility, from_json, to_json
from podprobe.targets.base import Progress
from podprobe.tui.app import Choice, PodprobeApp
from podprobe.tui.screens.details import DetailsScreen
from podprobe.tui.screens.diff import DiffScreen
from podprobe.tui.screens.keys import KeysScreen
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.screens.picker import Listing
from podprobe.tui.screens.visibility import VisibilityScreen
from podprobe.tui.situation import Notice
from podprobe.tui.sources import Failed, Looked, Moved, Progressed, RecordingSource, Surveyed, Timeline
from podprobe.tui.sources.survey import Survey
from podprobe.tui.views import VIEWS
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.prompt import Prompt
from podprobe.tui.widgets.roles import palette
from podprobe.tui.widgets.sheet import Sheet
from tests.support.samples import healthy_pod, troubled_pod
from tests.tui.support import Feed, app_with, empty_pod, replace, series, settled

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from podprobe.model import Snapshot


def screen_of(pilot: Pilot[None]) -> PodScreen:
    found = pilot.app.screen_stack[0]
    assert isinstance(found, PodScreen)
    return found


def text_of(pilot: Pilot[None], region: str) -> str:
    return screen_of(pilot).query_one(region, Sheet).text


async def put(pilot: Pilot[None], feed: Feed, *snapshots: Snapshot) -> None:
    for one in snapshots:
        feed.put(Looked(one))
    await pilot.pause(0.05)
    await settled(pilot)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("sample", "number"),
    [*((troubled_pod, number) for number in range(1, 9)), (healthy_pod, 1), (empty_pod, 1), (empty_pod, 3)],
)
async def test_every_binding_on_every_view(sample, number: int, tmp_path: Path) -> None:
    app = app_with([sample()], directory=tmp_path)
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        screen = screen_of(pilot)
        await pilot.press(str(number))
        keys = [key for key in screen.active_bindings if key not in {"q", "ctrl+q", "ctrl+c"}]
        assert {"slash", "f", "c", "p", "w", "r", "d", "v", "question_mark", "enter"} <= set(keys)
        for key in keys:
            await pilot.press(key)
            for _ in range(6):
                if len(app.screen_stack) == 1 and not screen.query(Prompt):
                    break
                await pilot.press("escape")
            assert app.screen is screen, key
            if screen.view != VIEWS[number - 1].name:
                await pilot.press(str(number))
        await pilot.press("q")
    assert app.return_code == 0


async def test_number_keys_and_clicks_show_the_views() -> None:
    app = app_with([troubled_pod()])
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        for number, view in enumerate(VIEWS, 1):
            await pilot.press(str(number))
            assert screen_of(pilot).view == view.name
            assert [one.id for one in screen_of(pilot).query(".view") if one.display] == [view.name]
        await pilot.click("#tabs", offset=(3, 0))
        await pilot.pause()
        assert screen_of(pilot).view == "map"


async def test_the_worst_comes_first_and_is_in_sight_at_80_by_24() -> None:
    app = app_with([troubled_pod()])
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        lines = text_of(pilot, "#findings").splitlines()
        assert lines[0].split()[:2] == ["✖", "IPC102"]
        signs = [line.split()[0] for line in lines if line.strip()]
        assert signs == sorted(signs, key="✖▲·".index)
        assert "✖ 8" in text_of(pilot, "#strip")


async def test_enter_on_a_finding_shows_evidence_and_remedy_and_leads_on() -> None:
    app = app_with(series(troubled_pod()))
    async with app.run_test(size=(120, 50)) as pilot:
        await settled(pilot)
        place = [found.code for found in troubled_pod().findings].index("TCP101")
        await pilot.press("f", *["down"] * place, "enter")
        assert isinstance(app.screen, DetailsScreen)
        sheet = app.screen.query_one("#details", Sheet)
        assert "189 of 4,189 segments (4.5 %) were sent again between nginx and webapp" in sheet.text
        assert "look for a rule that drops packets" in sheet.text
        assert "share of segments sent again" in sheet.text
        await pilot.press("enter")
        assert "max rtt" in sheet.text
        assert "nginx → webapp 127.0.0.1:5000" in sheet.text
        await pilot.press("escape")
        assert "look for a rule that drops packets" in sheet.text
        await pilot.press("escape")
        assert isinstance(app.screen, PodScreen)


async def test_details_follow_the_snapshots_and_say_when_their_subject_is_gone() -> None:
    pod = troubled_pod()
    feed = Feed([Looked(pod)])
    async with app_with(feed).run_test(size=(100, 40)) as pilot:
        await settled(pilot)
        await pilot.press("f", "enter")
        sheet = pilot.app.screen.query_one("#details", Sheet)
        assert "gone" not in sheet.text
        await put(pilot, feed, replace(pod, findings=pod.findings[1:], taken_at="2026-03-01T03:12:07Z"))
        assert "▲ this finding is gone since 03:12:07" in sheet.text
        assert "/dev/shm of nginx, webapp and worker" in sheet.text


async def test_filter_narrows_while_typing_and_escape_takes_it_off() -> None:
    async with app_with([troubled_pod()]).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("2")
        grid = screen_of(pilot).query_one("#ports", Grid)
        everything = grid.count
        await pilot.press("slash", *"nginx")
        assert 0 < grid.count < everything
        await pilot.press("enter")
        assert not screen_of(pilot).query(Prompt)
        assert "/ nginx" in text_of(pilot, "#tabs")
        await pilot.press("escape")
        assert grid.count == everything


async def test_container_focus_restricts_views_and_findings() -> None:
    async with app_with([troubled_pod()]).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("2", "c")
        screen = screen_of(pilot)
        assert screen.state is not None
        assert screen.state.focus == "nginx"
        shown = [row.item for row in screen.query_one("#ports", Grid).rows if row.kind == "item"]
        assert shown
        assert all("nginx" in (one.container, getattr(one, "declared_by", None)) for one in shown)
        assert "PRC101" not in text_of(pilot, "#findings")
        await pilot.press("c", "c", "c")
        assert screen.state.focus is None


async def test_a_click_on_a_container_focuses_it() -> None:
    async with app_with([troubled_pod()]).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.click("#pod", offset=(5, 3))
        await pilot.click("#pod", offset=(5, 7))
        await pilot.click("#pod", offset=(5, 7))
        state = screen_of(pilot).state
        assert state is not None
        assert state.focus == "webapp"


async def test_pause_reaches_the_source() -> None:
    feed = Feed([Looked(troubled_pod())])
    async with app_with(feed).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("p")
        assert "paused" in text_of(pilot, "#header")
        await pilot.press("p")
        assert feed.paused == [True, False]
        assert "live" in text_of(pilot, "#header")


async def test_save_writes_what_is_shown(tmp_path: Path) -> None:
    pod = replace(troubled_pod(), target=replace(troubled_pod().target, pod="../../etc/\x1b[31mevil"))
    async with app_with([pod], directory=tmp_path).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("w")
    (file,) = tmp_path.iterdir()
    assert file.name == "podprobe-etc-31mevil-20260301T031200Z.json"
    assert from_json(file.read_bytes()) == pod


async def test_record_writes_every_snapshot_and_replays(tmp_path: Path) -> None:
    pod = healthy_pod()
    feed = Feed([Looked(pod)])
    later = [replace(pod, taken_at=f"2026-03-01T03:12:0{second}Z") for second in (1, 2)]
    async with app_with(feed, directory=tmp_path).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("r")
        feed.put(Progressed(Progress("asking the agents")))
        feed.put(Failed(AgentError("no answer"), 1.0))
        await put(pilot, feed, *later)
        assert "rec 3" in text_of(pilot, "#header")
        await pilot.press("r")
        await put(pilot, feed, replace(pod, taken_at="2026-03-01T03:12:09Z"))
    (file,) = tmp_path.iterdir()
    recording = RecordingSource([file])
    assert [recording.read(number) for number in range(len(recording))] == [pod, *later]


async def test_a_full_disk_ends_the_recording_and_says_so(tmp_path: Path) -> None:
    async with app_with([healthy_pod()], directory=tmp_path / "missing").run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("r")
        await pilot.pause()
        assert screen_of(pilot).situation.recording is None
        assert any("cannot write" in str(one.message) for one in pilot.app._notifications)


async def test_diff_tells_what_changed(tmp_path: Path) -> None:
    pod = troubled_pod()
    async with app_with([pod], directory=tmp_path).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("w", "d", "enter")
        assert isinstance(pilot.app.screen, DiffScreen)
        assert "nothing differs that would matter" in pilot.app.screen.query_one("#differences", Sheet).text


async def test_a_replay_opens_with_what_differs(tmp_path: Path) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(to_json(healthy_pod()))
    after.write_text(to_json(troubled_pod()))
    app = PodprobeApp(RecordingSource([after]), directory=tmp_path, against=before)
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.pause()
        assert isinstance(pilot.app.screen, DiffScreen)
        text = pilot.app.screen.query_one("#differences", Sheet).text
        assert "before.json" in text
        assert "SVC101" in text
        # Behind it is the snapshot itself, and the comparison does not come again.
        await pilot.press("escape")
        await settled(pilot)
        assert screen_of(pilot).state is not None


async def test_visibility_says_why_and_what_would_allow_it() -> None:
    async with app_with([troubled_pod()]).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("v")
        assert isinstance(pilot.app.screen, VisibilityScreen)
        text = pilot.app.screen.query_one("#visibility", Sheet).text
        assert "PID 7 changed its user: Permission denied on /proc/7/maps" in text
        assert "→ --profile ptrace" in text


async def test_one_closed_process_is_told_once() -> None:
    parts = tuple(
        Visibility(
            area=area, container="nginx", level="partial",
            reason=f"cannot read /proc/PID/{file} of 7 (nginx, uid 65534): Permission denied",
        )
        for area, file in (("fds", "fd"), ("maps", "maps"))
    )  # fmt: skip
    async with app_with([replace(healthy_pod(), visibility=parts)]).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("v")
        text = pilot.app.screen.query_one("#visibility", Sheet).text
        assert "fds, maps  nginx  seen in part" in text
        assert text.count("7 (nginx, uid 65534)") == 1


async def test_help_lists_the_keys_of_the_present_screen() -> None:
    async with app_with([troubled_pod()]).run_test(size=(100, 60)) as pilot:
        await settled(pilot)
        await pilot.press("2", "question_mark")
        assert isinstance(pilot.app.screen, KeysScreen)
        assert "sort by the next column" in pilot.app.screen.query_one("#keys-list", Sheet).text
        await pilot.press("escape", "v", "question_mark")
        text = pilot.app.screen.query_one("#keys-list", Sheet).text
        assert "sort by the next column" not in text
        assert "back" in text


async def test_themes_go_round() -> None:
    app = app_with([troubled_pod()])
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        seen = []
        for _ in range(3):
            await pilot.press("t")
            await pilot.pause()
            seen.append(app.theme)
        assert sorted(seen) == ["podprobe-16", "podprobe-dark", "podprobe-light"]


async def test_a_failure_is_a_banner_and_what_is_stale_says_so() -> None:
    now = [1000.0]
    feed = Feed([Looked(troubled_pod())])
    app = app_with(feed)
    app.clock = lambda: now[0]
    async with app.run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        now[0] += 12
        feed.put(Failed(AgentError("the agent in webapp did not answer", "see podprobe doctor"), 5.0))
        await pilot.pause(0.05)
        assert "✖ the agent in webapp did not answer — trying again in 5 s" in text_of(pilot, "#banner")
        assert "see podprobe doctor" in text_of(pilot, "#banner")
        assert "stale 12 s" in text_of(pilot, "#header")
        assert "webapp" in text_of(pilot, "#map")
        now[0] += 5
        await put(pilot, feed, troubled_pod())
        assert not screen_of(pilot).query_one("#banner").display
        assert "live" in text_of(pilot, "#header")


async def test_restarts_lost_agents_and_replaced_pods_are_told() -> None:
    pod = troubled_pod()
    feed = Feed([Looked(pod)])
    first, second, *rest = pod.containers
    async with app_with(feed).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await put(
            pilot,
            feed,
            replace(pod, containers=(first, replace(second, restarts=second.restarts + 1), *rest)),
        )
        assert "↻ webapp restarted" in text_of(pilot, "#banner")
        await put(pilot, feed, replace(pod, containers=(replace(first, agent=False), second, *rest)))
        assert "the agent in nginx was lost" in text_of(pilot, "#banner")
        await put(pilot, feed, pod)
        assert "the agent in nginx" not in text_of(pilot, "#banner")
        ended = replace(second, state="terminated", state_reason="Completed")
        await put(pilot, feed, replace(pod, containers=(first, ended, *rest)))
        assert "✖ webapp stopped running: Completed" in text_of(pilot, "#banner")
        await put(pilot, feed, pod)
        assert "stopped running" not in text_of(pilot, "#banner")
        await put(pilot, feed, replace(pod, target=replace(pod.target, uid="another")))
        assert "another of the same name" in text_of(pilot, "#banner")
        await pilot.press("escape")
        assert not screen_of(pilot).query_one("#banner").display


async def test_an_access_error_before_the_first_snapshot_leaves_a_screen_that_says_what_to_do() -> None:
    feed = Feed([Failed(AccessError("pods is forbidden", "ask for get on pods"), 1.0)], label="shop/web")
    async with app_with(feed).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "shop/web" in text_of(pilot, "#header")
        assert "pods is forbidden" in text_of(pilot, "#banner")
        assert "ask for get on pods" in text_of(pilot, "#banner")
        await pilot.press(*"12345678", "f", "c", "w", "r", "d", "v", "s", "enter", "slash", "escape")


async def test_a_recording_is_scrubbed() -> None:
    pods = [replace(healthy_pod(), taken_at=f"2026-03-01T03:12:0{second}Z") for second in range(3)]
    feed = Feed([Moved(pods[1], (pods[0],), Timeline(1, 3), step=False)])
    feed.live = False
    async with app_with(feed).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        assert "2/3" in text_of(pilot, "#timeline")
        assert len(screen_of(pilot).history) == 2
        await pilot.press("left_square_bracket", "right_square_bracket", "right_curly_bracket")
        assert feed.sought == [-1, 1, 10]


async def test_one_goes_where_the_findings_of_a_recording_change() -> None:
    pods = [replace(healthy_pod(), taken_at=f"2026-03-01T03:12:{second:02}Z") for second in range(20)]
    feed = Feed([Moved(pods[0], (), Timeline(0, 20), step=False)])
    feed.live = False
    async with app_with(feed).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.press("n")
        assert feed.sought_to == []
        feed.put(Surveyed(Survey(("ok",) * 7 + ("critical",) * 5 + ("ok",) * 8, (7, 12))))
        await settled(pilot)
        assert "2 changes" in text_of(pilot, "#timeline")
        # Quicker than the recording can follow: two presses are two changes all the same.
        await pilot.press("n", "n", "n", "N")
        assert feed.sought_to == [7, 12, 7]
        bar = text_of(pilot, "#timeline")
        await pilot.click("#timeline", offset=(bar.index("█") + 8, 0))
        assert feed.sought_to[-1] == 9
        # A restart between two snapshots is told as it is told live.
        container = pods[1].containers[0]
        again = replace(container, restarts=container.restarts + 1)
        feed.put(
            Moved(
                replace(pods[1], containers=(again, *pods[1].containers[1:])), (), Timeline(1, 20), step=True
            )
        )
        await settled(pilot)
        assert f"{container.name} restarted" in text_of(pilot, "#banner")


async def test_the_user_takes_off_a_focus_before_banners_that_come_again() -> None:
    feed = Feed([Looked(troubled_pod())])
    async with app_with(feed).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        screen = screen_of(pilot)
        await pilot.press("c")
        screen.situation.tell([Notice("↻", "webapp restarted")])
        await pilot.press("escape")
        assert screen.state is not None
        assert screen.state.focus is None
        assert screen.situation.notices
        await pilot.press("escape")
        assert not screen.situation.notices


async def test_without_colours_what_is_critical_stands_out_most() -> None:
    app = app_with([troubled_pod()])
    app.no_color = True
    async with app.run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        looks = palette(app)
        assert looks["critical"].reverse
        assert looks["critical"].bold
        assert looks["critical"].color is None
        assert looks["warning"].bold
        assert not looks["warning"].reverse


async def test_the_list_of_pods_begins_with_what_fails_and_follows_the_cluster() -> None:
    def pod(name: str, **more: Any) -> SimpleNamespace:
        told = {"namespace": "shop", "phase": "Running", "ready": True, "node": "n1", "created_at": None, "owner": None,
                "containers": 2, "ready_containers": 2, "restarts": 0, "reason": None}  # fmt: skip
        return SimpleNamespace(name=name, **told | more)

    asked: list[bool] = []

    def find(everywhere: bool) -> Listing:
        asked.append(everywhere)
        pods = [
            pod("a-well"),
            pod("b-done", phase="Succeeded", ready=False),
            pod("c-unready", ready=False, ready_containers=1),
            pod("d-crash", ready=False, ready_containers=1, restarts=9, reason="CrashLoopBackOff"),
        ]
        return Listing("every namespace" if everywhere else "namespace shop", pods)

    app = PodprobeApp(choice=Choice(find, lambda _namespace, _name: Feed([Looked(troubled_pod())])))
    async with app.run_test(size=(120, 30)) as pilot:
        await pilot.pause(0.2)
        grid = app.screen.query_one("#pods", Grid)
        assert [row.item.name for row in grid.rows if row.kind == "item"] == [
            "d-crash", "c-unready", "a-well", "b-done",
        ]  # fmt: skip
        drawn = " ".join(str(grid.render_line(line).text) for line in range(6))
        assert "CrashLoopBackOff" in drawn
        assert "1/2" in drawn
        assert "↻9" in drawn
        await pilot.press("ctrl+a")
        await pilot.pause(0.2)
        assert asked == [False, True]
        assert "every namespace" in app.screen.query_one("#header", Sheet).text
        await pilot.press("f1")
        await pilot.pause()
        keys = app.screen.query_one("#keys-list", Sheet).text
        assert "every namespace" in keys
        assert "Move cursor" not in keys


async def test_the_palette_knows_the_state() -> None:
    from podprobe.tui.commands import Commands

    feed = Feed([Looked(troubled_pod())])
    async with app_with(feed).run_test(size=(100, 30)) as pilot:
        await settled(pilot)

        def titles() -> set[str]:
            return {command.title for command in Commands(pilot.app.screen)._commands()}

        assert {"Pause", "Record", "View: Flows", "Only webapp"} <= titles()
        assert "Go on" not in titles()
        assert any(title.startswith("TCP101") for title in titles())
        await pilot.press("p", "c")
        assert {"Go on", "All containers"} <= titles()
        assert not {"Pause", "Only nginx"} & titles()
        await pilot.press("ctrl+p", *"outside", "enter")
        await pilot.pause(0.2)
        assert screen_of(pilot).view == "outside"


async def test_wide_terminals_show_details_beside_the_cursor() -> None:
    async with app_with([troubled_pod()]).run_test(size=(190, 50)) as pilot:
        await settled(pilot)
        await pilot.press("2")
        await pilot.pause()
        before = text_of(pilot, "#side")
        await pilot.press("down")
        await pilot.pause()
        assert "listener tcp" in before
        assert text_of(pilot, "#side") != before


async def test_a_click_on_a_key_presses_it() -> None:
    async with app_with([troubled_pod()]).run_test(size=(100, 30)) as pilot:
        await settled(pilot)
        await pilot.click("#keys", offset=(text_of(pilot, "#keys").index("? help"), 0))
        await pilot.pause()
        assert isinstance(pilot.app.screen, KeysScreen)
        await pilot.click("#overlay-keys", offset=(2, 0))
        await pilot.pause()
        assert isinstance(pilot.app.screen, PodScreen)


async def test_mouse_wheel_header_and_rows() -> None:
    async with app_with([troubled_pod()]).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("2")
        await pilot.pause()
        grid = screen_of(pilot).query_one("#ports", Grid)
        first = next(row.item.port for row in grid.rows if row.kind == "item")
        await pilot.click("#ports", offset=(2, 1))
        assert next(row.item.port for row in grid.rows if row.kind == "item") != first
        await pilot.click("#ports", offset=(2, 3))
        pointed = grid.pointed
        await pilot.click("#ports", offset=(2, 3))
        assert isinstance(pilot.app.screen, DetailsScreen)
        assert pointed is not None


async def test_a_late_list_of_pods_is_not_taken_for_the_answer_to_a_newer_question() -> None:
    held = {1: threading.Event(), 3: threading.Event()}
    listed: list[bool] = []

    def find(everywhere: bool) -> Listing:
        listed.append(everywhere)
        if waits := held.get(len(listed)):
            waits.wait(20)
        return Listing("every namespace" if everywhere else "namespace shop", [])

    app = PodprobeApp(choice=Choice(find, lambda _namespace, _name: Feed([Looked(troubled_pod())])))
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("ctrl+a")
        await pilot.pause(0.3)
        assert "every namespace" in app.screen.query_one("#header", Sheet).text
        # The next question is under way when the first one is answered at last.
        await pilot.press("ctrl+r")
        held[1].set()
        await pilot.pause(0.3)
        assert listed == [False, True, True]
        assert "every namespace" in app.screen.query_one("#header", Sheet).text
        held[3].set()
