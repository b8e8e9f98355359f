"""From a report of the source to the state that is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from podprobe.tui.situation import notices
from podprobe.tui.sources import Failed, Looked, Moved, Progressed, Surveyed
from podprobe.tui.state import State

if TYPE_CHECKING:
    from podprobe.model import Snapshot
    from podprobe.tui.history import History
    from podprobe.tui.situation import Situation
    from podprobe.tui.sources import Report
    from podprobe.tui.state import Derived


class Intake:
    """Keeps the situation and the history up to date."""

    def __init__(self, situation: Situation, history: History) -> None:
        self._situation = situation
        self._history = history

    def take(
        self, report: Report, now: float, state: State | None, derived: Derived | None = None
    ) -> State | None:
        """The state after a report; the one before where it brings no snapshot.

        Args:
            report: what the source says.
            now: on the monotonic clock.
            state: what is shown.
            derived: of the report's snapshot.
        """
        match report:
            case Progressed(progress):
                self._situation.progress[progress.container] = progress
                return state
            case Failed(error, retry):
                self._situation.error = error
                self._situation.retry_at = None if retry is None else now + retry
                return state
            case Looked(snapshot, declared):
                return self._looked(snapshot, now, state, derived, declared=declared)
            case Surveyed(survey):
                self._situation.survey = survey
                return state
            case Moved(snapshot, before, _, step):
                if step and state is not None:
                    self._situation.settle(snapshot)
                    self._situation.tell(notices(state.snapshot, snapshot))
                else:
                    self._situation.notices.clear()
                if not step:
                    self._history.clear()
                    for earlier in before:
                        self._history.add(earlier)
                self._history.add(snapshot)
                self._situation.error = None
                focus = state.focus if state else None
                return State(snapshot, self._history, focus=focus, derived=derived)

    def _looked(
        self, snapshot: Snapshot, now: float, state: State | None, derived: Derived | None, *, declared: bool
    ) -> State:
        situation = self._situation
        if state is not None and not state.declared:
            if declared:
                # After a reconnection: what was measured says more than what is declared, stale as it is.
                return state
            situation.settle(snapshot)
            situation.tell(notices(state.snapshot, snapshot))
            if state.snapshot.target.pod != snapshot.target.pod:
                self._history.clear()  # a workload's next Pod: nothing of the last one's past is its own
        if not declared:
            situation.error = None
            situation.retry_at = None
            situation.looked_at = now
            situation.progress.clear()
            self._history.add(snapshot)
        if state is None:
            return State(snapshot, self._history, declared, derived=derived)
        return replace(state, snapshot=snapshot, declared=declared, derived=derived)
