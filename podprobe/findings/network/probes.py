"""The kubelet's probes: against what listens, and what is declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis import endpoints
from podprobe.analysis.answering import answered, family, pod_addresses
from podprobe.analysis.trials import WORDS
from podprobe.analysis.words import count, listed
from podprobe.findings import facts
from podprobe.findings.network.ports import GRACE
from podprobe.findings.rule import Hit, Look, rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from podprobe.model import Container, Listener, Probe, Snapshot

FAILED = frozenset({"failed", "timeout", "refused", "unreachable"})
"""Outcomes of a trial that the kubelet would take for failure."""


@rule(
    "NET105",
    "critical",
    title="A probe asks a port that does not answer",
    when="An http, tcp or grpc probe's port has no listener though its container has run for "
    "{grace_seconds} s, or only listeners that do not answer at the Pod's address (on loopback, on another address, of "
    "the other IP family), or is a name that the container does not declare.",
    measured="Probes and `ports` of the Pod's spec against the listeners (sock_diag), beside the cluster's events of "
    "their failures and, with `--try-probes`, one try from inside. Probes with a `host` of their own are left out.",
    why="The kubelet probes from the node, over the Pod's first address: a listener on 127.0.0.1 does not "
    "answer it, nor does one that takes IPv6 only where that address is IPv4. A readiness "
    "probe that cannot succeed takes the Pod out of its Services; a liveness "
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
            if fault := fault_of(look, container, probe):
                evidence, remedy, listeners = fault
                yield Hit(
                    subject=f"{container.name} {probe.role} probe",
                    evidence=[evidence, *fares(probe)],
                    remedy=remedy,
                    pointers=[
                        f"/containers/{index}/probes/{place}",
                        *(f"/network/listeners/{number}" for number in listeners),
                    ],
                    containers=[container.name],
                )


def fares(probe: Probe) -> Iterator[str]:
    """What the cluster's events, and a trial, say of it."""
    failures, tried = probe.failures, probe.tried
    if failures and failures.count:
        said = f": {' '.join(failures.message.split())[:200].rstrip('.')}" if failures.message else ""
        last = failures.last_at or "an unknown time"
        yield f"It has failed {count(failures.count, 'time')}, the last at {last}{said}."
    if tried and tried.outcome in FAILED:
        yield f"Tried from inside the Pod at {tried.to or 'its address'}: {WORDS[tried.outcome]}."


def fault_of(look: Look, container: Container, probe: Probe) -> tuple[str, str, Iterable[int]] | None:
    """Why a probe cannot succeed, the remedy, and the listeners that it is about; `None` where it could."""
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
    if other := _elsewhere(look.snapshot, field, probe.port, there):
        return other
    if there or not facts.settled(look.snapshot, container, look["grace_seconds"]):
        return None
    own = sorted({each.port for each in look.snapshot.network.listeners if each.container == container.name})
    really = f"; {container.name} listens on {listed(str(number) for number in own)}" if own else ""
    return (
        f"The {field} asks port {probe.port}, on which nothing listens{really}.",
        f"Correct the port of the {field}, or let {container.name} listen on {probe.port}.",
        (),
    )


def _elsewhere(
    snapshot: Snapshot, field: str, port: int, there: list[tuple[int, Listener]]
) -> tuple[str, str, Iterable[int]] | None:
    """There are listeners, and none answers where the kubelet asks."""
    asked = pod_addresses(snapshot)[: 1 if snapshot.target.ips else None]
    if not there or not asked or answered((one for _, one in there), asked):
        return None
    who = facts.whose(there[0][1].container)
    at = listed(dict.fromkeys(facts.bound(one) for _, one in there))
    wide = f"0.0.0.0:{port}" if family(asked[0]) == "IPv4" else f"[::]:{port}"
    return (
        (
            f"The {field} asks port {port} at the Pod's address {listed(asked)}; {who} listens on {at}, which does not "
            "answer there."
        ),
        f"Let {who} listen on {wide}, or use an `exec` probe.",
        [number for number, _ in there],
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
