"""Snapshots from files: single ones, and recordings with a snapshot per line."""

from __future__ import annotations

import contextlib
import threading
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from podprobe.errors import SnapshotError, UsageError
from podprobe.model import from_json
from podprobe.targets.recording import in_time
from podprobe.tui.sources.base import Failed, Moved, Report, Surveyed, Timeline
from podprobe.tui.sources.survey import survey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from podprobe.agents.client import Agent
    from podprobe.model import Snapshot
    from podprobe.targets.base import Progress

TREND_LOOKS = 60
"""Snapshots before the chosen one that are read for its trends."""

_LONGEST_WAIT = 5.0
"""Seconds between two snapshots in play, however long it really was."""


class Place(NamedTuple):
    """Where a snapshot is: nothing of it is kept in memory."""

    file: Path
    start: int
    size: int
    line: int | None


class RecordingSource:
    """A timeline to move in.

    Args:
        files: snapshots (`podprobe snapshot -o json`) and recordings (`podprobe watch`, or `r` in the live view);
            shown in the order of their times, with the older files that rotation made of a recording.

    Raises:
        SnapshotError: a file cannot be read, or holds no snapshot.
    """

    live = False
    interval = 1.0

    def __init__(self, files: Sequence[Path]) -> None:
        self._places = [place for file in in_time(files) for place in index(file)]
        if not self._places:
            raise SnapshotError(f"{', '.join(str(file) for file in files)} holds no snapshot")
        self.label = files[0].name if len(files) == 1 else f"{len(files)} files"
        self._wake = threading.Condition()
        self._wanted = 0
        self._playing = False
        self._closed = False

    def __len__(self) -> int:
        return len(self._places)

    def read(self, number: int) -> Snapshot:
        """One snapshot of the timeline.

        Raises:
            SnapshotError: it is not one.
        """
        place = self._places[number]
        where = str(place.file) if place.line is None else f"{place.file}, line {place.line}"
        try:
            with place.file.open("rb") as stream:
                stream.seek(place.start)
                return from_json(stream.read(place.size), where)
        except OSError as error:
            raise SnapshotError(f"cannot read {where}: {error.strerror}") from None

    def run(self, report: Callable[[Report], None]) -> None:
        """Report the chosen snapshot, and every one that is chosen after it; and once how the whole of it went."""
        if len(self) > 1:
            look_through = threading.Thread(
                target=lambda: report(Surveyed(survey(self._documents()))),
                name="podprobe survey",
                daemon=True,
            )
            look_through.start()
        shown: int | None = None
        taken_at: str | None = None
        while True:
            with self._wake:
                if self._wanted == shown and not self._closed:
                    due = self._step_after(shown, taken_at)
                    if due is None:
                        self._wake.wait()
                    elif not self._wake.wait(due) and self._playing and self._wanted == shown:
                        self._wanted = shown + 1
                if self._closed:
                    return
                wanted, playing = self._wanted, self._playing
            if wanted == shown:
                continue
            step = shown is not None and wanted == shown + 1
            shown = wanted
            try:
                snapshot = self.read(wanted)
            except SnapshotError as error:
                report(Failed(error, None))
                continue
            taken_at = snapshot.taken_at
            timeline = Timeline(wanted, len(self), playing and wanted < len(self) - 1)
            report(Moved(snapshot, () if step else self._before(wanted), timeline, step))

    def pause(self, paused: bool) -> None:
        """Stop playing, or play on; from the start again where it has come to the end."""
        with self._wake:
            self._playing = not paused
            if self._playing and self._wanted == len(self) - 1:
                self._wanted = 0
            self._wake.notify()

    def seek(self, by: int) -> None:
        """Move by so many snapshots."""
        with self._wake:
            self._wanted = min(len(self) - 1, max(0, self._wanted + by))
            self._wake.notify()

    def seek_to(self, position: int) -> None:
        """Go to that snapshot, or to the nearest there is."""
        with self._wake:
            self._wanted = min(len(self) - 1, max(0, position))
            self._wake.notify()

    may_add_capturer = False

    def capturer(self) -> Agent:
        """There is none.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "a recording of snapshots has no packets in it",
            "podprobe capture --read FILE says what an existing capture holds",
        )

    def add_capturer(self, progress: Callable[[Progress], None]) -> Agent:  # noqa: ARG002  # as a live source's
        """Nothing can be added to the past.

        Raises:
            UsageError: always.
        """
        return self.capturer()

    def close(self) -> None:
        """End `run`."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def _documents(self) -> Iterator[bytes]:
        """Every snapshot as it stands in its file; what cannot be read is empty, and nothing more once closed."""
        for place in self._places:
            if self._closed:
                return
            try:
                with place.file.open("rb") as stream:
                    stream.seek(place.start)
                    yield stream.read(place.size)
            except OSError:
                yield b""

    def _before(self, number: int) -> tuple[Snapshot, ...]:
        """The snapshots before one, those left out that cannot be read."""
        found: list[Snapshot] = []
        for earlier in range(max(0, number - TREND_LOOKS), number):
            with contextlib.suppress(SnapshotError):
                found.append(self.read(earlier))
        return tuple(found)

    def _step_after(self, shown: int, taken_at: str | None) -> float | None:
        """Seconds until the next snapshot is due in play; `None` where there is none."""
        if not self._playing or shown >= len(self) - 1:
            return None
        try:
            now = datetime.fromisoformat(taken_at or "")
            later = datetime.fromisoformat(self.read(shown + 1).taken_at)
            seconds = (later - now).total_seconds()
        except (ValueError, SnapshotError):
            return 1.0
        return min(_LONGEST_WAIT, max(0.1, seconds))


def index(file: Path) -> list[Place]:
    """Where the snapshots of a file are.

    Raises:
        SnapshotError: it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            first = stream.readline()
            # A document printed for people begins with a lone brace; a recording has a whole object in each line.
            if not first.rstrip().endswith(b"}") or first.strip() == b"{":
                return [Place(file, 0, file.stat().st_size, None)] if first else []
            places: list[Place] = []
            start, number, line = 0, 1, first
            while line:
                if line.strip():
                    places.append(Place(file, start, len(line), number))
                start += len(line)
                number += 1
                line = stream.readline()
    except OSError as error:
        raise SnapshotError(f"cannot read {file}: {error.strerror}") from None
    return places[:1] if len(places) == 1 else _complete(places)


def _complete(places: list[Place]) -> list[Place]:
    """Without a last line that was cut off while it was written."""
    last = places[-1]
    with last.file.open("rb") as stream:
        stream.seek(last.start)
        tail = stream.read(last.size)
    return places if tail.endswith(b"\n") or tail.rstrip().endswith(b"}") else places[:-1]
