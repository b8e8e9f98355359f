"""Which probes are tried and how, and what an answer means by the kubelet's measure."""

from __future__ import annotations

from typing import Any

import pytest

from podprobe.agents.answers import ProbeAnswer
from podprobe.analysis.trials import Trial, outcome, plan, with_trials
from podprobe.model import Container, Probe, ProbeTrial


def planned(address: str | None = "10.0.0.7", state: Any = "running", **probe: Any) -> Trial | str | None:
    """The trial of one probe, or why there is none."""
    web = Container(name="web", state=state, probes=(Probe(role="readiness", **probe),))
    trials, left = plan([web], address)
    return trials[0] if trials else left["web", "readiness"].detail


def test_http() -> None:
    trial = planned(kind="http", port=80, path="/ok?x=1", scheme="http", timeout_seconds=3)
    assert isinstance(trial, Trial)
    assert (trial.kind, trial.to, trial.timeout_seconds) == ("http", "http://10.0.0.7:80/ok?x=1", 3)
    assert trial.differs is None


def test_ipv6_and_the_default_timeout() -> None:
    trial = planned("fd00::7", kind="http", port=80, path="/", scheme="http")
    assert isinstance(trial, Trial)
    assert (trial.to, trial.timeout_seconds) == ("http://[fd00::7]:80/", 1)


@pytest.mark.parametrize(
    ("probe", "kind", "to", "differs"),
    [
        ({"kind": "tcp", "port": 5432}, "tcp", "10.0.0.7:5432", None),
        ({"kind": "grpc", "port": 9000}, "h2", "10.0.0.7:9000", "its health service is not called"),
        ({"kind": "http", "port": 443, "scheme": "https", "path": "/"}, "tcp", "10.0.0.7:443", "over TLS"),
        (
            {"kind": "http", "port": 80, "scheme": "http", "path": "/", "http_headers": ("Host",)},
            "http", "http://10.0.0.7:80/", "without the headers that the probe sets (Host)",
        ),
    ],
)  # fmt: skip
def test_how_a_trial_differs_is_said(probe: Any, kind: str, to: str, differs: str | None) -> None:
    trial = planned(**probe)
    assert isinstance(trial, Trial)
    assert (trial.kind, trial.to) == (kind, to)
    assert trial.differs is None if differs is None else differs in str(trial.differs)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"kind": "exec"}, "exec probes are not run"),
        ({"kind": "tcp", "port": 1, "state": "waiting"}, "does not run"),
        ({"kind": "tcp", "port": 1, "host": "db.example"}, "another host (db.example)"),
        ({"kind": "tcp", "port_name": "http"}, "no port of that name"),
        ({"kind": "tcp", "port": 1, "address": None}, "no address but loopback"),
        ({"kind": "http", "port": 1, "scheme": "http", "path": "/a b"}, "not percent-encoded"),
        ({"kind": "http", "port": 1, "scheme": "http", "path": "/\r\nX: y"}, "not percent-encoded"),
    ],
)
def test_what_is_not_tried_says_why(more: dict[str, Any], reason: str) -> None:
    assert reason in str(planned(**more))


HTTP = Trial("web", "readiness", "http", "http://10.0.0.7:80/", 2)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("200", "ok"), ("204", "ok"), ("302", "partial"), ("404", "failed"), ("503", "failed")],
)
def test_a_status_is_judged_as_the_kubelet_does(status: str, expected: str) -> None:
    found = outcome(HTTP, ProbeAnswer(samples_ns=(1_500_000,), statuses={status: 1}))
    assert (found.outcome, found.status, found.time_us) == (expected, int(status), 1500)
    assert ("redirect" in (found.detail or "")) == (status == "302")


def test_what_was_tried_in_part_is_never_ok() -> None:
    tls = Trial("web", "readiness", "tcp", "10.0.0.7:443", 2, "only connected: nothing is asked over TLS")
    assert outcome(tls, ProbeAnswer(samples_ns=(1,))).outcome == "partial"
    # Who is refused without a header might be let in with it.
    bare = Trial(
        "web", "readiness", "http", "http://10.0.0.7:80/", 2, "without the headers that the probe sets (X)"
    )
    assert {outcome(bare, ProbeAnswer(samples_ns=(1,), statuses={s: 1})).outcome for s in ("200", "401")} == {
        "partial"
    }


@pytest.mark.parametrize(
    ("error", "expected", "detail"),
    [
        ("ETIMEDOUT", "timeout", None),
        ("ECONNREFUSED", "refused", None),
        ("EHOSTUNREACH", "unreachable", "EHOSTUNREACH"),
        ("EPROTO", "failed", "the answer is of another protocol"),
        ("ECONNRESET", "failed", "closed without an answer"),
        ("EWHATEVER", "failed", "EWHATEVER"),
    ],
)
def test_failures_by_kind(error: str, expected: str, detail: str | None) -> None:
    found = outcome(HTTP, ProbeAnswer(errors={error: 1}))
    assert found.outcome == expected
    assert found.time_us == (2_000_000 if expected == "timeout" else None)
    assert (detail or "") in (found.detail or "")


@pytest.mark.parametrize("status", ["", "abc", "99999", "²00"])
def test_a_status_that_is_none_does_no_harm(status: str) -> None:
    assert outcome(HTTP, ProbeAnswer(samples_ns=(1,), statuses={status: 1})).status is None


def test_trials_find_their_probes() -> None:
    web = Container(
        name="web", probes=(Probe(role="readiness", kind="tcp"), Probe(role="liveness", kind="tcp"))
    )
    tried = ProbeTrial(outcome="ok")
    (found,) = with_trials([web], {("web", "liveness"): tried})
    assert [probe.tried for probe in found.probes] == [None, tried]
    assert with_trials([web], {}) == (web,)
