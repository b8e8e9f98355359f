"""A real Envoy, asked over its administration port."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from podprobe.agents.client import Agent
from podprobe.analysis.proxies.admin import admin
from podprobe.findings import evaluate
from podprobe.model import Proxy
from tests.contract.conftest import start
from tests.e2e.proxy_pods import envoy_configuration
from tests.support import envoy
from tests.support.prometheus import free_port
from tests.support.samples import healthy_pod

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from podprobe.model import ProxyAdmin, Upstream

needs_envoy = pytest.mark.skipif(envoy.program() is None, reason=envoy.MISSING)


class _App(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        time.sleep(0.02 if self.path == "/slow" else 0)
        self.send_response(500 if self.path == "/broken" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _running(directory: Path, configuration: dict[str, object], admin_port: int) -> Iterator[None]:
    program = envoy.program()
    assert program
    file = directory / "envoy.json"
    file.write_text(json.dumps(configuration))
    with subprocess.Popen(
        [program, "-c", file, "--concurrency", "1", "--log-level", "error", "--use-dynamic-base-id"]
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while _status(f"http://127.0.0.1:{admin_port}/ready") != 200:
                assert process.poll() is None, "Envoy ended"
                assert time.monotonic() < deadline, "Envoy does not get ready"
                time.sleep(0.2)
            yield
        finally:
            process.terminate()


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # http, to ourselves
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _upstream(found: ProxyAdmin, name: str) -> Upstream:
    (one,) = (each for each in found.upstreams if each.name == name)
    return one


@needs_envoy
def test_what_a_real_envoy_says(tmp_path: Path) -> None:
    app = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    Thread(target=app.serve_forever, daemon=True).start()
    agent = Agent.start(start(), "envoy")
    listen, admin_port = free_port(), free_port()
    to = f"127.0.0.1:{admin_port}"
    try:
        with _running(tmp_path, envoy_configuration(listen, app.server_port, admin_port), admin_port):
            first = admin(to, agent.admin(to, timeout=10))
            assert first.error is None
            assert (first.state, first.version) == ("LIVE", _version())
            assert {each.name: (each.hosts, each.healthy_hosts) for each in first.upstreams} == {
                "app": (1, 1),
                "nobody": (1, 1),
                "ill": (1, 0),
                "narrow": (1, 1),
            }
            assert _upstream(first, "ill").unhealthy == ("127.0.0.1:8: failed its health check",)
            statuses = [
                _status(f"http://127.0.0.1:{listen}{path}") for path in (*["/"] * 7, "/broken", "/slow")
            ]
            assert statuses == [200] * 7 + [500, 200]
            assert [_status(f"http://127.0.0.1:{listen}/nobody") for _ in range(3)] == [503] * 3
            assert _status(f"http://127.0.0.1:{listen}/ill") == 503
            second = admin(to, agent.admin(to, timeout=10))
    finally:
        agent.close()
        app.shutdown()
        app.server_close()
    served, nobody = _upstream(second, "app"), _upstream(second, "nobody")
    assert (served.requests, served.failed_requests, served.connect_failures) == (9, 1, 0)
    assert nobody.connect_failures == 3
    assert not nobody.connections
    names = [each.name for each in second.upstreams]
    assert names == ["ill", "nobody", "app", "narrow"], "those in trouble come first"
    pod = replace(healthy_pod(), proxies=(Proxy(container="envoy", program="envoy", admin=second),))
    assert {(each.code, each.severity, each.subject) for each in evaluate(pod) if each.code >= "SVC108"} >= {
        ("SVC109", "warning", "envoy upstream nobody"),
        ("SVC108", "warning", "envoy upstream ill"),
    }
    assert second.uptime_seconds is not None


def _version() -> str:
    program = envoy.program()
    assert program
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.partition("version:")[2].split("/")[1]
