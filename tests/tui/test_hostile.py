"""What a hostile Pod can put on the screen: nothing but plain characters in their own place."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rich.cells import cell_len

from podprobe.model import Connection, Process
from podprobe.tui import details
from podprobe.tui.details import objects
from podprobe.tui.drawing import Line, length
from podprobe.tui.history import History
from podprobe.tui.panels import banner, findings, header, pod
from podprobe.tui.screens.visibility import draw as draw_visibility
from podprobe.tui.situation import Situation, notices
from podprobe.tui.state import State
from podprobe.tui.views import VIEWS
from podprobe.tui.views import map as pod_map
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.painter import Painter
from podprobe.tui.widgets.sheet import Sheet
from tests.support.samples import troubled_pod
from tests.tui.support import app_with, replace, settled

if TYPE_CHECKING:
    from podprobe.model import Snapshot

EVIL = {
    "escape": "\x1b[31m\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "newlines": "a\r\nb\nc\x0b\x85\u2028d",
    "bidi": "abc\u202egnp.exe\u2066\u2069",
    "markup": "[bold red]x[/] [@click=app.quit]y[/]",
    "long": "n" * 300,
    "wide": "数据库" * 100,
    "right to left": "שלום עולם " * 12,
    "combining": "z" + "\u0301" * 200,
    "nothing": "",
}

_KEPT = {"schema", "severity", "kind", "state", "health", "level", "by", "role", "scope", "listener", "method",
         "protocol", "access", "outcome", "taken_at", "started_at", "type"}  # fmt: skip


def poisoned(snapshot: Snapshot, poison: str) -> Snapshot:
    """The snapshot with `poison` behind every string that is not one of a fixed set of words."""

    def spoil(value: Any, name: str) -> Any:
        if isinstance(value, str):
            return value if name in _KEPT else value + poison
        if isinstance(value, msgspec.Struct):
            fields = {field: spoil(getattr(value, field), field) for field in value.__struct_fields__}
            if isinstance(
                value, Connection | Process
            ):  # their states are the kernel's words, and free text to us
                fields["state"] = value.state + poison
            return replace(value, **fields)
        if isinstance(value, tuple):
            return tuple(spoil(one, name) for one in value)
        if isinstance(value, dict):
            return {
                (key + poison if isinstance(key, str) else key): spoil(one, name)
                for key, one in value.items()
            }
        return value

    spoiled: Snapshot = spoil(snapshot, "")
    # Findings still have to find what they point at.
    return replace(
        spoiled,
        findings=tuple(
            replace(one, pointers=clean.pointers)
            for one, clean in zip(spoiled.findings, snapshot.findings, strict=True)
        ),
    )


def harmless(text: str) -> bool:
    return all(
        character.isprintable() and unicodedata.bidirectional(character) not in _OVERRIDES
        for character in text
    )


_OVERRIDES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def state_of(poison: str) -> State:
    snapshot = poisoned(troubled_pod(), poison)
    history = History()
    history.add(snapshot)
    history.add(snapshot)
    return State(snapshot, history)


def check(lines: list[Line], width: int | None = None) -> None:
    for line in lines:
        for piece in line:
            assert harmless(piece.text), repr(piece.text)
        if width is not None:
            assert length(line) <= width, "".join(piece.text for piece in line)


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("name", EVIL)
def test_panels_and_map(name: str, width: int) -> None:
    state = state_of(EVIL[name])
    situation = Situation("web" + EVIL[name], live=True, looked_at=1.0)
    crashed = tuple(replace(one, restarts=9) for one in state.snapshot.containers)
    situation.tell(notices(state.snapshot, replace(state.snapshot, containers=crashed)))
    assert situation.notices
    check(header.draw(state.snapshot, situation, width, 2.0), width)
    check(banner.draw(situation, width, 2.0), width)
    check(pod.draw(state, width, 30), width)
    check(pod.strip(state, width), width)
    check(findings.draw(state, width), width)
    check(draw_visibility(state, width))
    for height in (10, 100):
        check(pod_map.draw(state, width, height), width)


@pytest.mark.parametrize("name", EVIL)
def test_details_of_everything(name: str) -> None:
    state = state_of(EVIL[name])
    seen = 0
    for _, walk in objects._WALKS.values():
        for found in walk(state.snapshot):
            described = details.describe(found.key, state)
            assert described is not None, found.key
            check([described.title])
            check(details.layout(described, 70), 70)
            seen += 1
    assert seen > 60


@pytest.mark.parametrize("name", EVIL)
def test_cells_of_every_view(name: str) -> None:
    state = state_of(EVIL[name])
    for view in VIEWS:
        for section in [] if view.drawn else view.sections(state):
            for item in section.items:
                for column in section.columns:
                    check([column.cell(item)])


async def test_every_line_on_the_screen_is_as_wide_as_the_screen() -> None:
    for name, poison in EVIL.items():
        app = app_with([poisoned(troubled_pod(), poison)])
        async with app.run_test(size=(80, 24)) as pilot:
            await settled(pilot)
            for number in range(1, len(VIEWS) + 1):
                await pilot.press(str(number))
                await pilot.pause()
                for painter in app.screen.query(Painter):
                    if not painter.display or not painter.size.height:
                        continue
                    for y in range(painter.size.height):
                        strip = painter.render_line(y)
                        assert harmless(strip.text), (name, painter)
                        assert cell_len(strip.text) == painter.room, (name, painter, strip.text)


async def test_markup_in_names_is_shown_and_not_obeyed() -> None:
    pod_named = replace(troubled_pod(), target=replace(troubled_pod().target, pod="[@click=app.quit]x[/]"))
    async with app_with([pod_named]).run_test(size=(120, 30)) as pilot:
        await settled(pilot)
        assert "[@click=app.quit]x[/]" in pilot.app.screen.query_one("#header", Sheet).text
        await pilot.click("#header", offset=(22, 0))
        await pilot.press("2")
        assert pilot.app.is_running
        assert pilot.app.screen.query_one("#ports", Grid).count


def test_a_process_table_that_is_its_own_ancestor_ends() -> None:
    from podprobe.tui.views.processes import sections
    from podprobe.tui.widgets.rows import Arrangement

    troubled = troubled_pod()
    first = troubled.containers[0]
    assert first.processes is not None
    one = first.processes.top[0]
    circle = tuple(
        replace(one, pid=pid, parent=parent) for pid, parent in ((0, 9), (5, 6), (6, 5), (7, 7), (9, 0))
    )
    looped = replace(first, processes=replace(first.processes, top=circle, count=5))
    state = State(replace(troubled, containers=(looped,)))
    (section,) = sections(state)
    pids = [row.item.process.pid for row in Arrangement().arrange([section]) if row.kind == "item"]
    assert sorted(pids) == [0, 5, 6, 7, 9]
