"""Saving and recording snapshots, and comparing with a saved one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podprobe.report.json import document

if TYPE_CHECKING:
    from pathlib import Path

    from podprobe.model import Snapshot
    from podprobe.tui.app import PodprobeApp
    from podprobe.tui.situation import Situation
    from podprobe.tui.state import State


class Saving:
    """The part of the Pod's screen that writes files. Mixed into it."""

    app: PodprobeApp
    situation: Situation
    directory: Path
    state: State | None

    def action_save(self) -> None:
        """Write the snapshot that is shown, and say where."""
        if self.state is None:
            self.app.say("there is no snapshot to save yet")
            return
        file = self.directory / f"{file_stem(self.state.snapshot)}.json"
        try:
            file.write_text(document(self.state.snapshot), encoding="utf-8")
        except OSError as error:
            self.app.say(f"cannot write {file}: {error.strerror}", wrong=True)
        else:
            self.app.say(f"saved {file}")

    def action_record(self) -> None:
        """Write every snapshot from now on, one per line; or stop."""
        situation = self.situation
        if situation.recording is not None:
            self.app.say(f"recorded {situation.recorded} snapshots in {situation.recording}")
            situation.recording = None
        elif self.state is None:
            self.app.say("there is no snapshot to record yet")
        else:
            situation.recording = self.directory / f"{file_stem(self.state.snapshot)}.jsonl"
            situation.recorded = 0
            if not self.state.declared:
                self.record(self.state.snapshot)
            self.app.say(f"recording to {situation.recording}; r stops")
        self.paint()

    def record(self, snapshot: Snapshot) -> None:
        """Add a snapshot to the recording, if there is one."""
        file = self.situation.recording
        if file is None:
            return
        try:
            with file.open("a", encoding="utf-8") as stream:
                stream.write(document(snapshot, indent=0))
        except OSError as error:
            self.situation.recording = None
            self.app.say(f"recording ended: cannot write {file}: {error.strerror}", wrong=True)
        else:
            self.situation.recorded += 1
            self.app.recorded[file] = self.situation.recorded

    def action_diff(self) -> None:
        """Compare what is shown with a saved snapshot."""
        from podprobe.tui.screens.diff import DiffScreen

        if self.state is None:
            self.app.say("there is no snapshot to compare yet")
        else:
            self.app.push_screen(DiffScreen(self.state.snapshot, self.directory))

    def paint(self) -> None:
        """Paint anew."""
        raise NotImplementedError


def file_stem(snapshot: Snapshot) -> str:
    """`podprobe-shop-7d9f-20260301T031200Z`: the Pod's name is untrusted, and is to be no path."""
    pod = re.sub(r"[^A-Za-z0-9._-]+", "-", snapshot.target.pod)[:80].strip(".-") or "pod"
    moment = re.sub(r"[^0-9TZ]", "", snapshot.taken_at.partition(".")[0])[:16]
    return f"podprobe-{pod}-{moment.rstrip('Z')}Z"
