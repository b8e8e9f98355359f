"""Probes of the kubelet's, tried from inside the Pod: what is to be asked, and what the answer means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from podprobe.analysis import endpoints
from podprobe.analysis.endpoints import endpoint
from podprobe.model import ProbeTrial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from podprobe.agents.answers import ProbeAnswer
    from podprobe.model import Container, Probe

DEFAULT_TIMEOUT_SECONDS = 1
"""Of a probe that says none: the API server's default."""
_UNREACHABLE = frozenset({"EHOSTUNREACH", "ENETUNREACH", "EACCES", "EPERM", "EADDRNOTAVAIL"})
_SAFE_PATH = re.compile(r"/[!-~]*")


@dataclass(frozen=True)
class Trial:
    """One probe to try."""

    container: str
    role: str
    kind: Literal["http", "tcp", "h2"]
    to: str
    timeout_seconds: float
    differs: str | None = None
    """In what the trial is not the kubelet's probe."""


def plan(
    containers: Iterable[Container], address: str | None
) -> tuple[list[Trial], dict[tuple[str, str], ProbeTrial]]:
    """The probes to try, and a word about each that is not.

    Args:
        containers: with their probes.
        address: of the Pod; `None` where it has none but loopback.
    """
    trials: list[Trial] = []
    left: dict[tuple[str, str], ProbeTrial] = {}
    for container in containers:
        for probe in container.probes:
            reason = _not_tried(container, probe, address)
            if reason or address is None or probe.port is None:
                left[container.name, probe.role] = ProbeTrial(outcome="not-tried", detail=reason)
                continue
            trials.append(_trial(container.name, probe, endpoint(address, probe.port)))
    return trials, left


def _not_tried(container: Container, probe: Probe, address: str | None) -> str | None:
    if probe.kind == "exec":
        return "exec probes are not run"
    if container.state != "running":
        return "the container does not run"
    if probe.host and not endpoints.is_any(probe.host):
        return f"the probe asks another host ({probe.host})"
    if probe.port is None:
        return "the container declares no port of that name"
    if probe.kind == "http" and probe.scheme == "http" and not _SAFE_PATH.fullmatch(probe.path or "/"):
        return "its path is not percent-encoded"
    return "the Pod has no address but loopback" if address is None else None


def _trial(container: str, probe: Probe, place: str) -> Trial:
    kind: Literal["http", "tcp", "h2"] = "tcp"
    to, differs = place, None
    if probe.kind == "grpc":
        kind, differs = "h2", "asked whether it speaks HTTP/2; its health service is not called"
    elif probe.kind == "http" and probe.scheme == "https":
        differs = "only connected: nothing is asked over TLS"
    elif probe.kind == "http":
        kind, to = "http", f"http://{place}{probe.path or '/'}"
        if probe.http_headers:
            differs = f"without the headers that the probe sets ({', '.join(probe.http_headers)})"
    return Trial(container, probe.role, kind, to, probe.timeout_seconds or DEFAULT_TIMEOUT_SECONDS, differs)


def outcome(trial: Trial, answer: ProbeAnswer) -> ProbeTrial:
    """What one try came to, by the kubelet's measure: any status from 200 to 299 is success.

    It follows a redirect to the same host and judges what it finds there. That is not done here, nor is a handshake of
    TLS or a call of gRPC's health service, and headers that may be secrets are left out: what was answered then
    is shown, and not judged.
    """
    if not answer.samples_ns:
        return _failure(trial, next(iter(answer.errors), "nothing"))
    status = next(
        (int(one) for one in answer.statuses if one.isascii() and one.isdigit() and len(one) == 3), None
    )
    well = status is None or 200 <= status < 300
    redirected = status is not None and 300 <= status < 400
    detail = trial.differs
    if redirected:
        detail = "; ".join(filter(None, ("a redirect, not followed", detail)))
    return ProbeTrial(
        outcome="partial" if detail else "ok" if well else "failed",
        to=trial.to,
        time_us=answer.samples_ns[0] // 1000,
        status=status,
        detail=detail,
    )


def _failure(trial: Trial, error: str) -> ProbeTrial:
    if error == "ETIMEDOUT":
        waited = round(trial.timeout_seconds * 1_000_000)
        return ProbeTrial(outcome="timeout", to=trial.to, time_us=waited, detail=trial.differs)
    if error == "ECONNREFUSED":
        return ProbeTrial(outcome="refused", to=trial.to, detail=trial.differs)
    if error in _UNREACHABLE:
        return ProbeTrial(outcome="unreachable", to=trial.to, detail=error)
    said = {
        "ECONNRESET": "the connection was closed without an answer",
        "EPROTO": "the answer is of another protocol",
        "EBADMSG": "the answer was cut short",
    }.get(error, error)
    return ProbeTrial(outcome="failed", to=trial.to, detail=said)


def with_trials(
    containers: Sequence[Container], trials: Mapping[tuple[str, str], ProbeTrial]
) -> tuple[Container, ...]:
    """The containers with what came of their probes."""
    if not trials:
        return tuple(containers)
    return tuple(
        msgspec.structs.replace(
            container,
            probes=tuple(
                msgspec.structs.replace(probe, tried=trials.get((container.name, probe.role)))
                for probe in container.probes
            ),
        )
        for container in containers
    )


WORDS: dict[str, str] = {
    "ok": "ok",
    "partial": "answers, tried in part",
    "failed": "failed",
    "timeout": "no answer",
    "refused": "refused",
    "unreachable": "unreachable",
    "not-tried": "not tried",
}
"""Outcomes for people."""
