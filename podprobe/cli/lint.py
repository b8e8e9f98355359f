"""`podprobe lint`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podprobe.cli.exits import ExitCode, FailOn
from podprobe.cli.terminal import color_and_width, emit
from podprobe.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from podprobe.lint import Linted
    from podprobe.targets.manifest import Problem

_SUFFIXES = {".yaml", ".yml", ".json"}


@click.command(
    "lint",
    epilog="""
    \b
    Examples:
      podprobe lint -f deploy/web.yaml              one file, with all its documents
      podprobe lint -f deploy/                      every .yaml, .yml and .json below
      helm template ./chart | podprobe lint -f -    what a chart would make
      podprobe lint -f web.yaml --fail-on warning   a gate: exits 3 (critical) or 4 (warning)
    """,
)
@click.option(
    "-f", "--filename", "names", required=True, multiple=True, metavar="FILE",
    help="Manifest, directory of manifests, or - for stdin; repeatable.",
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "sarif"]),
    default="table",
    show_default=True,
    help="Format.",
)
@click.option(
    "--fail-on", type=click.Choice(["none", "warning", "critical"]), default="none", show_default=True,
    help="Exit 3 on a critical finding, 4 on a warning.",
)  # fmt: skip
def command(names: tuple[str, ...], output: str, fail_on: FailOn) -> None:
    """Show the findings that a manifest alone can answer, with file and line.

    Reads Pods and everything with a Pod template, any number of documents, and the Services among all files. What
    cannot be read, or a cluster would refuse, is told on stderr; the rest is judged, and the exit code is 1.
    """
    from podprobe.configured import load
    from podprobe.lint import lint
    from podprobe.report.lint import render, summary
    from podprobe.report.neutral import neutral

    files = lint(_texts(names), load())
    problems = [problem for file in files for problem in file.problems]
    if not problems and not any(file.objects for file in files):
        # As with kubectl: a gate that was given the wrong file, or nothing, must not pass.
        raise TargetError(
            f"there is no Kubernetes object in {', '.join(names)}",
            "an object has an apiVersion and a kind; a chart has to be rendered first: helm template …",
        )
    color, width = color_and_width()
    emit(render(files, output, color=color, width=width), color=color)
    for problem in problems:
        click.echo(f"podprobe: {neutral(str(problem), 2000)}", err=True)
        if problem.hint:
            click.echo(f"  → {neutral(problem.hint, 2000)}", err=True)
    click.echo(f"podprobe: {summary(files)}", err=True)
    sys.exit(ExitCode.COULD_NOT_LOOK if problems else _judged(files, fail_on))


def _texts(names: tuple[str, ...]) -> Iterator[tuple[str, str | Problem]]:
    """Every file once, by its name; what cannot be read, with the reason."""
    from podprobe.targets.manifest import Problem

    seen: set[Path] = set()
    for name in names:
        path = Path(name)
        files = [path]
        if name != "-" and path.is_dir():
            files = sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES and each.is_file())
            if not files:
                yield name, Problem(file=name, message="there is no .yaml, .yml or .json file in it")
        for file in files:
            if (place := file.absolute()) in seen:
                continue
            seen.add(place)
            shown = "<stdin>" if name == "-" else str(file)
            try:
                data = sys.stdin.buffer.read() if name == "-" else file.read_bytes()
                yield shown, data.decode("utf-8")
            except OSError as error:
                yield shown, Problem(file=shown, message=f"cannot be read: {error.strerror}")
            except UnicodeDecodeError as error:
                yield shown, Problem(file=shown, message=f"this is not UTF-8 text: {error.reason}")


def _judged(files: Sequence[Linted], fail_on: FailOn) -> ExitCode:
    severities = {remark.finding.severity for file in files for remark in file.remarks}
    if fail_on != "none" and "critical" in severities:
        return ExitCode.CRITICAL
    return ExitCode.WARNING if fail_on == "warning" and "warning" in severities else ExitCode.OK
