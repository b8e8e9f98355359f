"""Help: the keys of the screen that is open, as they are bound right now."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from textual.binding import Binding
from textual.widgets import Input

from podprobe.tui.drawing import Line, Span, blank, words
from podprobe.tui.screens.overlay import Overlay
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.binding import ActiveBinding
    from textual.screen import Screen
    from textual.widget import Widget

_WRITTEN = {
    "question_mark": "?",
    "slash": "/",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "escape": "esc",
    "pageup": "page up",
    "pagedown": "page down",
    "plus": "+",
    "minus": "-",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "shift+tab": "shift tab",
    "ctrl+p": "ctrl p",
    "ctrl+c": "ctrl c",
}

_SYMBOLS = (
    ("✖", "critical: broken, or about to be"),
    ("▲", "warning: degraded, or odd"),
    ("●", "well"),
    ("·", "worth knowing"),
    ("?", "not known: v says why"),
    ("◌", "not ready yet"),
    ("↻", "restarts"),
    ("━ ▶", "a connection, from client to server"),
    ("╌", "memory, a queue or a volume that two containers share"),
    ("▁▃▇", "the last looks, the newest at the right"),
)


_NOT_OURS = {"screen.copy_text", "app.help_quit"}


class Key(NamedTuple):
    """A key and what it does."""

    written: str
    tells: str


def written(key: str) -> str:
    """A key as it stands on the keyboard."""
    return " or ".join(_WRITTEN.get(part, part) for part in key.split(","))


def listed(bindings: Iterable[Binding]) -> list[Key]:
    """Keys with the same meaning in one line."""
    by_meaning: dict[str, list[str]] = {}
    for binding in bindings:
        if binding.description and not binding.system and binding.action not in _NOT_OURS:
            names = by_meaning.setdefault(binding.description, [])
            if (name := written(binding.key)) not in names:
                names.append(name)
    return [Key(" ".join(names), meaning) for meaning, names in by_meaning.items()]


def _edits(active: ActiveBinding) -> bool:
    """A key of a line of text: everybody knows those, and they are many."""
    editing = {one.action for one in Input.BINDINGS if isinstance(one, Binding)}
    return isinstance(active.node, Input) and active.binding.action in editing


class KeysScreen(Overlay):
    """Lists the keys of the screen under it.

    Args:
        under: that screen.
    """

    title_text = "Keys"

    def __init__(self, under: Screen[object]) -> None:
        super().__init__()
        self._keys = listed(active.binding for active in under.active_bindings.values() if not _edits(active))

    def body(self) -> Widget:
        """One sheet."""
        return Sheet(id="keys-list")

    def on_mount(self) -> None:
        """Draw."""
        super().on_mount()
        sheet = self.query_one("#keys-list", Sheet)
        sheet.show(lambda width, _: self._draw(width))
        sheet.focus()

    def _draw(self, width: int) -> list[Line]:
        gutter = max((len(key.written) for key in self._keys), default=0)
        lines: list[Line] = []
        for key in self._keys:
            first = key.written.ljust(gutter) + "  "
            broken = words(key.tells, width, indent=" " * len(first), first=first)
            head = broken[0]
            lines += [(Span(head[0].text, "key"), *head[1:]), *broken[1:]]
        lines += [
            blank(),
            (Span("Mouse", "heading"),),
            *words(
                "click to point, click again for details; click a column title to sort, a tab to go there, a "
                "container to restrict the views to it, a key below to press it",
                width,
            ),
            blank(),
            (Span("Symbols", "heading"),),
        ]
        lines += [(Span(symbol.ljust(5), "strong"), Span(meaning)) for symbol, meaning in _SYMBOLS]
        return lines
