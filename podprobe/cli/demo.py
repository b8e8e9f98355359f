"""`podprobe demo`."""

from __future__ import annotations

import contextlib
import signal
import sys

import click

from podprobe.cli.terminal import emit
from podprobe.errors import UsageError

_PLACE = "demo:"
_WITH_TARGET = frozenset(
    ("tui", "snapshot", "watch", "latency", "capture", "diff", "split", "doctor", "cleanup")
)


def _list_faults(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from podprobe.findings import RULES
    from podprobe.targets.local.demo import faults

    for fault in faults():
        looks = max(RULES[code].looks for code in fault.findings)
        takes = fault.takes or (f"{looks} looks" if looks > 1 else "")
        note = f" (Takes {takes}: watch, or tui.)" if takes else ""
        emit(f"{fault.name:<24} {', '.join(fault.findings):<16} {fault.summary}{note}\n")
    ctx.exit()


@click.command(
    "demo",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="COMMAND is another of podprobe's commands, without its TARGET: the demo Pod is put in there, or wherever "
    f"the command says {_PLACE}",
)
@click.option(
    "--fault", "active", metavar="NAME", multiple=True, help="Give the Pod this fault only; repeatable."
)
@click.option("--healthy", is_flag=True, help="Give the Pod no fault.")
@click.option("--keep", is_flag=True, help="Run no command: print the target, and keep the Pod until Ctrl-C.")
@click.option(
    "--list-faults", is_flag=True, is_eager=True, expose_value=False, callback=_list_faults,
    help="List the faults that the Pod can have, with the findings that show them.",
)  # fmt: skip
@click.argument("words", metavar="[COMMAND...]", nargs=-1, type=click.UNPROCESSED)
def command(active: tuple[str, ...], healthy: bool, keep: bool, words: tuple[str, ...]) -> None:
    """Make a Pod out of Linux namespaces on this machine, with real faults in it, and run COMMAND (tui) on it.

    Needs no cluster, no image, and no root where user namespaces are allowed. The Pod goes when the command ends.
    """
    if healthy and active:
        raise UsageError("--healthy and --fault contradict each other", "leave one of them out")
    if keep and words:
        raise UsageError("--keep runs no command", "leave out --keep, or the command")
    if not keep:
        _check(words)
    from podprobe.cli.options import end_progress, show_progress
    from podprobe.targets.base import Progress
    from podprobe.targets.local.demo import DEFAULT, Demo

    # A polite end takes the Pod down before this process goes; a rude one is noticed by the Pod's sandbox.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    show_progress(Progress("making the demo Pod"))
    with contextlib.ExitStack() as stack:
        try:
            pod = stack.enter_context(Demo(() if healthy else active or DEFAULT))
        finally:
            end_progress()
        for note in pod.notes:
            click.echo(f"demo: {note}", err=True)
        target = f"local:{pod.pid}"
        if keep:
            emit(f"{target}\n")
            click.echo("demo: the Pod is there until Ctrl-C", err=True)
            signal.pause()
        from podprobe.cli import podprobe

        podprobe.main(
            _with_target(words or ("tui",), target), prog_name="podprobe demo --", standalone_mode=True
        )


def _check(words: tuple[str, ...]) -> None:
    """Refuse what cannot run before a Pod is made for it."""
    if words and words[0] not in _WITH_TARGET:
        known = ", ".join(sorted(_WITH_TARGET))
        raise UsageError(f"podprobe demo cannot run {words[0]!r} on a Pod", f"COMMAND is one of {known}")


def _with_target(words: tuple[str, ...], target: str) -> list[str]:
    if _PLACE in words:
        return [target if word == _PLACE else word for word in words]
    return [words[0], target, *words[1:]]
