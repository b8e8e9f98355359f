"""The Pod: header, containers, a view, findings, keys."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical

from podprobe.tui.screens.capturing import Capturing
from podprobe.tui.screens.intake import Intake
from podprobe.tui.screens.painting import Painting
from podprobe.tui.screens.reader import Reader, Reported
from podprobe.tui.screens.saving import Saving
from podprobe.tui.sources import Moved
from podprobe.tui.views import VIEWS
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from pathlib import Path

    from textual import events
    from textual.app import ComposeResult
    from textual.timer import Timer

    from podprobe.tui.app import PodprobeApp
    from podprobe.tui.drawing import Target
    from podprobe.tui.sources import SnapshotSource
    from podprobe.tui.widgets.painter import Painter

PAINTS_PER_SECOND = 4


class PodScreen(Painting, Saving, Capturing):
    """All of one Pod.

    Args:
        source: where its snapshots come from.
        directory: where `w` and `r` write to.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (170, "-wide")]  # noqa: RUF012  # a list, as textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall"), (50, "-high")]  # noqa: RUF012  # a list, as textual declares it

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"view('{view.name}')", view.tells) for number, view in enumerate(VIEWS, 1)),
        Binding(
            "slash",
            "filter",
            "show only rows with these words, in every view but the map (from there: in Flows)",
        ),
        Binding("escape", "back", "take off the filter, the focus, the banners; back to the list of Pods"),
        Binding("f", "findings", "jump to the findings"),
        Binding("tab", "app.focus_next", "next region", show=False),
        Binding("shift+tab", "app.focus_previous", "region before", show=False),
        Binding("o", "app.jump", "jump: a letter beside everything in sight, press one to go there"),
        Binding("c", "focus_container", "one container only: the next one"),
        Binding("p", "pause", "pause, or go on"),
        Binding("w", "save", "save this snapshot"),
        Binding("r", "record", "record every snapshot, or stop"),
        Binding("d", "diff", "compare with a saved snapshot"),
        Binding("x", "capture", "packets: capture them, and what they say of each flow"),
        Binding("v", "visibility", "what is not seen, and why"),
        Binding("left_square_bracket", "seek(-1)", "one snapshot back (recording)"),
        Binding("right_square_bracket", "seek(1)", "one snapshot on (recording)"),
        Binding("left_curly_bracket", "seek(-10)", "ten snapshots back (recording)"),
        Binding("right_curly_bracket", "seek(10)", "ten snapshots on (recording)"),
        Binding("n", "change(1)", "on to where the findings change (recording)"),
        Binding("N", "change(-1)", "back to where the findings change (recording)"),
        Binding("t", "app.next_theme", "next theme: dark, light, 16 colours"),
        Binding("question_mark", "app.keys", "keys of this screen"),
        Binding("q", "leave", "quit"),
    ]

    app: PodprobeApp

    def __init__(self, source: SnapshotSource, directory: Path) -> None:
        super().__init__(source)
        self.directory = directory
        self._intake = Intake(self.situation, self.history)
        self._reader = Reader(source, self)
        self._due: Timer | None = None
        self._sent_to: int | None = None
        """The snapshot of a recording that was asked for and is not shown yet."""
        self._warned = False
        """Of packets that go when the view ends."""

    def compose(self) -> ComposeResult:
        """Regions from top to bottom; views are made when they are first looked at."""
        yield Sheet(id="header", direct=True)
        yield Sheet(id="banner", direct=True)
        yield Sheet(id="strip", direct=True)
        yield Sheet(id="tabs", direct=True)
        yield Sheet(id="timeline", direct=True)
        with Horizontal(id="middle"):
            yield Sheet(id="pod")
            yield Container(Sheet(prefer="channel", id="map", classes="view"), id="body")
            yield Vertical(Sheet(id="side"), id="aside")
        yield Sheet(id="findings")
        yield Sheet(id="keys", direct=True)

    def on_mount(self) -> None:
        """Paint what is known, which is a name; then begin to read."""
        self.query_one("#pod", Sheet).border_title = "Pod"
        self.query_one("#body").border_title = VIEWS[0].tells
        self.query_one("#findings", Sheet).border_title = "Findings"
        self.query_one("#aside").border_title = "Details"
        self.query_one("#map", Sheet).focus()
        self.paint()
        self._reader.start()
        self.set_interval(1.0, self._tick)

    def on_unmount(self) -> None:
        """The reader ends with the screen, and so does a capture."""
        self.end_capture()
        self._reader.close()

    # --- what comes in

    def on_reported(self, message: Reported) -> None:
        """The source has reported something: take it in, and paint soon."""
        report = message.report
        state = self._intake.take(report, self.app.clock(), self.state, message.derived)
        if isinstance(report, Moved):
            self.situation.timeline = report.timeline
            if report.timeline.position == self._sent_to:
                self._sent_to = None
            self.situation.paused = not report.timeline.playing
        if state is None or state is self.state:
            self.paint_status()
            return
        if not state.declared:
            self.record(state.snapshot)
        first = self.state is None or self.state.declared
        self.set_reactive(PodScreen.state, state)
        if first:
            self.paint()
        else:
            self._paint_soon()

    def watch_state(self) -> None:
        """Painted at once: this is an answer to a key."""
        self.paint()

    def _paint_soon(self) -> None:
        if self._due is not None:
            return
        wait = self.painted_at + 1 / PAINTS_PER_SECOND - self.app.clock()
        if wait <= 0:
            self.paint()
        else:
            self._due = self.set_timer(wait, self._paint_due)

    def _paint_due(self) -> None:
        self._due = None
        self.paint()

    def _tick(self) -> None:
        if (
            self.note_capture()
            or self.situation.error is not None
            or self.situation.stale_seconds(self.app.clock()) is not None
        ):
            self.paint_status()

    # --- views

    async def action_view(self, name: str) -> None:
        """Show another view."""
        if not self.query(f"#{name}"):
            from podprobe.tui.widgets.grid import Grid

            await self.query_one("#body").mount(Grid(id=name, classes="view"))
        self.view = name

    def go_to(self, name: str) -> None:
        """Show another view, from outside a key."""
        self.run_worker(self.action_view(name))

    def watch_view(self) -> None:
        """One view is in sight at a time."""
        with self.app.batch_update():
            for widget in self.query(".view"):
                widget.display = widget.id == self.view
            self.query_one("#body").border_title = next(one.tells for one in VIEWS if one.name == self.view)
            self.paint_tabs()
            self.paint_view()
        self.set_focus(self.shown)

    def watch_filter(self) -> None:
        """Rows come and go at once."""
        self.paint_tabs()
        self.paint_view()

    async def action_filter(self) -> None:
        """Ask for words to find."""
        from podprobe.tui.widgets.prompt import Prompt

        if self.view == "map":
            await self.action_view("flows")
        if not self.query(Prompt):
            prompt = Prompt(self.filter)
            await self.mount(prompt, before="#keys")
            prompt.focus()

    def action_back(self) -> None:
        """Take off one thing at a time: the filter, the focus, the banners; then back to the list of Pods.

        Banners come again with every restart of a container; what the user has set is not to wait for that.
        """
        if self.filter and self.view != "map":
            self.filter = ""
        elif self.state is not None and self.state.focus is not None:
            self.focus_on(None)
        elif self.situation.notices:
            self.situation.notices.clear()
            self.paint_status()
        elif self.filter:
            self.filter = ""
        elif len(self.app.screen_stack) > 1:
            # Chosen from the list: back to it.
            self.dismiss()

    def action_findings(self) -> None:
        """Jump to the findings, and from there back."""
        panel = self.query_one("#findings", Sheet)
        self.set_focus(self.shown if panel.has_focus else panel)

    def focus_on(self, container: str | None) -> None:
        """Restrict the views to one container, or to none."""
        if self.state is not None:
            self.state = replace(self.state, focus=container)

    def action_focus_container(self) -> None:
        """The next container, after the last one all."""
        if self.state is None:
            return
        names: list[str | None] = [
            None,
            *(one.name for one in self.state.snapshot.containers if one.kind != "ephemeral"),
        ]
        place = names.index(self.state.focus) if self.state.focus in names else 0
        self.focus_on(names[(place + 1) % len(names)])

    def action_pause(self) -> None:
        """Stop the picture, or let it go on."""
        self.situation.paused = not self.situation.paused
        self.source.pause(self.situation.paused)
        self.paint()

    def action_seek(self, by: int) -> None:
        """Move in a recording."""
        if self.source.live:
            self.app.say(
                "a live Pod has no past to move in; r records it, and podprobe replay shows the recording"
            )
        self.source.seek(by)

    def action_change(self, way: int) -> None:
        """Move in a recording to where the findings change."""
        timeline, survey = self.situation.timeline, self.situation.survey
        if self.source.live or timeline is None:
            self.app.say("only a recording has a past to move in; r records this Pod")
        elif survey is None:
            self.app.say("the recording is being looked through; try again in a moment")
        else:
            # From where it was sent last: two quick presses are two changes, whatever has been shown meanwhile.
            place = survey.next_change(timeline.position if self._sent_to is None else self._sent_to, way)
            if place is None:
                self.app.say(f"the findings do not change {'after' if way > 0 else 'before'} this snapshot")
            else:
                self._sent_to = place
                self.source.seek_to(place)

    def action_leave(self) -> None:
        """Quit; with packets that nobody has saved, at the second press."""
        lost = self.unsaved_packets()
        if lost and not self._warned:
            self._warned = True
            self.app.say(f"{lost:,} packets are not saved: x and w save them, q again quits", wrong=True)
            return
        self.app.exit()

    # --- things chosen

    def on_painter_chosen(self, message: Painter.Chosen) -> None:
        """By enter or by a click."""
        target = message.target
        if not isinstance(target, tuple):
            return
        if target[0] == "view":
            self.go_to(str(target[1]))
        elif target[0] == "key":
            self.app.press(str(target[1]))
        elif target[0] == "seek":
            self.source.seek_to(int(str(target[1])))
        elif target[0] == "container" and message.painter.id in {"pod", "strip"}:
            name = str(target[1])
            self.focus_on(None if self.state and self.state.focus == name else name)
        else:
            self.open(target)

    def on_painter_pointed(self) -> None:
        """In a wide terminal the details follow the cursor."""
        self.paint_side()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The side panel follows the region in focus."""
        if event.widget.id != "side":
            self.paint_side()

    def open(self, target: Target) -> None:
        """Show all there is to say about something."""
        from podprobe.tui.screens.details import DetailsScreen

        if self.state is not None:
            self.app.push_screen(DetailsScreen(target, self.state, self.changed))

    def action_visibility(self) -> None:
        """What is not seen, and why."""
        from podprobe.tui.screens.visibility import VisibilityScreen

        if self.state is not None:
            self.app.push_screen(VisibilityScreen(self.state, self.changed))
