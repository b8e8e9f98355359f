"""Start what the command line names: the sandbox, or a container's program with its faults beside it."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import traceback
from typing import TYPE_CHECKING

from . import faults, linux

if TYPE_CHECKING:
    from collections.abc import Callable

SETUP_FAILED = 3
"""Exit status of a process whose surroundings could not be made."""


def main(arguments: list[str]) -> None:
    """Run one process of the demo Pod; does not return but when it ends."""
    parser = argparse.ArgumentParser(prog="inside")
    parser.add_argument("what")
    parser.add_argument("--faults", default="", help="names, joined by commas")
    parser.add_argument("--ready", type=int, help="file descriptor that is told when all is in place")
    # What else the manifest's command says is for those who read the manifest.
    options, _ = parser.parse_known_args(arguments)
    if options.what == "sandbox":
        importlib.import_module(".sandbox", __package__).main()
        return
    run_container(options.what, tuple(filter(None, options.faults.split(","))), options.ready)


def run_container(name: str, active: tuple[str, ...], ready_fd: int | None) -> None:
    """Be a container's PID 1: start the actors of its faults as children, then be its program."""
    # Children that end, and orphans, are reaped by the kernel; a fault's actor that wants zombies restores the default.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    linux.set_process_name(name)

    def announce(who: str) -> Callable[[], None]:
        def ready() -> None:
            if ready_fd is not None:
                os.write(ready_fd, f"{who}\n".encode())

        return ready

    for fault in active:
        actor = faults.load(fault).ACTORS.get(name)
        if actor is not None and os.fork() == 0:
            _be_actor(fault, actor, announce(f"{name}/{fault}"))
    program = importlib.import_module(f".programs.{name}", __package__)
    program.run(active, announce(name))


def _be_actor(fault: str, actor: Callable[[Callable[[], None]], None], ready: Callable[[], None]) -> None:
    try:
        linux.die_with_parent(signal.SIGKILL)
        linux.set_process_name(fault)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        actor(ready)
    except BaseException:  # a forked child must never run on into its parent's code
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
