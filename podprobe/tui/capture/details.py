"""All that a capture says of one flow, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from podprobe.report import units
from podprobe.tui.capture.flows import identity
from podprobe.tui.drawing import Line, Span, blank, fit, said, words
from podprobe.tui.screens.overlay import Overlay
from podprobe.tui.widgets.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.widget import Widget

    from podprobe.model.capture import Capture, CapturedFlow, Sent

_LABEL, _CELL = 34, 14
_NOTHING = frozenset(("0", "0 B", "0 µs", units.ABSENT))

_ROWS: tuple[tuple[str, Callable[[Sent], str]], ...] = (
    ("packets", lambda side: units.number(side.packets)),
    ("with data", lambda side: units.number(side.data_segments)),
    ("data", lambda side: units.size(side.bytes)),
    ("sent again", lambda side: units.number(side.retransmits)),
    ("  fast: asked for by the peer", lambda side: units.number(side.fast_retransmits)),
    ("  timeout: its timer ran out", lambda side: units.number(side.timeout_retransmits)),
    ("  probe: the last one in flight", lambda side: units.number(side.probe_retransmits)),
    ("  other: after a timeout", lambda side: units.number(side.other_retransmits)),
    ("  spurious: had been acknowledged", lambda side: units.number(side.spurious_retransmits)),
    ("segments, as the kernel counts", lambda side: units.number(side.retransmitted_segments)),
    ("reordered", lambda side: units.number(side.out_of_order)),
    ("missing before it (gaps)", lambda side: units.number(side.gaps)),
    ("  and not come since", lambda side: units.number(side.open_gaps)),
    ("duplicate acks", lambda side: units.number(side.duplicate_acks)),
    ("said that its window is shut", lambda side: units.number(side.zero_windows)),
    ("  for", lambda side: units.microseconds(side.zero_window_us)),
    ("probes of a shut window", lambda side: units.number(side.window_probes)),
    ("keep-alives", lambda side: units.number(side.keep_alives)),
    ("resets", lambda side: units.number(side.resets)),
    ("round trips measured", lambda side: units.number(side.rtt_samples)),
    ("  min", lambda side: units.microseconds(side.min_rtt_us)),
    ("  p50", lambda side: units.microseconds(side.p50_rtt_us)),
    ("  p99", lambda side: units.microseconds(side.p99_rtt_us)),
    ("  max", lambda side: units.microseconds(side.max_rtt_us)),
)


def _share(ratio: float | None) -> Span:
    return Span(units.ratio(None if ratio is None else round(ratio, 3)))


class FlowScreen(Overlay):
    """Follows the capture while it is open.

    Args:
        flow: which, by `flows.identity`.
        find: the capture as it is now.
    """

    title_text = "A captured flow"
    keys: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("escape", "esc", "back"),
        ("question_mark", "?", "help"),
    )

    def __init__(self, flow: object, find: Callable[[], Capture | None]) -> None:
        super().__init__()
        self._identity = flow
        self._find = find
        self._last: CapturedFlow | None = None

    def body(self) -> Widget:
        """One sheet."""
        return Sheet(id="captured-flow")

    def on_mount(self) -> None:
        """Draw, and go on drawing."""
        super().on_mount()
        self._paint()
        self.query_one("#captured-flow", Sheet).focus()
        self.set_interval(1.0, self._paint)

    def _paint(self) -> None:
        capture = self._find()
        if capture is not None:
            self._last = next((one for one in capture.flows if identity(one) == self._identity), self._last)
        self.query_one("#captured-flow", Sheet).show(lambda width, _: draw(self._last, width))


def draw(flow: CapturedFlow | None, width: int) -> list[Line]:
    """The flow as lines."""
    if flow is None:
        return words("this flow is not among those that are told one by one any more", width, "dim")
    cell = min(_CELL, max(9, (width - 20) // 2))
    label = max(12, min(_LABEL, width - 2 * cell))
    sides = flow.from_client, flow.from_server
    heads = flow.from_container or "client", flow.to_container or "server"
    lines: list[Line] = [
        (said(f"{flow.client} → {flow.server}", "strong"), Span(f"  {flow.protocol}", "dim")),
        blank(),
        (Span("handshake  ", "dim"), Span(units.microseconds(flow.handshake_us)),
         Span("    lasted  ", "dim"), Span(units.microseconds(flow.duration_us)),
         Span("    idle  ", "dim"), _share(flow.idle_ratio),
         Span("    blocked  ", "dim"), _share(flow.blocked_ratio),
         Span("    end  ", "dim"), Span(flow.end, "warning" if flow.end == "reset" else "")),
        blank(),
        (*fit((Span("sent by", "header"),), label),
         *(span for head in heads for span in fit((said(head, "container"),), cell, "right"))),
    ]  # fmt: skip
    for title, show in _ROWS:
        values = [Span(value, "dim" if value in _NOTHING else "") for value in map(show, sides)]
        cells = [piece for value in values for piece in fit((value,), cell, "right")]
        lines.append((*fit((Span(title, "dim" if title.startswith(" ") else ""),), label), *cells))
    return lines
