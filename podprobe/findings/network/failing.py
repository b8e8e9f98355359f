"""Probes that fail though something listens: what the kubelet says of them, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.analysis.times import seconds_between
from podprobe.analysis.words import count, listed
from podprobe.findings import facts
from podprobe.findings.network.probes import FAILED, fares, fault_of
from podprobe.findings.rule import Hit, Look, Threshold, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from podprobe.model import Container, Probe, Snapshot

_PERIOD_SECONDS, _FAILURES = 10, 3
"""The API server's defaults."""
_KILLED = frozenset({0, 137, 143})
"""Exit codes of who is ended from outside: SIGTERM heeded, SIGKILL, SIGTERM."""


@rule(
    "NET113",
    "critical",
    "warning",
    title="A probe keeps failing",
    when="A container is not ready, or has been ended from outside and started again, while its probe fails: by the "
    "cluster's events since the container's start (of a restart: within {recent_seconds:n} s), or by a try with "
    "`--try-probes`. Not within {grace_seconds:n} s from the container's start and the probe's `initialDelaySeconds`; "
    "of a startup probe, not within the time that it gives. Critical for startup and liveness probes.",
    measured="`ready`, `started` and the last exit in the Pod's status; events of reason `Unhealthy`, in the kubelet's "
    "own words; with `--try-probes`, one try from inside. Where NET105 says why, this says nothing.",
    why="The kubelet takes a Pod out of its Services while a readiness probe fails, and restarts the container when a "
    "liveness or startup probe has failed `failureThreshold` times.",
    remedy="Ask what the probe asks, and compare with the message: a status of 400 or more, HTTPS asked of a port "
    "without TLS, a gRPC service that is not there, an answer that takes longer than `timeoutSeconds`.",
    thresholds={
        "grace_seconds": Threshold(
            30, "seconds that a container has, from its start, until its probes succeed"
        ),
        "recent_seconds": Threshold(600, "seconds back from the look in which a restart counts"),
    },
)
def failing_probe(look: Look) -> Iterator[Hit]:
    """A probe that something answers, and not well."""
    if look.snapshot.target.phase == "Terminating":
        return
    for index, container in facts.household(look.snapshot):
        for place, probe in enumerate(container.probes):
            state = _state(look, container, probe)
            if state is None or (
                probe.kind != "exec" and not probe.host and fault_of(look, container, probe)
            ):
                continue
            left_out = [] if probe.role == "liveness" else list(_without(look.snapshot))
            yield Hit(
                subject=f"{container.name} {probe.role} probe",
                evidence=[state, *fares(probe), *(sentence for _, sentence in left_out)],
                remedy=_remedy(look.snapshot, container, probe),
                severity="warning" if probe.role == "readiness" else "critical",
                pointers=[f"/containers/{index}/probes/{place}", *(pointer for pointer, _ in left_out)],
                containers=[container.name],
            )


def _state(look: Look, container: Container, probe: Probe) -> str | None:
    """What the failing probe has done to its container; `None` where nothing, or where it does not fail."""
    if probe.role != "readiness" and _restarted(look, container, probe):
        code = container.last_exit.exit_code if container.last_exit else None
        return (
            f"{container.name} has restarted {count(container.restarts, 'time')}, last with exit code {code}, after "
            f"its {probe.role} probe had failed."
        )
    if container.ready is not False or container.state != "running" or not _due(look, container, probe):
        return None
    # The others are not asked before the startup probe has succeeded.
    if (container.started is False) != (probe.role == "startup"):
        return None
    tried = probe.tried is not None and probe.tried.outcome in FAILED
    since = seconds_between(container.started_at, probe.failures.last_at if probe.failures else None)
    if not tried and (since is None or since < 0):
        return None
    word = "not started, as the kubelet sees it" if probe.role == "startup" else "not ready"
    return f"{container.name} runs and is {word}: its {probe.role} probe fails."


def _due(look: Look, container: Container, probe: Probe) -> bool:
    """The container has had its time."""
    age = seconds_between(container.started_at, look.snapshot.taken_at)
    wait = look["grace_seconds"]
    if probe.role == "startup":
        wait = max(wait, (probe.period_seconds or _PERIOD_SECONDS) * (probe.failure_threshold or _FAILURES))
    return age is not None and age >= wait + (probe.initial_delay_seconds or 0)


def _restarted(look: Look, container: Container, probe: Probe) -> bool:
    """It was ended after as many failures as it takes, and as the kubelet ends containers, a short while ago."""
    last, failures = container.last_exit, probe.failures
    if not container.restarts or last is None or failures is None:
        return False
    if last.exit_code not in _KILLED or last.reason == "OOMKilled":
        return False
    ago = seconds_between(last.finished_at, look.snapshot.taken_at)
    since = seconds_between(failures.first_at, last.finished_at)
    before = seconds_between(failures.last_at, last.finished_at)
    if ago is None or since is None or before is None:
        return False
    return (
        ago <= look["recent_seconds"]
        and since >= 0
        and before <= look["recent_seconds"]
        and failures.count >= (probe.failure_threshold or _FAILURES)
    )


def _without(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Services that leave the Pod out meanwhile."""
    out = [(index, one.name) for index, one in enumerate(snapshot.services) if one.ready is False]
    if out:
        names = listed(name for _, name in out)
        word = "Service" if len(out) == 1 else "Services"
        yield (
            f"/services/{out[0][0]}",
            f"{word} {names} {'leaves' if len(out) == 1 else 'leave'} the Pod out.",
        )


def _remedy(snapshot: Snapshot, container: Container, probe: Probe) -> str:
    target = snapshot.target
    where = f"-n {target.namespace} {target.pod}" if target.namespace else target.pod
    what = {
        "exec": f"Run the command of the `{probe.role}Probe` of {container.name} by hand",
        "http": f"Ask {container.name} for {probe.path or '/'} at port {probe.port} over {probe.scheme or 'http'}",
        "tcp": f"Connect to port {probe.port} of {container.name}",
        "grpc": f"Call the gRPC health service at port {probe.port} of {container.name}",
    }[probe.kind]
    return (
        f"{what} within {probe.timeout_seconds or 1} s, as the kubelet does, and look at its log (`kubectl logs "
        f"{where} -c {container.name}`). Then correct the program, or the probe."
    )
