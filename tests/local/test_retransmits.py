"""Retransmits per flow, from the agent's sockets, against the namespace's own counter."""

from __future__ import annotations

import pytest

from podprobe.analysis.retransmits import attribution, flow_rates
from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from tests.support.loopback import Loopback, available

pytestmark = [
    pytest.mark.namespaces,
    pytest.mark.skipif((why := available()) is not None, reason=str(why)),
]


@pytest.mark.parametrize("scenario", ["calls", "bulk"])
def test_retransmits_per_flow_are_the_namespaces(scenario: str) -> None:
    amount, mss = (500, None) if scenario == "calls" else (2_000_000, 1448)
    with (
        Loopback(scenario=scenario, connections=4, loss=0.05, amount=amount, mss=mss) as loopback,
        Session(open_local(loopback.pid), SessionOptions(active=False)) as session,
    ):
        before = session.look()
        loopback.again()
        after = session.look()
    found = attribution(before, after)
    assert found is not None
    assert found.namespace == loopback.retransmitted_segments > 10
    assert found.ratio is not None
    assert found.ratio >= 0.99
    (flow,) = flow_rates(before, after)
    assert flow.server == "127.0.0.1:5000"
    assert flow.retransmits == found.attributed <= found.namespace
    # Every socket's own number, as the process that holds it reads it.
    by_local = {connection.local: connection.retransmits for connection in after.network.connections}
    assert {client: by_local[client] for client in loopback.flows} == {
        client: counts[0] for client, counts in loopback.flows.items()
    }


def test_among_thousands_of_sockets_only_what_was_sent_since_counts() -> None:
    """More than a snapshot keeps, each with a past; at each look others are kept."""
    with (
        Loopback(scenario="steady", connections=1500, amount=20_000, settle=0) as loopback,
        Session(open_local(loopback.pid), SessionOptions(active=False)) as session,
    ):
        before = session.look()
        loopback.again()
        after = session.look()
        idle = session.look()
    assert before.network.connection_count >= 3000
    assert before.network.connections_omitted > 1000
    assert before.network.flows[0].activity is None
    for look, sent in ((after, 10_000), (idle, 0)):
        (flow,) = look.network.flows
        assert flow.activity is not None
        assert round(flow.activity.bytes_sent_per_second * flow.activity.seconds) == sent
        assert flow.activity.segments == sent // 1000
        (traffic,) = look.network.traffic
        assert traffic.sockets == look.network.connection_count
        assert traffic.activity is not None
        assert round(traffic.activity.bytes_sent_per_second * flow.activity.seconds) == sent
    (rate,) = flow_rates(before, after, idle)
    assert (rate.segments, rate.retransmits) == (10, 0)
