"""The reference page of the keys, made from the bindings themselves (`make docs`)."""

from __future__ import annotations

from textual.binding import Binding

from podprobe.tui.capture.screen import CaptureScreen
from podprobe.tui.screens.diff import DiffScreen
from podprobe.tui.screens.keys import Key, listed
from podprobe.tui.screens.main import PodScreen
from podprobe.tui.screens.overlay import Overlay
from podprobe.tui.screens.picker import PickerScreen
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.prompt import Prompt
from podprobe.tui.widgets.sheet import Sheet

_HEAD = """# Keys of the live view

In the live view, `?` lists the keys of the screen that is open, and `ctrl p` opens the command palette, which knows
what can be done as things stand.

"""

_PARTS = (
    ("Everywhere on a Pod's screen", PodScreen),
    ("In a table", Grid),
    ("On the map, in the findings, in details", Sheet),
    ("While a filter is typed", Prompt),
    ("In details, help, and the other panels", Overlay),
    ("Where packets are captured", CaptureScreen),
    ("While comparing", DiffScreen),
    ("In the list of Pods", PickerScreen),
)

_MOUSE = """## Mouse

| where | click |
|---|---|
| a tab | goes there |
| a row, a channel, a finding | points at it; again: its details |
| a column's title | sorts by it; again: the other way |
| ▸ and ▾ | open and close the row |
| a container in the Pod panel | restricts every view to it; again: to none |
| a key at the bottom | presses it |
"""


def keys_of(widget: type) -> list[Key]:
    """The keys that a class binds itself."""
    own = vars(widget).get("BINDINGS", ())
    return listed(one for binding in own for one in Binding.make_bindings([binding]))


def page() -> str:
    """The whole page."""
    text = _HEAD
    for title, widget in _PARTS:
        rows = "".join(f"| {_keys(key.written)} | {key.tells} |\n" for key in keys_of(widget))
        text += f"## {title}\n\n| key | does |\n|---|---|\n{rows}\n"
    return text + _MOUSE


def _keys(written: str) -> str:
    return f"`{written}`" if "`" not in written else f"`` {written} ``"
