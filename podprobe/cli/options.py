"""Options that several commands share, and what they come to."""

from __future__ import annotations

import functools
import re
import shutil
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import click

from podprobe.errors import UsageError
from podprobe.targets.access import Access

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.targets.base import Progress

F = TypeVar("F", bound="Callable[..., Any]")

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Duration(click.ParamType[float]):
    """A duration as kubectl writes it: `500ms`, `2s`, `15m`, `1h30m`; a bare number is seconds.

    Args:
        least: what is less is refused, seconds.
    """

    name = "duration"

    def __init__(self, least: float = 0.0) -> None:
        self._least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, int | float):
            return float(value)
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", value)
        if not parts or "".join(number + unit for number, unit in parts) != value:
            self.fail(f"{value!r} is not a duration; say 500ms, 2s, 15m or 1h", param, ctx)
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
        if seconds < self._least:
            self.fail(f"{value!r} is too short; say at least {round(self._least * 1000)}ms", param, ctx)
        return seconds


DURATION = Duration()
WAIT = Duration(0.001)
"""How long to wait for something: not at all would be never to get it."""
INTERVAL = Duration(0.1)
"""From look to look: more often than ten times a second, looking is all that a Pod would be doing."""


def _complete_target(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001  # click's signature
    # Completion must never print or raise: a shell would show it in the middle of the user's line.
    try:
        from podprobe.targets.kubernetes import complete_pods

        return complete_pods(
            incomplete, namespace=ctx.params.get("namespace"), context=ctx.params.get("context"),
            kubeconfig=ctx.params.get("kubeconfig"),
        )  # fmt: skip
    except Exception:  # noqa: BLE001
        return []


def target_argument(*, required: bool = True, nargs: int = 1) -> Callable[[F], F]:
    """The TARGET argument, completed with the Pods of the cluster."""
    name = "targets" if nargs != 1 else "target"
    return click.argument(
        name, metavar="TARGET" if nargs == 1 else "TARGET...", required=required, nargs=nargs,
        shell_complete=_complete_target,
    )  # fmt: skip


_ACCESS_OPTIONS = [
    click.option(
        "-n", "--namespace", envvar="PODPROBE_NAMESPACE", help="Namespace of the Pod; the context's where absent."
    ),
    click.option("--context", envvar="PODPROBE_CONTEXT", help="kubeconfig context to use."),
    click.option("--kubeconfig", type=click.Path(), help="kubeconfig file to use."),
    click.option("--as", "as_user", metavar="USER", help="Impersonate a user."),
    click.option("--as-group", "as_groups", metavar="GROUP", multiple=True, help="Impersonate a group; repeatable."),
    click.option("--image", envvar="PODPROBE_IMAGE", help="Image of the agents: any with Python 3.9 or newer."),
    click.option(
        "--ttl", type=DURATION, envvar="PODPROBE_TTL",
        help="An agent at rest ends by itself after this time.  [default: 15m]",
    ),
    click.option(
        "--profile", type=click.Choice(["mirror", "netraw", "ptrace"]), default="mirror", show_default=True,
        envvar="PODPROBE_PROFILE",
        help="Privileges of an agent: its container's own, or one capability more.",
    ),
    click.option(
        "--agents", type=click.Choice(["each", "single"]), default="each", show_default=True,
        envvar="PODPROBE_AGENTS",
        help="An agent in each container, or one in all.",
    ),
    click.option(
        "--request-timeout", type=WAIT, default="30s", show_default=True,
        envvar="PODPROBE_REQUEST_TIMEOUT",
        help="The most that one request to the API server may take.",
    ),
]  # fmt: skip


def access_options(function: F) -> F:
    """The options that say how a target is reached; the command gets them as one `access: Access`."""

    @functools.wraps(function)
    def gather(**options: Any) -> Any:
        ttl = options.pop("ttl")
        access = Access(
            namespace=options.pop("namespace"),
            context=options.pop("context"),
            kubeconfig=options.pop("kubeconfig"),
            as_user=options.pop("as_user"),
            as_groups=tuple(options.pop("as_groups")),
            image=options.pop("image"),
            ttl_seconds=None if ttl is None else max(1, round(ttl)),
            profile=options.pop("profile"),
            agents=options.pop("agents"),
            request_timeout=options.pop("request_timeout"),
        )
        return function(access=access, **options)

    decorated: Any = gather
    for option in reversed(_ACCESS_OPTIONS):
        decorated = option(decorated)
    result: F = decorated
    return result


_LOOK_OPTIONS = [
    click.option("--passive", is_flag=True, help="Only read: no active probe of any port or socket."),
    click.option(
        "--try-probes", is_flag=True,
        help="Try each startup, readiness and liveness probe once, at the Pod's address; exec probes are never run.",
    ),
    click.option(
        "--dns-name", "dns_names", metavar="NAME", multiple=True,
        help="Look up an outside name from inside the Pod, too; repeatable.",
    ),
    click.option(
        "--all-connections", is_flag=True,
        help="Keep every connection and unix socket, however many there are.",
    ),
    click.option(
        "--walk-budget", type=DURATION, default="2s", show_default=True,
        help="The most time to spend on counting what a volume holds.",
    ),
]  # fmt: skip


def look_options(function: F) -> F:
    """The options that say how to look; the command gets them as one `options: SessionOptions`."""

    @functools.wraps(function)
    def gather(**options: Any) -> Any:
        from podprobe.looking import SessionOptions

        passive, try_probes = options.pop("passive"), options.pop("try_probes")
        if passive and try_probes:
            raise UsageError(
                "--passive makes no probe, and --try-probes tries them", "leave one of the two out"
            )
        look = SessionOptions(
            active=not passive,
            try_probes=try_probes,
            dns_names=tuple(options.pop("dns_names")),
            all_connections=options.pop("all_connections"),
            walk_seconds=options.pop("walk_budget"),
        )
        return function(options=look, **options)

    decorated: Any = gather
    for option in reversed(_LOOK_OPTIONS):
        decorated = option(decorated)
    result: F = decorated
    return result


def show_progress(progress: Progress) -> None:
    """Progress on stderr: one line that replaces itself at a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return
    from podprobe.report.neutral import neutral

    count = f" {progress.done}/{progress.total}" if progress.total else ""
    where = f" {progress.container}:" if progress.container else ""
    # A longer line would stay behind: only the last row of it is cleared.
    room = shutil.get_terminal_size().columns - 1
    click.echo(f"\r\033[K{neutral(f'{where}{count} {progress.message}', room)}", nl=False, err=True)


def end_progress() -> None:
    """Clear the progress line."""
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
