"""How the Pod's screen is painted: each region is shown lines that pure functions draw of the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.reactive import reactive
from textual.screen import Screen
from textual.signal import Signal

from podprobe.tui.history import History
from podprobe.tui.panels import banner, bars, findings, header, pod, timeline
from podprobe.tui.situation import Situation
from podprobe.tui.views import VIEWS
from podprobe.tui.views import map as pod_map
from podprobe.tui.widgets.painter import Painter
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from podprobe.tui.app import PodprobeApp
    from podprobe.tui.drawing import Line, Target
    from podprobe.tui.sources import SnapshotSource
    from podprobe.tui.state import State
    from podprobe.tui.widgets.grid import Grid


class Painting(Screen[None]):
    """The part of the Pod's screen that paints.

    Args:
        source: where its snapshots come from.
    """

    app: PodprobeApp

    state: reactive[State | None] = reactive(None, init=False)
    view: reactive[str] = reactive("map", init=False)
    filter: reactive[str] = reactive("", init=False)

    def __init__(self, source: SnapshotSource) -> None:
        super().__init__()
        self.source = source
        self.situation = Situation(source.label, source.live, source.interval)
        self.history = History()
        self.changed: Signal[State] = Signal(self, "changed")
        self.painted_at = 0.0
        """On the application's clock."""

    @property
    def shown(self) -> Painter:
        """The widget of the present view."""
        return self.query_one(f"#{self.view}", Painter)

    def paint(self) -> None:
        """Paint everything that is in sight."""
        if self.app.jumping:
            return
        self.painted_at = self.app.clock()
        with self.app.batch_update():
            self.paint_status()
            self.paint_tabs()
            self.query_one("#keys", Sheet).show(lambda width, _: bars.keybar(width, self._keys()))
            self._paint_panels()
            self.paint_view()
            self.paint_side()
        if self.state is not None:
            self.changed.publish(self.state)

    def paint_status(self) -> None:
        """Header and banners: what changes without a snapshot."""
        if self.app.jumping:
            return
        now = self.app.clock()
        snapshot = self.state.snapshot if self.state else None
        self.query_one("#header", Sheet).show(
            lambda width, _: header.draw(snapshot, self.situation, width, now)
        )
        course = self.query_one("#timeline", Sheet)
        course.display = self.situation.moving
        course.show(lambda width, _: timeline.draw(self.situation, width))
        strip = self.query_one("#banner", Sheet)
        lines = banner.draw(self.situation, self.size.width, now)
        if self.state is None or self.state.declared:
            lines += banner.progress(self.situation, self.size.width)
        strip.display = bool(lines)
        strip.styles.height = len(lines) or 1
        strip.show(lambda _width, _height: lines)

    def paint_tabs(self) -> None:
        """The tabs, with what restricts the view."""
        focus = self.state.focus if self.state else None
        self.query_one("#tabs", Sheet).show(lambda width, _: bars.tabs(self.view, width, self.filter, focus))

    def _keys(self) -> tuple[tuple[str, str, str], ...]:
        return bars.keys_for(
            live=self.source.live,
            paused=self.situation.paused,
            recording=self.situation.recording is not None,
            moving=self.situation.moving,
            sortable=self.view != "map",
        )

    def _paint_panels(self) -> None:
        state = self.state
        if state is None:
            return
        self.query_one("#pod", Sheet).show(lambda width, height: pod.draw(state, width, height))
        self.query_one("#strip", Sheet).show(lambda width, _: pod.strip(state, width))
        shown = self.query_one("#findings", Sheet)
        shown.border_title = findings.title(state)
        frame, most = (1, 5) if self.has_class("-narrow") else (2, 6 if self.has_class("-short") else 12)
        height = min(most, frame + max(3, len(findings.ordered(state))))
        if shown.styles.height is None or shown.styles.height.value != height:
            shown.styles.height = height
        shown.show(lambda width, _: findings.draw(state, width))

    def paint_view(self) -> None:
        """The view in sight."""
        state = self.state
        if state is None:
            return
        view = next(one for one in VIEWS if one.name == self.view)
        widget = self.shown
        if isinstance(widget, Sheet):
            widget.show(lambda width, height: pod_map.draw(state, width, height))
        else:
            from podprobe.tui.widgets.rows import terms

            cast("Grid", widget).show(view.sections(state), terms(self.filter))

    def paint_side(self) -> None:
        """In a wide terminal: the details of what the cursor is on."""
        side = self.query_one("#side", Sheet)
        if not self.has_class("-wide") or self.state is None:
            return
        target, state = self._pointed(), self.state
        side.show(lambda width, _: _side(target, state, width))

    def _pointed(self) -> Target | None:
        focused = self.focused
        if isinstance(focused, Painter) and focused.id != "side":
            return focused.pointed
        return self.shown.pointed


def _side(target: Target | None, state: State, width: int) -> list[Line]:
    from podprobe.tui import details

    described = details.describe(target, state) if target is not None else None
    if described is None:
        return []
    return [described.title, (), *details.layout(described, width)]
