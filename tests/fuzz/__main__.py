"""``python -m tests.fuzz [NAME …] [--runs N]``: fuzz every target, or some, and say how many inputs each has taken.

Needs atheris (`tests/fuzz/requirements.txt`; `make fuzz` installs it). What it finds stays in `.fuzz/NAME`, and is
where the next run goes on; an input that breaks something is beside it, as `crash-…`. To keep such an input from coming
back, put it in `tests/fuzz/found/NAME`: `test_found.py` runs it with every other test, without atheris.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS

HERE = Path(__file__).parents[2] / ".fuzz"
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)|Done (\d+) runs")
_COVERED = re.compile(r"cov: (\d+)")


def _fuzz(name: str, runs: int) -> tuple[int, str]:
    """Inputs taken, and the end of what libFuzzer said where it found something."""
    corpus = HERE / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[name].seeds():
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    options = [
        f"-runs={runs}",
        "-timeout=20",
        "-rss_limit_mb=1500",
        f"-max_len={TARGETS[name].most_bytes}",
        "-print_final_stats=1",
        "-verbosity=1",
        f"-artifact_prefix={corpus}/",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", name, str(corpus), *options],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = done.stderr + done.stdout
    executed = max((int(one or other) for one, other in _EXECUTED.findall(said)), default=0)
    return executed, "" if done.returncode == 0 else said[-3000:]


def main() -> int:
    """Exit 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TARGETS))
    parser.add_argument("--runs", type=int, default=100_000, help="inputs for each (default 100,000)")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - TARGETS.keys():
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    try:
        import atheris  # noqa: F401  # said here in one line rather than by every process
    except ImportError:
        parser.error("atheris is not installed: python -m pip install -r tests/fuzz/requirements.txt")
    broken = 0
    for name in arguments.names or TARGETS:
        began = time.monotonic()
        executed, said = _fuzz(name, arguments.runs)
        verdict = "found something" if said else "nothing found"
        print(f"{name:10} {executed:>10,} inputs in {time.monotonic() - began:,.0f} s: {verdict}", flush=True)
        if said:
            broken += 1
            print(said, file=sys.stderr, flush=True)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
