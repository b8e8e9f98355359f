"""How property tests run: no deadline an example, and as many examples as the environment asks for.

PODPROBE_FUZZ_EXAMPLES=1000000 pytest --timeout 0 -k "any_ or rubbish" tests/unit/agent tests/contract
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("podprobe", deadline=None)  # a busy machine is no failure
settings.load_profile("podprobe")
if examples := os.environ.get("PODPROBE_FUZZ_EXAMPLES"):
    settings.register_profile(
        "fuzz", max_examples=int(examples), deadline=None, suppress_health_check=list(HealthCheck)
    )
    settings.load_profile("fuzz")
