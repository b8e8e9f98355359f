"""What stands above the flows: what would be captured, or how the capture goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.capturing.live import SPOOL_BYTES
from podprobe.report import units
from podprobe.report.neutral import neutral
from podprobe.tui.drawing import Line, Span, blank, cut, said, words

if TYPE_CHECKING:
    from podprobe.capturing.live import Progress
    from podprobe.tui.capture.control import Control

_BEHIND = 1 << 20
"""Bytes not yet dissected that are worth a word."""

_PASSIVE = (
    "Without packets, 3 Flows and 6 Latency show what the kernel itself counts: retransmits, round-trip times, bytes "
    "and queues of every connection."
)


def draw(control: Control, width: int) -> list[Line]:
    """As many lines as there are things to say."""
    progress = control.progress
    if progress is None:
        return [*_wanted(control, width), blank(), *_before(control, width)]
    lines = [*_going(control, progress, width), *_numbers(progress, width)]
    lines += _remarks(control, progress, width)
    return lines


def _wanted(control: Control, width: int) -> list[Line]:
    """What would be captured."""
    by_filter, by_interface = ("field", "slash"), ("field", "i")
    expression = said(control.expression, "strong") if control.expression else Span("every packet", "dim")
    rows: tuple[Line, ...] = (
        (
            Span("interface  ", "dim"),
            said(control.interface, "strong", by_interface),
            Span("   i another", "dim", by_interface),
        ),
        (
            Span("filter     ", "dim"),
            expression._replace(target=by_filter),
            Span("   / such as: tcp port 5000", "dim", by_filter),
        ),
    )
    return [cut(row, width) for row in rows]


def _before(control: Control, width: int) -> list[Line]:
    """What capturing takes, before it begins."""
    if control.adding is not None:
        return words(neutral(control.adding), width, "", "  ", "◌ ")
    agent = control.agent
    if agent is not None and control.refusal is None:
        where = f"in {agent.container}" if agent.container else "of the Pod"
        return [
            *words(
                f"The agent {neutral(where)} holds NET_RAW. It reads the headers of packets, 128 bytes of each; the "
                "application notices nothing, and nothing is written into the Pod. At most "
                f"{units.size(SPOOL_BYTES)} are kept, on this machine.",
                width,
            ),
            blank(),
            (Span("→ x ", "key", ("key", "x")), Span("start", "strong", ("key", "x"))),
        ]
    lines: list[Line] = []
    if control.refusal is not None:
        lines += words(neutral(control.refusal.message, 600), width, "warning", "  ", "▲ ")
        if control.refusal.hint:
            lines += words(neutral(control.refusal.hint, 600), width, "", "  ", "→ ")
    if agent is None and control.source.may_add_capturer:
        lines += [
            blank(),
            *words(
                "An agent that holds it can be added: one more ephemeral container, with NET_RAW. The API server is "
                "asked by a dry run first; a namespace that enforces baseline or restricted refuses. It ends by "
                "itself; its entry stays in the Pod's spec.",
                width,
            ),
            (Span("→ n ", "key", ("key", "n")), Span("add an agent with NET_RAW", "strong", ("key", "n"))),
        ]
    if control.source.live:
        lines += [blank(), *words(_PASSIVE, width, "dim")]
    return lines


def _going(control: Control, progress: Progress, width: int) -> list[Line]:
    interface, expression = control.about
    mark, state, role = {
        "starting": ("◌ ", "starting", "warning"),
        "capturing": ("● ", "capturing", "live"),
        "ending": ("◌ ", "ending", "warning"),
        "ended": ("■ ", "ended", "dim"),
    }[progress.phase]
    line: Line = (
        Span(mark, role),
        Span(state, role),
        Span("  on ", "dim"),
        said(interface, "strong"),
        Span(f"  {_clock(progress.seconds)}", ""),
        Span("  filter ", "dim"),
        said(expression, "strong") if expression else Span("none", "dim"),
    )
    return [cut(line, width)]


def _numbers(progress: Progress, width: int) -> list[Line]:
    flows = progress.flows
    # The agent counts once a second, the dissection as often: whoever is ahead knows more.
    known = [count for count in (progress.packets, flows.packets if flows else None) if count is not None]
    line: list[Span] = [
        Span(units.number(max(known)) if known else "0", "strong"),
        Span(" packets  ", "dim"),
        Span(units.size(progress.bytes), "strong"),
        Span(" kept  ", "dim"),
    ]
    if progress.dropped:
        line += [Span(f"▲ {units.number(progress.dropped)} dropped  ", "warning")]
    else:
        line += [Span("–" if progress.dropped is None else "0", "strong"), Span(" dropped  ", "dim")]
    if flows is not None:
        totals = flows.totals
        share = (
            units.ratio(totals.retransmits / totals.data_segments) if totals.data_segments else units.ABSENT
        )
        line += [
            Span(units.number(flows.flow_count), "strong"),
            Span(" flows  ", "dim"),
            Span(units.number(totals.retransmits), "strong"),
            Span(f" sent again ({share})  ", "dim"),
            Span(units.number(totals.resets), "warning" if totals.resets else "strong"),
            Span(" resets", "dim"),
        ]
    return [cut(tuple(line), width)]


def _remarks(control: Control, progress: Progress, width: int) -> list[Line]:
    lines: list[Line] = []
    for error in (progress.error, control.refusal):
        if error is not None:
            lines += words(neutral(error.message, 600), width, "critical", "  ", "✖ ")
            lines += words(neutral(error.hint, 300), width, "", "  ", "→ ") if error.hint else []
    if progress.full:
        text = f"{units.size(SPOOL_BYTES)} of packets are kept, and no more: w saves them, x begins anew"
        lines += words(text, width, "warning", "  ", "▲ ")
    if progress.behind_bytes > _BEHIND:
        behind = units.size(progress.behind_bytes)
        text = f"the flows are {behind} behind the packets, and catch up; none is lost by that"
        lines += words(text, width, "", "  ", "· ")
    if progress.dropped:
        lines += words("dropped packets found no room in the kernel's buffer: counts are lower bounds; a filter helps",
                       width, "warning", "  ", "▲ ")  # fmt: skip
    if control.about != (control.interface, control.expression) and progress.phase == "ended":
        wanted = control.expression or "every packet"
        lines += words(
            f"x begins anew on {neutral(control.interface)}: {neutral(wanted)}", width, "dim", "  ", "· "
        )
    return lines


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
