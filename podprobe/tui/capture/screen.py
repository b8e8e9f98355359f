"""The screen over the Pod that captures packets and shows their flows while they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from podprobe.errors import PodprobeError
from podprobe.tui.capture import flows, status
from podprobe.tui.capture.details import FlowScreen
from podprobe.tui.panels import bars
from podprobe.tui.screens.overlay import Overlay
from podprobe.tui.screens.saving import file_stem
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from textual.widget import Widget

    from podprobe.model import Snapshot
    from podprobe.tui.capture.control import Control

_PAINT_SECONDS = 0.5


class CaptureScreen(Overlay):
    """Leaving it ends nothing: the capture goes on, and the Pod's header says so.

    Args:
        control: the Pod's capture.
        snapshot: the newest one, whenever it is asked.
        directory: where packets are saved.
    """

    title_text = "Packets"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "capture", "start, or stop"),
        Binding("slash", "filter", "capture only some packets: a filter as tcpdump takes it"),
        Binding("i", "interface", "another interface"),
        Binding("n", "add_agent", "add an agent with NET_RAW, where none has it"),
        Binding("w", "save", "save the packets as a pcap file"),
    ]

    def __init__(self, control: Control, snapshot: Callable[[], Snapshot], directory: Path) -> None:
        super().__init__()
        self._control = control
        self._snapshot = snapshot
        self._directory = directory
        self._warned: str | None = None
        """The key whose second press lets unsaved packets go."""

    def body(self) -> Widget:
        """How it goes, a line for the filter, the flows."""
        field = Input(self._control.expression, placeholder="tcp port 5000", id="packet-filter", compact=True)
        field.cursor_blink = False
        field.display = False
        return Vertical(Sheet(prefer="key", id="capture-status"), field, Grid(id="captured"))

    def on_mount(self) -> None:
        """Find out whether it can be done, and say so before anything is done."""
        super().on_mount()
        if not self._control.running:
            self._control.ask()
        self.paint()
        self.set_interval(_PAINT_SECONDS, self.paint)

    def paint(self) -> None:
        """What there is to say now."""
        control = self._control
        begun = control.progress is not None
        sheet, grid = self.query_one("#capture-status", Sheet), self.query_one("#captured", Grid)
        with self.app.batch_update():
            lines = status.draw(control, max(20, sheet.room))
            sheet.styles.height = len(lines) + 1 if begun else "1fr"
            grid.display = begun
            sheet.show(lambda width, _: status.draw(control, width))
            if begun:
                empty = "no packet came"
                if control.running:
                    came = control.progress is not None and control.progress.packets
                    empty = "packets come in; their flows follow" if came else "no packet yet"
                grid.show([flows.section(control.flows(self._snapshot()), empty=empty)])
            self.query_one("#overlay-keys", Sheet).show(lambda width, _: bars.keybar(width, self._keys()))
        if not isinstance(self.focused, Input):
            wanted = grid if begun else sheet
            if self.focused is not wanted:
                wanted.focus()

    def _keys(self) -> tuple[tuple[str, str, str], ...]:
        running, begun = self._control.running, self._control.progress is not None
        shown = [("x", "x", "stop" if running else "start anew" if begun else "start")]
        if begun:
            shown += [("enter", "enter", "details"), ("s", "s", "sort"), ("w", "w", "save .pcap")]
        shown += [("slash", "/", "filter"), ("i", "i", "interface")]
        if self._control.agent is None and self._control.source.may_add_capturer:
            shown.append(("n", "n", "add an agent"))
        return (*shown, ("escape", "esc", "back"), *self.keys[1:])

    def action_capture(self) -> None:
        """Start, or stop."""
        if self._control.running:
            self._control.stop()
        elif self._may_drop("x"):
            self._start()
        self.paint()

    def _may_drop(self, key: str) -> bool:
        """Nothing would be lost, or the user has pressed the key again after being told what would be."""
        lost = self._control.unsaved
        if not lost or self._warned == key:
            self._warned = None
            return True
        self._warned = key
        self.app.say(f"{lost:,} packets are not saved: w saves them, {key} again lets them go", wrong=True)
        return False

    def _start(self) -> None:
        try:
            self._control.start(self._snapshot())
        except PodprobeError as error:
            self.app.say(f"{error.message} {error.hint}".strip(), wrong=True)

    def action_add_agent(self) -> None:
        """Only where none may capture: it changes the Pod."""
        if self._control.agent is None:
            self._control.add_agent()
            self.paint()

    def action_interface(self) -> None:
        """The Pod's next one; a capture that runs begins anew on it."""
        if self._control.running and not self._may_drop("i"):
            return
        names = [one.name for one in self._snapshot().network.interfaces] or [self._control.interface]
        place = names.index(self._control.interface) if self._control.interface in names else -1
        self._control.interface = names[(place + 1) % len(names)]
        self._anew()

    def _anew(self) -> None:
        if self._control.running:
            self._start()
        self.paint()

    def action_filter(self) -> None:
        """Ask for an expression."""
        field = self.query_one(Input)
        field.display = True
        field.focus()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Take it, if it is one."""
        from podprobe.agents.filters import compile_filter

        message.stop()
        expression = message.value.strip()
        try:
            compile_filter(expression)
        except PodprobeError as error:
            self.app.say(f"{error.message} {error.hint}".strip(), wrong=True)
            return
        if self._control.running and not self._may_drop("enter"):
            return
        self._control.expression = expression
        self._leave_filter()
        self._anew()

    def _leave_filter(self) -> None:
        field = self.query_one(Input)
        field.display = False
        self.set_focus(None)
        self.paint()

    def action_save(self) -> None:
        """Write the packets there are."""
        if self._control.progress is None:
            self.app.say("there are no packets to save yet")
            return
        interface, _ = self._control.about
        file = self._directory / f"{file_stem(self._snapshot())}-{interface.replace('/', '-')}.pcap"
        try:
            size = self._control.save(file)
        except OSError as error:
            self.app.say(f"cannot write {file}: {error.strerror}", wrong=True)
        else:
            self.app.say(f"saved {file}, {size:,} bytes" if size else "there are no packets to save yet")

    def action_back(self) -> None:
        """Out of the filter, or to the Pod."""
        field = self.query_one(Input)
        if field.display:
            field.value = self._control.expression
            self._leave_filter()
        else:
            self.dismiss()

    def chosen(self, target: object) -> None:
        """A flow, or what is to be captured."""
        if not isinstance(target, tuple):
            return
        if target[0] == "field":
            self.app.press(str(target[1]))
        elif target[0] == "captured":
            self.app.push_screen(FlowScreen(target, lambda: self._control.flows(self._snapshot())))
