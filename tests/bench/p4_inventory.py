"""P4 and P12: sockets with tcp_info and owners, 18,000 of them and by their number."""

from __future__ import annotations

import shutil
import statistics

from podprobe.agents.inet import decode
from podprobe.targets.local import open_local
from tests.bench.base import Measure, SkippedError, alternately, program, seconds
from tests.support.loopback import Loopback, available

AREAS = ("inet", "processes", "fds")
ROUNDS = 9


def run() -> list[Measure]:
    """The agent's answer as the client gets it, beside `ss -tinp` in the same namespaces."""
    reason = available("ss", "nsenter")
    if reason:
        raise SkippedError(reason)
    found = {connections: _measured(connections) for connections in (500, 5_000, 9_000)}
    ours, theirs, decoding, sockets = found[9_000]
    few, many = found[500][0] / found[500][3], ours / sockets
    return [
        Measure(
            "P4", f"agent: {sockets:,} TCP sockets with tcp_info and owners", ours * 1000, "ms",
            "ss -tinp", theirs * 1000, "≤ 0.5×", ok=ours <= 0.5 * theirs,
        ),
        Measure("P4b", f"client: decoding {sockets:,} sockets", decoding * 1000, "ms"),
        Measure(
            "P12a", f"cost of a socket among {sockets:,}", many * 1e6, "µs", f"among {found[500][3]:,}", few * 1e6,
            "linear or better", ok=many <= 1.2 * few,
        ),
    ]  # fmt: skip


def _measured(connections: int) -> tuple[float, float, float, int]:
    """Seconds of the agent, of ss, of decoding; and how many sockets there were."""
    ss = shutil.which("ss") or "ss"
    with Loopback(scenario="holds", connections=connections, settle=0, own_pids=True) as crowd:
        target = open_local(crowd.pid)
        try:
            (agent,) = target.agents(lambda _: None).agents.values()
            ours, theirs = alternately(
                ROUNDS,
                lambda: agent.look(AREAS, timeout=60),
                program(["nsenter", "--target", str(crowd.pid), "--net", "--pid", "--mount", ss, "-tinp"]),
            )
            rows = agent.look(("inet",), timeout=60).inet
            decoding = statistics.median(seconds(lambda: decode(rows)) for _ in range(ROUNDS))
        finally:
            target.close()
    return ours, theirs, decoding, len(decode(rows))
