"""P10: what the probe itself adds to a connect, beside the same loop in C."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

from podprobe.targets.local import open_local
from tests.bench.base import Measure, SkippedError
from tests.support.loopback import Loopback, available

ROUNDS, COUNT, INTERVAL_MICROSECONDS = 10, 200, 1000

SOURCE = r"""
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
  int count = atoi(argv[1]);
  long interval = atol(argv[2]) * 1000;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(6000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  long long next = now();
  for (int i = 0; i < count; i++) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    long long start = now();
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) return 1;
    printf("%lld\n", now() - start);
    close(fd);
    next += interval;
    long long left = next - now();
    if (left > 0) nanosleep(&(struct timespec){left / 1000000000LL, left % 1000000000LL}, NULL);
  }
  return 0;
}
"""


def run() -> list[Measure]:
    """Median connect of the agent's probe and of C, turn about, to the same server at the same pace."""
    reason = available("nsenter")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if reason or compiler is None:
        raise SkippedError(reason or "no C compiler is installed")
    with tempfile.TemporaryDirectory() as directory, Loopback(scenario="serve", settle=0) as server:
        source, loop = Path(directory, "loop.c"), Path(directory, "loop")
        source.write_text(SOURCE)
        subprocess.run([compiler, "-O2", "-o", str(loop), str(source)], check=True)
        inside = [
            "nsenter",
            "--target",
            str(server.pid),
            "--net",
            str(loop),
            str(COUNT),
            str(INTERVAL_MICROSECONDS),
        ]
        target = open_local(server.pid)
        try:
            (agent,) = target.agents(lambda _: None).agents.values()
            ours: list[float] = []
            theirs: list[float] = []
            for _ in range(ROUNDS):
                answer = agent.probe(
                    "tcp", "127.0.0.1:6000", count=COUNT, interval=INTERVAL_MICROSECONDS / 1e6, timeout=1.0
                )
                ours.append(statistics.median(answer.samples_ns))
                # In a session of its own, as the agent is, so that the two differ in as little as possible: where the
                # scheduler groups tasks by session, it would otherwise treat them differently.
                said = subprocess.run(
                    inside, capture_output=True, text=True, check=True, start_new_session=True
                ).stdout
                theirs.append(statistics.median(map(float, said.split())))
        finally:
            target.close()
    # Whether the server runs beside or after the client makes a factor of two on a busy machine: of each, the round in
    # which it was disturbed least.
    mine, peer = min(ours) / 1000, min(theirs) / 1000
    return [
        Measure(
            "P10", "connect on loopback, p50, by the agent's probe", mine, "µs", "the same loop in C", peer, "≤ 1.5×",
            ok=mine <= 1.5 * peer,
        )
    ]  # fmt: skip
