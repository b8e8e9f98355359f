"""What `localhost` means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.words import listed
from podprobe.findings import facts
from podprobe.findings.rule import Hit, Look, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Listener, Snapshot

_USE = re.compile(r"\blocalhost:(\d{1,5})\b")


@rule(
    "NET106",
    "warning",
    title="localhost is another address than the listener's",
    when="A container's command names `localhost:PORT`, `localhost` resolves to ::1 first, and the port's "
    "listeners are IPv4 only; or the reverse.",
    measured="getaddrinfo() of `localhost` by the agent; `localhost:PORT` in declared commands and running "
    "command lines; listeners (sock_diag), `IPV6_V6ONLY` of those on `::`.",
    why="A client that tries only the first address is refused, though the port is open. It works with "
    "one language's HTTP library and fails with another's.",
    remedy="Write 127.0.0.1 (or [::1]) in place of `localhost`, or let the program listen on both.",
)
def localhost(look: Look) -> Iterator[Hit]:
    """`localhost` goes where nobody listens."""
    snapshot = look.snapshot
    if not snapshot.network.localhost or not facts.saw_sockets(snapshot):
        return
    first = snapshot.network.localhost[0]
    version = 6 if ":" in first else 4
    for (container, port), pointer in _uses(snapshot).items():
        there = facts.listening(snapshot, port)
        if not there or any(_answers(listener, version) for _, listener in there):
            continue
        server = there[0][1]
        literal = "127.0.0.1" if version == 6 else "[::1]"
        yield Hit(
            subject=f"{container} localhost:{port}",
            evidence=[
                f"{container}'s command line names localhost:{port}; `localhost` is {first} first.",
                (
                    f"{facts.whose(server.container)} listens only on "
                    f"{listed(facts.shown(each) for _, each in there)}."
                ),
            ],
            remedy=f"Write {literal}:{port} in place of localhost:{port} in {container}'s command, or let "
            f"{facts.whose(server.container)} listen on {first} too.",
            pointers=[pointer, *(f"/network/listeners/{index}" for index, _ in there), "/network/localhost"],
            containers=[container, server.container],
        )


def _uses(snapshot: Snapshot) -> dict[tuple[str, int], str]:
    """Who names `localhost:PORT`, and where it says so."""
    uses: dict[tuple[str, int], str] = {}
    for index, container in facts.household(snapshot):
        texts = [(word, f"/containers/{index}/command") for word in container.command]
        if container.processes:
            texts += [
                (each.command or "", f"/containers/{index}/processes/top/{place}")
                for place, each in enumerate(container.processes.top)
            ]
        for text, pointer in texts:
            for port in _USE.findall(text):
                uses.setdefault((container.name, int(port)), pointer)
    return uses


def _answers(listener: Listener, version: int) -> bool:
    """A connection to loopback of this IP version reaches the listener."""
    if listener.address == "::" and version == 4:
        return not listener.v6_only
    if not (endpoints.is_any(listener.address) or endpoints.is_loopback(listener.address)):
        return False
    return (":" in listener.address) == (version == 6)
