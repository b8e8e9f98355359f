"""How tests run, whoever starts them.

A shell starts what it runs in the background with SIGINT ignored, and so is every process that a test then starts: it
would never hear the interrupt that the test sends it. What is caught here is reset for them.

Property tests have no deadline an example, and as many examples as the environment asks for:

PODPROBE_FUZZ_EXAMPLES=1000000 pytest --timeout 0 -k "any_ or rubbish" tests/unit/agent tests/contract
"""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("podprobe", deadline=None)  # a busy machine is no failure
settings.load_profile("podprobe")
if examples := os.environ.get("PODPROBE_FUZZ_EXAMPLES"):
    settings.register_profile(
        "fuzz", max_examples=int(examples), deadline=None, suppress_health_check=list(HealthCheck)
    )
    settings.load_profile("fuzz")
