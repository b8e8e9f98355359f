"""Half an hour at a look a second leaves nothing behind in memory. Long: PODPROBE_SOAK_SECONDS=1800 runs it."""

from __future__ import annotations

import os

import pytest

from podprobe.targets.local.demo import DEFAULT, Demo
from tests.soak.endurance import endure
from tests.support.loopback import available

SECONDS = float(os.environ.get("PODPROBE_SOAK_SECONDS") or 0)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.namespaces,
    pytest.mark.skipif(not SECONDS, reason="long: set PODPROBE_SOAK_SECONDS, 1800 for half an hour"),
    pytest.mark.skipif((why := available("nsenter")) is not None, reason=str(why)),
    pytest.mark.timeout(SECONDS + 300),
]


@pytest.mark.parametrize("client", ["tui", "watch"])
def test_memory_and_files_are_flat(client) -> None:
    with Demo(DEFAULT) as pod:
        verdict = endure(client, f"local:{pod.pid}", SECONDS)
    assert verdict.looks > SECONDS / 4
    assert not list(verdict.wrong())
