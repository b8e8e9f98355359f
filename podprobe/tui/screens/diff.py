"""Compare what is shown with a snapshot that was saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from podprobe.analysis.diff import diff
from podprobe.errors import PodprobeError, SnapshotError
from podprobe.model import from_json
from podprobe.report.changed import field_words, transition
from podprobe.report.neutral import neutral
from podprobe.tui.drawing import Line, Span, blank, said, words
from podprobe.tui.screens.overlay import Overlay
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from textual.widget import Widget

    from podprobe.analysis.diff import Change
    from podprobe.model import Snapshot

_FILES = 20
_MARKS = {"appeared": ("+ ", "ok"), "went": ("− ", "critical"), "changed": ("~ ", "warning")}


class DiffScreen(Overlay):
    """First which file, then what differs.

    Args:
        snapshot: what is shown.
        directory: where saved snapshots are looked for.
        against: compare with this file, and ask for none.
    """

    title_text = "Compare with a saved snapshot"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("down", "files", "to the files", show=False)]

    def __init__(self, snapshot: Snapshot, directory: Path, against: Path | None = None) -> None:
        super().__init__()
        self._against = against
        self._snapshot = snapshot
        self._directory = directory
        self._compared: Path | None = None

    def body(self) -> Widget:
        """A path, and what there is to choose from."""
        return Vertical(
            Input(placeholder="path of a snapshot (JSON)", id="path", compact=True), Sheet(id="differences")
        )

    def on_mount(self) -> None:
        """Offer the newest files, where it is not known yet which one."""
        super().on_mount()
        if self._against is not None:
            self._compare(self._against)
            return
        self.query_one("#differences", Sheet).show(lambda width, _: self._offer(width))
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Compare with the file that was typed, or with the newest."""
        message.stop()
        if message.value.strip():
            self._compare(Path(message.value.strip()).expanduser())
        elif files := saved(self._directory):
            self._compare(files[0])

    def action_files(self) -> None:
        """From the path to the files."""
        self.query_one("#differences", Sheet).focus()

    def chosen(self, target: object) -> None:
        """A file was chosen."""
        if isinstance(target, tuple) and target[0] == "file":
            self._compare(Path(target[1]))

    def _offer(self, width: int) -> list[Line]:
        files = saved(self._directory)
        if not files:
            return words("there is no saved snapshot here; w saves one, or type a path", width, "dim")
        heading: Line = (Span(f"snapshots in {self._directory.resolve()}, newest first", "heading"),)
        return [
            heading,
            *(
                (Span("→ ", "key", ("file", str(one))), said(one.name, "", ("file", str(one))))
                for one in files
            ),
        ]

    def _compare(self, file: Path) -> None:
        sheet = self.query_one("#differences", Sheet)
        try:
            before = read(file)
        except PodprobeError as error:
            self.app.say(error.message, wrong=True)
            return
        self.query_one(Input).display = False
        sheet.show(lambda width, _: _drawn(before, self._snapshot, file, width))
        sheet.scroll_home(animate=False)
        sheet.focus()


def saved(directory: Path) -> list[Path]:
    """JSON files that podprobe may have saved, the newest first."""
    try:
        files = [(one.stat().st_mtime, one) for one in directory.glob("*.json") if one.is_file()]
    except OSError:
        return []
    return [one for _, one in sorted(files, reverse=True)[:_FILES]]


def read(file: Path) -> Snapshot:
    """A saved snapshot.

    Raises:
        SnapshotError: it is none, or cannot be read.
    """
    try:
        return from_json(file.read_bytes(), str(file))
    except OSError as error:
        raise SnapshotError(f"cannot read {file}: {error.strerror}") from None


def _drawn(before: Snapshot, after: Snapshot, file: Path, width: int) -> list[Line]:
    lines: list[Line] = [
        (Span("before  ", "dim"), said(f"{file.name}, taken {before.taken_at}")),
        (Span("now     ", "dim"), said(f"{after.target.pod}, taken {after.taken_at}")),
        blank(),
    ]
    found = diff(before, after)
    if not found.changes:
        lines.append((Span("● ", "ok"), Span("nothing differs that would matter")))
    area = ""
    for change in found.changes:
        if change.area != area:
            if area:
                lines.append(blank())
            area = change.area
            lines.append((said(area, "heading"),))
        lines += _change(change, width)
    if found.noise:
        lines.append(blank())
        lines.append(
            (
                Span(
                    f"{len(found.noise):,} counters, times and fill levels differ too, as they always do",
                    "dim",
                ),
            )
        )
    return lines


def _change(change: Change, width: int) -> list[Line]:
    mark, role = _MARKS[change.kind]
    text = change.subject
    if change.field is not None:
        text += f"  {field_words(change.field)}: {transition(change)}"
    drawn = words(neutral(text, 600), width, indent="  ")
    return [(Span(mark, role), *drawn[0][1:]), *drawn[1:]]
