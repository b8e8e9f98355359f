"""Jump: a letter beside everything in sight that can be pointed at; pressing it goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.screen import ModalScreen
from textual.widgets import Static

from podprobe.tui.widgets.painter import Painter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.screen import Screen

    from podprobe.tui.drawing import Target

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""The home row first."""


class Place(NamedTuple):
    """Somewhere to go."""

    painter: Painter
    target: Target
    x: int
    y: int
    """On the screen, in cells."""


def places(screen: Screen[object]) -> Iterator[Place]:
    """What is in sight, region by region."""
    for painter in screen.query(Painter):
        if painter.can_focus and painter.is_on_screen:
            corner = painter.region.offset
            for target, x, y in painter.places():
                yield Place(painter, target, corner.x + x, corner.y + y)


def labelled(found: Iterable[Place]) -> dict[str, Place]:
    """A letter for each; two where there are more places than letters."""
    known = list(found)[: len(LETTERS) ** 2]
    # So many letters begin a pair that single ones and pairs are enough for all.
    pairs = 0
    while len(LETTERS) - pairs + pairs * len(LETTERS) < len(known):
        pairs += 1
    single, first = LETTERS[: len(LETTERS) - pairs], LETTERS[len(LETTERS) - pairs :]
    names = [*single, *(a + b for a in first for b in LETTERS)]
    return dict(zip(names, known, strict=False))


class JumpScreen(ModalScreen[Place | None]):
    """Lies over a screen while the letters are shown. Any other key takes them off."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, labels: dict[str, Place]) -> None:
        super().__init__()
        self._labels = labels
        self._typed = ""

    def compose(self) -> ComposeResult:
        """The letters, each where its place is."""
        for name, place in self._labels.items():
            label = Static(name, classes="jump", markup=False)
            label.styles.offset = place.x, place.y
            yield label

    def on_key(self, event: events.Key) -> None:
        """A letter, the second of a pair, or enough of it."""
        event.stop()
        event.prevent_default()
        self._typed += event.character or "?"
        if self._typed in self._labels:
            self.dismiss(self._labels[self._typed])
        elif not any(name.startswith(self._typed) for name in self._labels):
            self.dismiss(None)

    def on_click(self) -> None:
        """Whoever takes the mouse wants no letters."""
        self.dismiss(None)
