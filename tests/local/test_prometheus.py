"""A real Prometheus scrapes `podprobe watch --listen`."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from podprobe.model import to_json
from tests.support.samples import troubled_pod

if TYPE_CHECKING:
    from pathlib import Path

_PROMETHEUS = shutil.which("prometheus")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _query(port: int, query: str) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/api/v1/query?query={quote(query)}", timeout=5
        ) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found
    except (urllib.error.URLError, OSError):
        return []


@pytest.mark.skipif(not _PROMETHEUS, reason="prometheus is not installed (Debian: prometheus)")
def test_prometheus_scrapes_a_watch(tmp_path: Path) -> None:
    target = tmp_path / "pod.json"
    target.write_text(to_json(troubled_pod()))
    metrics, web = _free_port(), _free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(json.dumps({
        "global": {"scrape_interval": "500ms"},
        "scrape_configs": [{"job_name": "podprobe", "static_configs": [{"targets": [f"127.0.0.1:{metrics}"]}]}],
    }))  # fmt: skip
    watch = [
        sys.executable,
        "-m",
        "podprobe",
        "watch",
        f"file:{target}",
        "-i",
        "200ms",
        "--listen",
        f":{metrics}",
        "-q",
    ]
    prometheus = [
        str(_PROMETHEUS), f"--config.file={config}", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{web}",
    ]  # fmt: skip
    with (
        subprocess.Popen(watch) as watching,
        subprocess.Popen(prometheus, stderr=subprocess.DEVNULL) as scraping,
    ):
        try:
            deadline = time.monotonic() + 60
            while not (found := _query(web, "podprobe_up")) and time.monotonic() < deadline:
                time.sleep(0.3)
            (up,) = found
            assert up["value"][1] == "1"
            assert up["metric"]["pod"] == troubled_pod().target.pod
            (critical,) = _query(web, 'podprobe_findings{severity="critical"}')
            assert critical["value"][1] == "2"
        finally:
            watching.terminate()
            scraping.terminate()
    assert watching.returncode == 0
