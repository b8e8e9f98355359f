"""The parts of a section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from podprobe.report import units
from podprobe.report.neutral import neutral

if TYPE_CHECKING:
    from collections.abc import Iterable

    from podprobe.model import Finding, Severity

Tone = Literal["plain", "dim", "ok", "warning", "critical", "info"]

SEVERITY_SIGN: dict[Severity, str] = {"critical": "✖", "warning": "▲", "info": "·"}
"""Colour never alone carries meaning."""
SEVERITY_RANK: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Cell:
    """One cell. `key` is what a sort goes by, where that is not the text."""

    text: str
    key: float | None = None
    tone: Tone = "plain"


ABSENT = Cell(units.ABSENT, tone="dim")


@dataclass(frozen=True)
class Column:
    """One column.

    Where the terminal is narrow the columns with the highest `rank` go first; rank 0 never goes. What is in a column
    with `below` is then shown under the rows that something is wrong with.
    """

    title: str
    rank: int = 0
    right: bool = False
    below: bool = False


@dataclass(frozen=True)
class Row:
    """One row, with the severity of the worst finding about it and the findings' codes."""

    cells: tuple[Cell, ...]
    severity: Severity | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """One table. Rows come in order: what a finding is about first."""

    name: str
    """A slug: `ports`."""
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""


class Marks:
    """Which findings are about which place of the snapshot, by JSON pointer."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._by_place: dict[str, list[Finding]] = {}
        for finding in findings:
            places = {place for pointer in finding.pointers for place in _prefixes(pointer)}
            for place in places:
                self._by_place.setdefault(place, []).append(finding)

    def row(self, pointer: str, *cells: Cell) -> Row:
        """A row about the part of the snapshot that `pointer` names."""
        found = self._by_place.get(pointer, ())
        worst = min((finding.severity for finding in found), key=SEVERITY_RANK.__getitem__, default=None)
        return Row(cells, worst, tuple(sorted({neutral(finding.code, 20) for finding in found})))


def section(
    name: str, title: str, columns: Iterable[Column], rows: Iterable[Row], *, note: str = ""
) -> Section:
    """A section with its rows in order: critical ones, then warnings, then the rest as they came."""
    ordered = sorted(rows, key=lambda row: SEVERITY_RANK.get(row.severity, 2) if row.severity else 2)
    return Section(name, title, tuple(columns), tuple(ordered), note)


def text(value: str | None, limit: int = 120, tone: Tone = "plain") -> Cell:
    """A string from the Pod, made safe."""
    return ABSENT if value is None else Cell(neutral(value, limit), tone=tone)


def words(values: Iterable[str], limit: int = 120) -> Cell:
    """Several strings from the Pod."""
    joined = ", ".join(neutral(value, limit) for value in values)
    return Cell(neutral(joined, limit)) if joined else ABSENT


def count(value: float | None) -> Cell:
    """A number."""
    return Cell(units.number(value), value, "dim" if value is None else "plain")


def ident(value: int | None) -> Cell:
    """A number that names something (a uid, an id) and so is not grouped."""
    return ABSENT if value is None else Cell(str(value), value)


def size(value: int | None) -> Cell:
    """A number of bytes."""
    return Cell(units.size(value), value, "dim" if value is None else "plain")


def time(value: float | None) -> Cell:
    """A duration in microseconds."""
    return Cell(units.microseconds(value), value, "dim" if value is None else "plain")


def ratio(value: float | None) -> Cell:
    """A share of one."""
    return Cell(units.ratio(value), value, "dim" if value is None else "plain")


def full(part: int | None, whole: int | None, *, show: bool = True, complete: bool = True) -> Cell:
    """How full something is, as per cent; sorts by that. Not `complete`: there may be more."""
    if part is None or not whole or not show:
        return ABSENT
    said = units.ratio(part / whole) if complete else units.least_ratio(part / whole)
    return Cell(said, part / whole)


def _prefixes(pointer: str) -> Iterable[str]:
    """`/a/3/b`: itself, `/a/3` and `/a`."""
    parts = pointer.split("/")[:16]
    return ("/".join(parts[:length]) for length in range(2, len(parts) + 1))
