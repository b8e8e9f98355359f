"""Ports: declared against listened on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.proxies.mesh import is_interception
from podprobe.analysis.words import listed
from podprobe.findings import facts
from podprobe.findings.network.reach import inside_only
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Container

GRACE = Threshold(10, "seconds that a container has, from its start, to open its ports")


@rule(
    "NET101",
    "critical",
    title="Two containers want the same port",
    when="Two containers declare one port and protocol; or a container that keeps failing was started on a "
    "port that another container holds.",
    measured="`ports` of the Pod's spec; the numbers in the command of a container that has restarted; "
    "listeners from sock_diag (`SOCK_DIAG_BY_FAMILY`).",
    why="All containers of a Pod share one network namespace. The second bind() of a port fails with "
    "EADDRINUSE, and the container that comes second restarts for ever. Which one comes second may "
    "differ from start to start.",
    remedy="Give one of the two another port: in its configuration, its `containerPort`, its probes and the "
    "Service's `targetPort`. If only one of them really listens, delete the other's declaration.",
    manifest=True,
)
def same_port(look: Look) -> Iterator[Hit]:
    """Declared twice, or wanted by a container that fails while another one has it."""
    declared: dict[tuple[str, int], list[tuple[int, int, Container]]] = {}
    for index, container in facts.household(look.snapshot):
        for place, port in enumerate(container.ports):
            declared.setdefault((port.protocol, port.port), []).append((index, place, container))
    for (protocol, number), claims in declared.items():
        names = list(dict.fromkeys(container.name for _, _, container in claims))
        if len(names) < 2:
            continue
        holders = {each.container for _, each in facts.listening(look.snapshot, number, protocol)} & {*names}
        losers = [each for _, _, each in claims if holders and each.name not in holders]
        evidence = [f"{listed(names)} declare {protocol} port {number}."]
        evidence += [f"{holder} listens on it." for holder in sorted(filter(None, holders))]
        evidence += [_loop(each) for each in losers if each.restarts or each.state == "waiting"]
        loser = losers[0].name if losers else names[-1]
        yield Hit(
            subject=f"{protocol} port {number}",
            evidence=evidence,
            remedy=f"Give {loser} another port than {number}: in its own configuration, then under "
            f"`spec.containers[{loser}].ports`, in its probes, and as `targetPort` of the Services "
            "that mean it.",
            pointers=[f"/containers/{index}/ports/{place}" for index, place, _ in claims],
            containers=names,
        )
    yield from _started_on_taken(look, {number for _, number in declared if len(declared[_, number]) > 1})


def _started_on_taken(look: Look, reported: set[int]) -> Iterator[Hit]:
    for index, container in facts.household(look.snapshot):
        last = container.last_exit
        failing = container.restarts and container.state != "running" and last and last.exit_code
        if not failing:
            continue
        wanted = _numbers(container) - reported
        for place, listener in enumerate(look.snapshot.network.listeners):
            if listener.port in wanted and listener.container not in {None, container.name}:
                wanted.discard(listener.port)
                yield Hit(
                    subject=f"{listener.protocol} port {listener.port}",
                    evidence=[
                        f"{listener.container} listens on {facts.shown(listener)}.",
                        f"{container.name}'s command names {listener.port} too.",
                        _loop(container),
                    ],
                    remedy=f"Start {container.name} on another port than {listener.port}: change the number "
                    f"in `spec.containers[{container.name}].command` or `args`.",
                    pointers=[f"/containers/{index}/command", f"/network/listeners/{place}"],
                    containers=[listener.container, container.name],
                )


_PORT_IN_COMMAND = re.compile(r"(?:^|[:= ])(\d{2,5})\b")


def _numbers(container: Container) -> set[int]:
    """Numbers in the command that may be ports: `8080`, `--port=8080`, `-b 0.0.0.0:8080`."""
    numbers = {port.port for port in container.ports}
    for word in container.command:
        if len(word) < 200:  # a program given as text is no option
            numbers |= {int(number) for number in _PORT_IN_COMMAND.findall(word)}
    return {number for number in numbers if 0 < number < 65536}


def _loop(container: Container) -> str:
    ended = ""
    if container.last_exit and container.last_exit.exit_code is not None:
        ended = f", last with exit code {container.last_exit.exit_code}"
    state = f" and is {container.state_reason}" if container.state_reason else ""
    times = "time" if container.restarts == 1 else "times"
    return f"{container.name} has restarted {container.restarts:,} {times}{ended}{state}."


@rule(
    "NET102",
    "warning",
    title="A declared port has no listener",
    when="A `containerPort` (tcp or udp) of a container that has run for {grace_seconds} s has no listener.",
    measured="`ports` of the Pod's spec against every listener of the network namespace (sock_diag).",
    why="Whoever reads the manifest, and every Service or NetworkPolicy that goes by it, counts on a port "
    "that answers nothing: connections are refused.",
    remedy="Correct the number, or delete the declaration; if the program should listen there, look at its "
    "log for why it does not.",
    thresholds={"grace_seconds": GRACE},
)
def no_listener(look: Look) -> Iterator[Hit]:
    """A declared port that nobody listens on."""
    if not facts.saw_sockets(look.snapshot):
        return
    for index, container in facts.household(look.snapshot):
        if not facts.settled(look.snapshot, container, look["grace_seconds"]):
            continue
        for place, port in enumerate(container.ports):
            if port.protocol == "sctp" or facts.listening(look.snapshot, port.port, port.protocol):
                continue
            own = sorted(
                {each.port for each in look.snapshot.network.listeners if each.container == container.name}
            )
            really = f"; it listens on {listed(str(number) for number in own)}" if own else ""
            yield Hit(
                subject=f"{container.name} {port.protocol} port {port.port}",
                evidence=[
                    (
                        f"Nothing listens on {port.protocol} port {port.port}, which {container.name} "
                        f"declares{really}."
                    )
                ],
                remedy=f"Correct or delete `containerPort: {port.port}` under "
                f"`spec.containers[{container.name}].ports`, or let {container.name} listen on it.",
                pointers=[f"/containers/{index}/ports/{place}"],
                containers=[container.name],
            )


@rule(
    "NET103",
    "info",
    title="A listener is not declared",
    when="A container listens on an address that is reachable from outside the Pod, on a port that no "
    "container declares. UDP sockets on ephemeral ports are clients, and left out, as are the ports where a "
    "mesh's proxy takes what is redirected.",
    measured="Listeners of the network namespace (sock_diag) against `ports` of the Pod's spec.",
    why="A port need not be declared to be reachable: anybody in the cluster may connect to it, and who "
    "reads the manifest does not know. Named ports, Services and policies cannot refer to it.",
    remedy="Declare it as a `containerPort`, or bind it to 127.0.0.1 if only the Pod itself uses it.",
)
def undeclared(look: Look) -> Iterator[Hit]:
    """A listener that outside can reach and nobody declares."""
    snapshot = look.snapshot
    if snapshot.target.host_network or (
        snapshot.target.kind == "local" and not any(container.ports for container in snapshot.containers)
    ):
        return
    declared = {(port.protocol, port.port) for each in snapshot.containers for port in each.ports}
    low, high = snapshot.network.ephemeral_ports or (32_768, 60_999)
    found: dict[tuple[str | None, str, int], list[int]] = {}
    for index, listener in enumerate(snapshot.network.listeners):
        if listener.protocol not in {"tcp", "udp"} or endpoints.is_loopback(listener.address):
            continue
        if (listener.protocol, listener.port) in declared or inside_only(snapshot, listener):
            continue
        if is_interception(snapshot, listener):
            continue
        if listener.protocol == "udp" and low <= listener.port <= high:
            continue
        found.setdefault((listener.container, listener.protocol, listener.port), []).append(index)
    for (name, protocol, port), places in found.items():
        at = listed(facts.shown(snapshot.network.listeners[place]) for place in places)
        yield Hit(
            subject=f"{name or 'Pod'} {protocol} port {port}",
            evidence=[
                f"{facts.whose(name)} listens on {at} ({protocol}); no container declares port {port}."
            ],
            remedy=f"Add `- containerPort: {port}`{' with `protocol: UDP`' if protocol == 'udp' else ''} "
            f"under `spec.containers[{name or '…'}].ports`, or let the program listen on 127.0.0.1.",
            pointers=[f"/network/listeners/{place}" for place in places],
            containers=[name],
        )
