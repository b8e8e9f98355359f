"""The grid: sorting, filtering, opening, and a cursor that stays on its row."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from textual.app import App, ComposeResult

from podprobe.tui.drawing import Span
from podprobe.tui.views.table import Column, Section, number_column, text_column
from podprobe.tui.widgets.grid import Grid
from podprobe.tui.widgets.rows import Arrangement, Order, sort, terms
from podprobe.tui.widgets.widths import Widths
from tests.support.samples import large_pod
from tests.tui.support import app_with, replace, settled


@dataclass
class Thing:
    name: str
    size: int | None = None
    parts: list[Thing] = field(default_factory=list)


SIZE = number_column("size", lambda one: one.size)
NAME = Column("name", lambda one: (Span(one.name),), lambda one: one.name, least=6)


def section(things: list[Thing], **more: object) -> Section:
    return Section("Things", (NAME, SIZE), things, lambda one: one.name, lambda one: one.name, **more)  # type: ignore[arg-type]


def names(rows: object) -> list[str]:
    return [row.item.name for row in rows if row.kind == "item"]  # type: ignore[attr-defined]


THINGS = [Thing("b", 2), Thing("a", None), Thing("c", 10), Thing("d", 0)]


@pytest.mark.parametrize(("descending", "expected"), [(True, "cbda"), (False, "dbca")])
def test_what_has_no_value_sorts_last_either_way(descending: bool, expected: str) -> None:
    assert "".join(one.name for one in sort(THINGS, SIZE, Order("size", descending))) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ["web one", "web two", "db"]),
        ("WEB", ["web one", "web two"]),
        ("web !two", ["web one"]),
        ("zzz", []),
    ],
)
def test_filter(typed: str, expected: list[str]) -> None:
    arrangement = Arrangement(terms=terms(typed))
    assert (
        names(arrangement.arrange([section([Thing("web one"), Thing("web two"), Thing("db")])])) == expected
    )


def test_a_filter_finds_rows_that_are_folded_away() -> None:
    tree = [Thing("parent", parts=[Thing("needle"), Thing("hay")]), Thing("other", parts=[Thing("hay")])]
    arrangement = Arrangement(terms=("needle",))
    assert names(arrangement.arrange([section(tree, children=lambda one: one.parts)])) == ["parent", "needle"]


def test_columns_of_low_rank_give_way_and_rank_zero_is_whole() -> None:
    wide = text_column("wide", lambda one: one.name * 30, least=4, most=30)
    extra = text_column("extra", lambda one: one.name, rank=1)
    last = text_column("last", lambda one: one.name, rank=2)
    made = Section("S", (wide, extra, last), THINGS, lambda one: one.name, lambda one: one.name)
    widths = Widths()
    widths.measure(made, THINGS)
    assert [column.title for column, _ in widths.fit(made, 60)] == ["wide", "extra", "last"]
    assert [(column.title, width) for column, width in widths.fit(made, 33)] == [("wide", 30)]
    assert widths.fit(made, 12) == [(wide, 12)]


class Board(App[None]):
    def compose(self) -> ComposeResult:
        yield Grid(id="grid")


async def test_the_cursor_stays_on_its_row_when_rows_come_and_go() -> None:
    app = Board()
    async with app.run_test(size=(40, 12)) as pilot:
        grid = app.query_one(Grid)
        grid.focus()
        things = [Thing(f"row {number:03}", number) for number in range(200)]
        grid.show([section(things)])
        await pilot.press("G", "up", "up")
        assert grid.pointed == "row 197"
        top = grid.scroll_offset.y
        grid.show([section([Thing("aaa", 1), *things[50:], Thing("zzz", 2)])])
        await pilot.pause()
        assert grid.pointed == "row 197"
        assert grid._rows[grid._cursor].item.name == "row 197"
        assert grid._cursor - grid.scroll_offset.y == 199 - top
        grid.show([section([one for one in things if one.name != "row 197"])])
        await pilot.pause()
        assert grid.pointed is not None
        assert grid.pointed != "row 197"
        grid.show([section([])])
        assert grid.pointed is None
        await pilot.press("down", "enter", "s", "S", "right", "left", "space", "pagedown", "home", "end")


async def test_sorting_by_key_goes_through_the_columns() -> None:
    app = Board()
    async with app.run_test(size=(40, 12)) as pilot:
        grid = app.query_one(Grid)
        grid.focus()
        grid.show([section(THINGS)])
        orders = []
        for _ in range(3):
            await pilot.press("s")
            orders.append("".join(names(grid.rows)))
        assert orders == ["abcd", "cbda", "bacd"]
        await pilot.press("s", "S")
        assert "".join(names(grid.rows)) == "dcba"


async def test_a_tree_opens_and_closes() -> None:
    app = Board()
    async with app.run_test(size=(40, 12)) as pilot:
        grid = app.query_one(Grid)
        grid.focus()
        tree = [Thing("parent", parts=[Thing("child", parts=[Thing("grandchild")])]), Thing("single")]
        grid.show([section(tree, children=lambda one: one.parts)])
        assert names(grid.rows) == ["parent", "single"]
        await pilot.press("right", "down", "right", "down")
        assert names(grid.rows) == ["parent", "child", "grandchild", "single"]
        await pilot.press("left", "left", "left", "left")
        assert names(grid.rows) == ["parent", "single"]


async def test_ten_thousand_connections_are_all_there_and_only_those_in_sight_are_written() -> None:
    pod = large_pod(10_000)
    async with app_with([pod]).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("3")
        await pilot.pause()
        grid = pilot.app.screen.query_one("#flows", Grid)
        while not all(row.branch != "closed" for row in grid.rows):
            place = next(index for index, row in enumerate(grid.rows) if row.branch == "closed")
            grid._move(place)
            grid.action_fold()
        assert grid.count == 10_000 + len(pod.network.flows)
        written = []
        columns = grid._lines.columns(0, grid.room)
        counted = replace_cell(columns[0][0], written)
        columns[0] = (counted, 20)
        grid.refresh()
        await pilot.pause()
        assert 0 < len(written) <= 3 * grid.size.height


def replace_cell(column: Column, written: list[object]) -> Column:
    import dataclasses

    def cell(item: object) -> object:
        written.append(item)
        return column.cell(item)

    return dataclasses.replace(column, cell=cell)  # type: ignore[arg-type]


async def test_the_cursor_keeps_its_connection_while_snapshots_come() -> None:
    pod = large_pod(1_000)
    async with app_with([pod]).run_test(size=(120, 36)) as pilot:
        await settled(pilot)
        await pilot.press("3", "space", *["down"] * 30)
        grid = pilot.app.screen.query_one("#flows", Grid)
        pointed = grid.pointed
        assert pointed is not None
        assert pointed[0] == "connection"  # type: ignore[index]
        connections = tuple(reversed(pod.network.connections))
        pilot.app.source.put_now(replace(pod, network=replace(pod.network, connections=connections)))  # type: ignore[union-attr]
        await settled(pilot)
        assert grid.pointed == pointed
