"""The line behind `/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding, BindingType
from textual.widgets import Input

if TYPE_CHECKING:
    from podprobe.tui.screens.main import PodScreen


class Prompt(Input):
    """Filters while one types: every word must be found, `!word` must not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "no filter"),
        Binding("down,up", "leave", "to the rows", show=False),
    ]

    def __init__(self, value: str) -> None:
        super().__init__(
            value, placeholder="words to find; !word to leave out", compact=True, select_on_focus=False
        )
        self.border_title = "filter"

    def on_input_changed(self, message: Input.Changed) -> None:
        """Narrow the rows at once."""
        message.stop()
        self._pod.filter = message.value

    async def on_input_submitted(self, message: Input.Submitted) -> None:
        """Keep the filter, go to the rows."""
        message.stop()
        await self.action_leave()

    async def action_leave(self) -> None:
        """Keep the filter, go to the rows."""
        self._pod.set_focus(self._pod.shown)
        await self.remove()

    async def action_give_up(self) -> None:
        """No filter after all."""
        self._pod.filter = ""
        await self.action_leave()

    @property
    def _pod(self) -> PodScreen:
        return cast("PodScreen", self.screen)

    async def on_blur(self) -> None:
        """Whoever clicks elsewhere is done typing."""
        if self.is_attached:
            await self.remove()
