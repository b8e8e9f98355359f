"""Ports: declared against listened on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.proxies.mesh import is_interception
from podprobe.analysis.trials import WORDS
from podprobe.analysis.words import count, listed
from podprobe.findings import facts
from podprobe.findings.network.reach import inside_only
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podprobe.model import Container, Probe

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


@rule(
    "NET105",
    "critical",
    title="A probe asks a port that does not answer",
    when="An http, tcp or grpc probe's port has no listener though its container has run for "
    "{grace_seconds} s, or only listeners on loopback, or is a name that the container does not "
    "declare.",
    measured="Probes and `ports` of the Pod's spec against the listeners (sock_diag), beside the cluster's events of "
    "their failures and, with `--try-probes`, one try from inside. Probes with a `host` of their own are left out.",
    why="The kubelet probes from the node, over the Pod's address: a listener on 127.0.0.1 does not "
    "answer it. A readiness probe that cannot succeed takes the Pod out of its Services; a liveness "
    "probe restarts the container for ever.",
    remedy="Let the program listen on all addresses, or correct the probe's port.",
    thresholds={"grace_seconds": GRACE},
    manifest=True,
)
def probe_port(look: Look) -> Iterator[Hit]:
    """A probe that cannot succeed."""
    for index, container in facts.household(look.snapshot):
        for place, probe in enumerate(container.probes):
            if probe.kind == "exec" or (probe.host and not endpoints.is_any(probe.host)):
                continue
            if fault := _probe_fault(look, container, probe):
                evidence, remedy, listeners = fault
                yield Hit(
                    subject=f"{container.name} {probe.role} probe",
                    evidence=[evidence, *_fares(probe)],
                    remedy=remedy,
                    pointers=[
                        f"/containers/{index}/probes/{place}",
                        *(f"/network/listeners/{number}" for number in listeners),
                    ],
                    containers=[container.name],
                )


def _fares(probe: Probe) -> Iterator[str]:
    """What the cluster's events, and a trial, say of it."""
    failures, tried = probe.failures, probe.tried
    if failures and failures.count:
        said = f": {' '.join(failures.message.split())[:200].rstrip('.')}" if failures.message else ""
        last = failures.last_at or "an unknown time"
        yield f"It has failed {count(failures.count, 'time')}, the last at {last}{said}."
    if tried and tried.outcome not in {"ok", "not-tried"}:
        yield f"Tried from inside the Pod at {tried.to or 'its address'}: {WORDS[tried.outcome]}."


def _probe_fault(look: Look, container: Container, probe: Probe) -> tuple[str, str, Iterable[int]] | None:
    field = f"`{probe.role}Probe` of {container.name}"
    if probe.port is None:
        if probe.port_name is None:
            return None
        declared = listed(port.name for port in container.ports if port.name) or "no named port"
        return (
            f"The {field} asks port {probe.port_name!r}; {container.name} declares {declared}.",
            (
                f"Add `name: {probe.port_name}` to the port that is meant under "
                f"`spec.containers[{container.name}].ports`."
            ),
            (),
        )
    if not facts.saw_sockets(look.snapshot) or container.state != "running":
        return None
    there = facts.listening(look.snapshot, probe.port)
    if facts.loopback_only(there):
        at = listed(facts.shown(each) for _, each in there)
        return (
            (
                f"The {field} asks port {probe.port}, on which {facts.whose(there[0][1].container)} "
                f"listens only on {at}."
            ),
            (
                f"Let {facts.whose(there[0][1].container)} listen on 0.0.0.0:{probe.port}, or use an "
                "`exec` probe."
            ),
            [number for number, _ in there],
        )
    if there or not facts.settled(look.snapshot, container, look["grace_seconds"]):
        return None
    own = sorted({each.port for each in look.snapshot.network.listeners if each.container == container.name})
    really = f"; {container.name} listens on {listed(str(number) for number in own)}" if own else ""
    return (
        f"The {field} asks port {probe.port}, on which nothing listens{really}.",
        f"Correct the port of the {field}, or let {container.name} listen on {probe.port}.",
        (),
    )


@rule(
    "NET112",
    "info",
    title="A probe's port is not declared",
    when="A probe asks a port by number that its container does not declare, while it declares others.",
    measured="Probes and `ports` of the Pod's spec.",
    why="It works, and whoever changes the port later does not see that a probe depends on it. With a "
    "name, the two cannot part.",
    remedy="Declare the port with a name, and let the probe ask for the name.",
    manifest=True,
)
def undeclared_probe_port(look: Look) -> Iterator[Hit]:
    """A number that stands in one place only."""
    for index, container in facts.household(look.snapshot):
        declared = {port.port for port in container.ports}
        for place, probe in enumerate(container.probes):
            if probe.port is None or not declared or probe.port in declared:
                continue
            ports = listed(str(port) for port in sorted(declared))
            yield Hit(
                subject=f"{container.name} {probe.role} probe",
                evidence=[
                    (
                        f"The `{probe.role}Probe` of {container.name} asks port {probe.port}; it declares "
                        f"{ports}."
                    )
                ],
                remedy=f"Add `- {{name: {probe.role}, containerPort: {probe.port}}}` under "
                f"`spec.containers[{container.name}].ports`, and write `port: {probe.role}` in the "
                "probe.",
                pointers=[f"/containers/{index}/probes/{place}"],
                containers=[container.name],
            )
