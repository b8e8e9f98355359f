"""P9: retransmits per flow from the sockets, beside the namespace's counter, at 5 % loss."""

from __future__ import annotations

from podprobe.analysis.retransmits import attribution
from podprobe.session import Session, SessionOptions
from podprobe.targets.local import open_local
from tests.bench.base import Measure, SkippedError
from tests.support.loopback import Loopback, available


def run() -> list[Measure]:
    """Between two looks: what the living sockets sent again, and what `nstat TcpRetransSegs` counts."""
    reason = available()
    if reason:
        raise SkippedError(reason)
    with (
        Loopback(scenario="calls", connections=8, loss=0.05, amount=500) as loopback,
        Session(open_local(loopback.pid), SessionOptions(active=False)) as session,
    ):
        before = session.look()
        loopback.again()
        found = attribution(before, session.look())
    assert found is not None
    value, peer = found.attributed, loopback.retransmitted_segments
    return [
        Measure(
            "P9", "segments sent again at 5 % loss, summed over flows", value, "", "nstat TcpRetransSegs", peer,
            "within 1 %", ok=abs(value - peer) <= 0.01 * peer,
        )
    ]  # fmt: skip
