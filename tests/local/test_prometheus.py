"""A real Prometheus scrapes `podprobe watch --listen`."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from podprobe.model import to_json
from tests.support.prometheus import free_port, needs_prometheus, prometheus, query
from tests.support.samples import troubled_pod

if TYPE_CHECKING:
    from pathlib import Path


@needs_prometheus
def test_prometheus_scrapes_a_watch(tmp_path: Path) -> None:
    target = tmp_path / "pod.json"
    target.write_text(to_json(troubled_pod()))
    metrics = free_port()
    watch = [
        sys.executable, "-m", "podprobe", "watch", f"file:{target}", "-i", "200ms", "--listen", f":{metrics}", "-q",
    ]  # fmt: skip
    job = {"job_name": "podprobe", "static_configs": [{"targets": [f"127.0.0.1:{metrics}"]}]}
    with subprocess.Popen(watch) as watching:
        try:
            with prometheus(tmp_path, job) as web:
                deadline = time.monotonic() + 60
                while not (found := query(web, "podprobe_up")) and time.monotonic() < deadline:
                    time.sleep(0.3)
                (up,) = found
                assert up["value"][1] == "1"
                assert up["metric"]["pod"] == troubled_pod().target.pod
                (critical,) = query(web, 'podprobe_findings{severity="critical"}')
                assert critical["value"][1] == "8"
        finally:
            watching.terminate()
    assert watching.returncode == 0
