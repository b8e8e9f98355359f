"""Tabs and keys: the bars that can be clicked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.drawing import Line, Span, cut, fit, length, said
from podprobe.tui.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = (
    ("slash", "/", "filter"),
    ("s", "s", "sort"),
    ("enter", "enter", "details"),
    ("f", "f", "findings"),
    ("c", "c", "container"),
    ("p", "p", "pause"),
    ("w", "w", "save"),
    ("r", "r", "record"),
    ("d", "d", "diff"),
    ("x", "x", "packets"),
    ("v", "v", "unseen"),
    ("ctrl+p", "^p", "commands"),
    ("question_mark", "?", "help"),
    ("q", "q", "quit"),
)
"""Key, how it is written, what it does: the bar at the bottom, in the order in which keys are left out last."""

_KEPT = ("question_mark", "q")


def tabs(here: str, width: int, filter_text: str = "", focus: str | None = None) -> list[Line]:
    """The views with their numbers; then what restricts them."""
    spans: list[Span] = []
    short = sum(len(f" 1 {view.title} ") for view in VIEWS) > width
    for number, view in enumerate(VIEWS, 1):
        title = view.title if not short or view.name == here else view.title[:4]
        role = "tab-here" if view.name == here else "tab"
        spans.append(Span(f" {number} {title} ", role, ("view", view.name)))
    limits: list[Span] = []
    if focus is not None:
        limits += [Span("  only ", "dim"), said(focus, "focus", ("key", "escape"), limit=40)]
    if filter_text:
        limits += [Span("  / ", "dim"), said(filter_text, "focus", ("key", "escape"), limit=40)]
    if limits:
        room = max(12, width - length(tuple(limits)) - 1)
        return [cut((*fit(tuple(spans), room), *limits), width)]
    return [tuple(spans)]


def keys_for(
    *, live: bool, paused: bool, recording: bool, moving: bool = False, sortable: bool = True
) -> tuple[tuple[str, str, str], ...]:
    """The bar's keys, as things stand.

    Args:
        live: snapshots are being taken; else they come from a file.
        paused: the picture stands.
        recording: what is taken is being written down.
        moving: there is more than one snapshot to move among.
        sortable: the view has columns.
    """
    words = {"p": "go on" if paused else "pause", "r": "stop recording" if recording else "record"}
    left_out = set() if sortable else {"s"}
    if not live:
        words["p"] = "play" if paused else "pause"
        left_out |= {"r", "x"} if moving else {"r", "x", "p"}
    shown = [(key, written, words.get(key, what)) for key, written, what in KEYS if key not in left_out]
    if moving:
        place = next(index for index, one in enumerate(shown) if one[0] == "p")
        shown[place + 1 : place + 1] = [("right_square_bracket", "[ ]", "step"), ("n", "n N", "change")]
    return tuple(shown)


def keybar(width: int, keys: Sequence[tuple[str, str, str]] = KEYS) -> list[Line]:
    """As many keys as there is room for; help and quit always."""
    kept = list(keys)
    while len(kept) > len(_KEPT) and length(_keys(kept)) > width:
        kept.remove(next(key for key in reversed(kept) if key[0] not in _KEPT))
    return [_keys(kept)]


def _keys(keys: Sequence[tuple[str, str, str]]) -> Line:
    spans: list[Span] = []
    for key, written, what in keys:
        target = ("key", key)
        spans += [Span(f" {written}", "key", target), Span(f" {what} ", "dim", target)]
    return tuple(spans)
