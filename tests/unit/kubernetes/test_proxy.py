"""Proxies as kubectl has them, with real ones: which is used, and that requests and exec both pass through it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from podprobe.errors import AccessError, TargetError
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.api import Api
from podprobe.targets.kubernetes.exec import open_exec
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.kubeconfig import connect
from podprobe.targets.kubernetes.objects import Pod
from podprobe.targets.kubernetes.proxy import Proxy, proxy_for
from tests.support.proxies import PASSWORD, USER, proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAID = f"{USER}:{quote(PASSWORD, safe='')}@"
PART = bytes(range(256)) * 100
PARTS = 40


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


VIA = {"HTTPS_PROXY": "http://p:1", "HTTP_PROXY": "q:2"}


@pytest.mark.parametrize(
    ("server", "named", "environment", "expected"),
    [
        ("https://k.test", None, {}, None),
        ("https://k.test", None, VIA, "http://p:1"),
        ("http://k.test", None, VIA, "http://q:2"),
        ("https://k.test", None, {"https_proxy": "socks5://p"}, "socks5://p:1080"),
        ("https://k.test", None, {"ALL_PROXY": "http://p:1"}, None),
        # This machine is never reached through a proxy of the environment, but through one that is named.
        ("https://127.0.0.1:6443", None, VIA, None),
        ("https://[::1]:6443", None, VIA, None),
        ("https://localhost:6443", None, VIA, None),
        ("https://127.0.0.1:6443", "http://n:3", VIA, "http://n:3"),
        ("https://k.test", "http://n:3", {"NO_PROXY": "*"}, "http://n:3"),
        ("https://k.test", None, {**VIA, "NO_PROXY": "*"}, None),
        ("https://a.k.test", None, {**VIA, "NO_PROXY": "x, k.test"}, None),
        ("https://k.test", None, {**VIA, "NO_PROXY": ".k.test"}, "http://p:1"),
        ("https://a.k.test", None, {**VIA, "NO_PROXY": "*.k.test"}, None),
        ("https://notk.test", None, {**VIA, "NO_PROXY": "k.test"}, "http://p:1"),
        ("https://k.test:6443", None, {**VIA, "no_proxy": "k.test:6443"}, None),
        ("https://k.test:6443", None, {**VIA, "NO_PROXY": "k.test:443"}, "http://p:1"),
        ("https://10.1.2.3", None, {**VIA, "NO_PROXY": "10.0.0.0/8"}, None),
        ("https://11.1.2.3", None, {**VIA, "NO_PROXY": "10.0.0.0/8"}, "http://p:1"),
        ("https://[fd00::1]:6443", None, {**VIA, "NO_PROXY": "fd00::1"}, None),
    ],
)
def test_which_proxy(
    server: str, named: str | None, environment: dict[str, str], expected: str | None
) -> None:
    found = proxy_for(server, named, environment)
    assert (found and found.url) == expected


def test_what_is_no_proxy() -> None:
    assert proxy_for("https://k", "https://u:p%40s@[fd00::1]:8", {}) == Proxy(
        "https", "fd00::1", 8, "u", "p@s"
    )
    for url in ("ftp://user:secret@host", "nonsense", "http://", "http://h:port"):
        with pytest.raises(TargetError, match="proxy") as raised:
            proxy_for("https://k.test", url, {})
        assert "secret" not in str(raised.value)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        if key := self.headers.get("Sec-WebSocket-Key"):
            magic = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            self.send_header("Sec-WebSocket-Protocol", "v5.channel.k8s.io")
            self.send_header(
                "Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(magic.encode()).digest()).decode()
            )
            self.end_headers()
            self._exec()
            return
        body = b'{"metadata": {"name": "web"}}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _exec(self) -> None:
        # As many bytes as no buffer on the way holds, once the client has sent as many.
        took = 0
        while took < len(PART) * PARTS:
            took += len(self.rfile.read1(65536))
        payload = b"\x01" + PART
        for _ in range(PARTS):
            self.wfile.write(b"\x82\x7e" + len(payload).to_bytes(2, "big") + payload)
        self.close_connection = True


@contextlib.contextmanager
def _server(context: ssl.SSLContext | None) -> Iterator[str]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    if context:
        made.socket = context.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"{'https' if context else 'http'}://127.0.0.1:{made.server_address[1]}"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1,DNS:inner.test", "-keyout", f"{path}.key",
         "-out", path],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


def _context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    return context


def _api(tmp_path: Path, server: str, **cluster: Any) -> Api:
    config = {
        "current-context": "a",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    return Api(connect(kubeconfig=str(tmp_path / "config")), 10.0)


def _use(api: Api) -> None:
    """A request, and an exec with more bytes each way than fit on the way."""
    assert api.get(asks.get_pod("shop", "web"), Pod).metadata.name == "web"
    stream = open_exec(api, "shop", "web", "app", ["cat"], 10.0)
    try:
        stream.write(PART * PARTS, 10.0)
        received = b""
        while part := stream.read(10.0):
            received += part
        assert received == PART * PARTS
    finally:
        stream.close()
        api.close()


@pytest.mark.parametrize("secure", [False, True], ids=["http server", "https server"])
@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
def test_requests_and_exec_pass_through_it(
    tmp_path: Path, certificate: Path, scheme: str, secure: bool
) -> None:
    if scheme == "socks5":
        pytest.importorskip("socks")
    context = _context(certificate)
    with (
        _server(context if secure else None) as server,
        proxy(socks=scheme == "socks5", tls=context if scheme == "https" else None) as way,
    ):
        trust = {"certificate-authority": str(certificate)}
        _use(_api(tmp_path, server, **trust, **{"proxy-url": f"{scheme}://{SAID}127.0.0.1:{way.port}"}))
        assert len(way.asked) == 2
        assert all(server.rpartition("/")[2] in one for one in way.asked)


def test_a_socks_proxy_resolves_the_name(tmp_path: Path, certificate: Path) -> None:
    pytest.importorskip("socks")
    with _server(_context(certificate)) as server, proxy(socks=True) as way:
        port = server.rpartition(":")[2]
        url = f"socks5://{SAID}127.0.0.1:{way.port}"
        trust = {"certificate-authority": str(certificate), "proxy-url": url}
        _use(_api(tmp_path, f"https://inner.test:{port}", **trust))
        assert way.asked == [f"inner.test:{port}"] * 2


@pytest.mark.parametrize("secure", [False, True], ids=["http server", "https server"])
@pytest.mark.parametrize("socks", [False, True], ids=["http", "socks5"])
def test_a_proxy_that_wants_a_password_says_so(
    tmp_path: Path, certificate: Path, socks: bool, secure: bool
) -> None:
    if socks:
        pytest.importorskip("socks")
    with _server(_context(certificate) if secure else None) as server, proxy(socks=socks) as way:
        url = f"{'socks5' if socks else 'http'}://127.0.0.1:{way.port}"
        trust = {"certificate-authority": str(certificate), "proxy-url": url}
        api = _api(tmp_path, server, **trust)
        with pytest.raises(ApiError, match="proxy") as of_request:
            api.get(asks.get_pod("shop", "web"), Pod)
        with pytest.raises(ApiError, match=f"proxy {url}") as of_exec:
            open_exec(api, "shop", "web", "app", ["true"], 5.0)
        if not socks:
            assert "407" in of_request.value.message
            assert isinstance(of_request.value, AccessError)
            assert isinstance(of_exec.value, AccessError)
        api.close()


def test_a_proxy_that_is_not_there(tmp_path: Path) -> None:
    with proxy() as gone:
        port = gone.port
    api = _api(tmp_path, "http://k.test", **{"proxy-url": f"http://127.0.0.1:{port}"})
    for ask in (
        lambda: api.get(asks.get_pod("shop", "web"), Pod),
        lambda: open_exec(api, "shop", "web", "app", ["true"], 5.0),
    ):
        with pytest.raises(ApiError, match=f"proxy http://127.0.0.1:{port} .* cannot be reached"):
            ask()
    api.close()
