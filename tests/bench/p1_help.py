"""P1: how soon the program answers at all."""

from __future__ import annotations

import shutil
import sys

from tests.bench.base import Measure, SkippedError, alternately, program


def run() -> list[Measure]:
    """`podprobe --help` beside `kubectl version --client`."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise SkippedError("kubectl is not installed")
    ours, theirs = alternately(
        15, program([sys.executable, "-m", "podprobe", "--help"]), program([kubectl, "version", "--client"])
    )
    return [
        Measure(
            "P1", "`podprobe --help`", ours * 1000, "ms", "kubectl version --client", theirs * 1000, "≤ 3×",
            ok=ours <= 3 * theirs,
        )
    ]  # fmt: skip
