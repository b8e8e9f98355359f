"""``python -m tests.bench [p4 p10 …]``: run the benchmarks, print the table, write docs/reference/benchmarks.md.

The page is written by a run of all benchmarks only; a part of them is only printed.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.base import Measure, SkippedError

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reference" / "benchmarks.md"

_HEAD = """# Benchmarks

Written by `make bench`: podprobe beside a peer, both measured in the same run on the same machine,
taking turns; medians. Read the ratio: a number alone says more of the machine than of the program.

"""


def modules(wanted: list[str]) -> list[str]:
    """Names of the benchmark modules, in the order of their numbers; `wanted` are numbers as `p4`."""
    names = sorted(
        (path.stem for path in HERE.glob("p[0-9]*.py")), key=lambda name: int(re.findall(r"\d+", name)[0])
    )
    unknown = set(wanted) - {name.partition("_")[0] for name in names}
    if unknown:
        raise SystemExit(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(names)}")
    return [name for name in names if not wanted or name.partition("_")[0] in wanted]


def number(value: float | None, unit: str = "") -> str:
    """Three digits that count."""
    if value is None:
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def cells(measure: Measure) -> tuple[str, ...]:
    """A measure as a row."""
    peer = f"{measure.peer}: {number(measure.peer_value, measure.unit)}" if measure.peer else "–"
    verdict = {True: "✔", False: "✖", None: ""}[measure.ok]
    ratio = "–" if measure.ratio is None else f"{measure.ratio:.2f}×"
    return (
        measure.id, measure.what, number(measure.value, measure.unit), peer, ratio, measure.target or "–", verdict,
    )  # fmt: skip


TITLES = ("#", "what", "podprobe", "peer, same run", "ratio", "to reach", "")


def machine() -> str:
    """The machine in a line."""
    cpus = Path("/proc/cpuinfo").read_text().count("processor\t")
    return (
        f"Linux {platform.release()}, {platform.machine()}, {cpus} CPUs, Python {platform.python_version()}"
    )


def page(measures: list[Measure], skipped: list[str]) -> str:
    """The page of documentation."""
    rows = "\n".join(f"| {' | '.join(cells(measure))} |" for measure in measures)
    notes = "".join(f"- {note}\n" for note in skipped)
    return f"{_HEAD}{machine()}.\n\n| {' | '.join(TITLES)} |\n|{'---|' * len(TITLES)}\n{rows}\n" + (
        f"\nNot measured on this machine:\n\n{notes}" if notes else ""
    )


def main(wanted: list[str]) -> int:
    """Run, print, write. Exit 1 where something that is to be reached was not."""
    # Programs are measured as they are when installed: compiled at the first start, and then no more.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    console = Console(stderr=True)
    measures: list[Measure] = []
    skipped: list[str] = []
    for name in modules(wanted):
        console.print(f"{name} …", end=" ", highlight=False)
        try:
            found = importlib.import_module(f"tests.bench.{name}").run()
        except SkippedError as error:
            skipped.append(f"{name.partition('_')[0].upper()}: {error}")
            console.print(f"skipped: {error}", highlight=False)
            continue
        measures += found
        console.print(f"{len(found)} measured", highlight=False)
    table = Table(*TITLES, title=machine(), caption="\n".join(skipped) or None)
    for measure in measures:
        table.add_row(*cells(measure))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    if not wanted:
        _, heading, written_by_others = PAGE.read_text().partition("\n## ")
        PAGE.write_text(page(measures, skipped) + heading + written_by_others)
    return int(any(measure.ok is False for measure in measures))


if __name__ == "__main__":
    sys.exit(main([word.lower() for word in sys.argv[1:]]))
