"""A real Prometheus, with the scrape configuration that a test gives it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROMETHEUS = shutil.which("prometheus")
needs_prometheus = pytest.mark.skipif(
    not PROMETHEUS, reason="prometheus is not installed (Debian: prometheus)"
)


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def prometheus(workdir: Path, job: dict[str, Any]) -> Iterator[int]:
    """Scrape as `job` says, twice a second; the port that answers queries."""
    config = workdir / "prometheus.yml"
    config.write_text(json.dumps({"global": {"scrape_interval": "500ms"}, "scrape_configs": [job]}))
    web = free_port()
    command = [
        str(PROMETHEUS), f"--config.file={config}", f"--storage.tsdb.path={workdir}/data",
        f"--web.listen-address=127.0.0.1:{web}",
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield web
        finally:
            process.terminate()


def query(port: int, expression: str) -> list[dict[str, Any]]:
    """The series that an expression has now; none while Prometheus starts."""
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{port}/api/v1/query?query={quote(expression)}", timeout=5
        ) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found
    except (urllib.error.URLError, OSError):
        return []
