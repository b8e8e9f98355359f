"""`podprobe explain`."""

from __future__ import annotations

import os
import sys

import click

from podprobe.cli.terminal import emit


def _complete_code(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  # click's signature
    from podprobe.findings import RULES

    return [code for code in sorted(RULES) if code.startswith(incomplete.upper())]


@click.command("explain")
@click.argument("codes", metavar="[CODE]...", nargs=-1, shell_complete=_complete_code)
def command(codes: tuple[str, ...]) -> None:
    """Say what a finding means, how it is measured, and what to do about it.

    Without a CODE, list them all.
    """
    from podprobe.configured import load
    from podprobe.findings import find
    from podprobe.report.rules import explanation, overview

    if not codes:
        for code, severities, title in overview():
            emit(f"{code}  {severities:<17} {title}\n")
        return
    configured = load().thresholds
    rules = [find(code) for code in codes]
    text = "\n".join(explanation(rule, configured) for rule in rules)
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(text))
    else:
        emit(text)
