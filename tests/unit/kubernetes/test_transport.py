"""TLS as a kubeconfig says it, against a real server that demands a client certificate."""

import base64
import json
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from podprobe.errors import TargetError
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.api import Api
from podprobe.targets.kubernetes.exec import open_exec
from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.kubeconfig import connect
from podprobe.targets.kubernetes.objects import Pod

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl to make certificates with"
)


def _certificate(directory: Path, name: str) -> None:
    """`name.crt` and `name.key`, signed by itself."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", f"{directory}/{name}.key",
         "-out", f"{directory}/{name}.crt"], check=True, capture_output=True,
    )  # fmt: skip


def _serve_once(directory: Path, times: int = 1) -> tuple[int, threading.Thread]:
    """Answer one request, or so many, of somebody who shows the certificate of `user`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "inner.crt", directory / "inner.key")
    context.load_verify_locations(directory / "user.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(times):
            plain, _ = listener.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as stream:
                    stream.recv(8192)
                    body = b'{"metadata": {"name": "web"}}'
                    stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            except OSError:
                plain.close()
        listener.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return listener.getsockname()[1], thread


def _kubeconfig(directory: Path, port: int, cluster: dict[str, Any], user: dict[str, Any]) -> str:
    server = f"https://127.0.0.1:{port}"
    config = {
        "current-context": "a",
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
    }
    path = directory / "config"
    path.write_text(json.dumps(config))
    return str(path)


def test_both_sides_show_who_they_are(tmp_path: Path) -> None:
    for name in ("inner", "user"):
        _certificate(tmp_path, name)
    port, thread = _serve_once(tmp_path)
    trust = {"certificate-authority": "inner.crt", "tls-server-name": "inner"}
    shown = {"client-certificate": "user.crt", "client-key": "user.key"}
    api = Api(connect(kubeconfig=_kubeconfig(tmp_path, port, trust, shown)), 5.0)
    assert api.get(asks.get_pod("shop", "web"), Pod).metadata.name == "web"
    api.close()
    thread.join()


def test_keys_out_of_the_kubeconfig_do_not_stay_in_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("inner", "user"):
        _certificate(tmp_path, name)
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    port, thread = _serve_once(tmp_path, 2)

    def data(file: str) -> str:
        return base64.b64encode((tmp_path / file).read_bytes()).decode()

    trust = {"certificate-authority-data": data("inner.crt"), "tls-server-name": "inner"}
    shown = {"client-certificate-data": data("user.crt"), "client-key-data": data("user.key")}
    seen: list[tuple[int, list[bytes]]] = []
    load = ssl.SSLContext.load_cert_chain

    def watched(context: ssl.SSLContext, *arguments: Any, **more: Any) -> None:
        (directory,) = runtime.iterdir()
        seen.append((directory.stat().st_mode & 0o777, [path.read_bytes() for path in directory.iterdir()]))
        load(context, *arguments, **more)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    api = Api(connect(kubeconfig=_kubeconfig(tmp_path, port, trust, shown)), 5.0)
    ((mode, written),) = seen
    assert mode == 0o700
    assert (tmp_path / "user.key").read_bytes() in written
    assert list(runtime.iterdir()) == []
    assert api.get(asks.get_pod("shop", "web"), Pod).metadata.name == "web"
    with pytest.raises(ApiError, match="HTTP 200"):
        open_exec(api, "shop", "web", "app", ["true"], 5.0)
    api.close()
    thread.join()


def test_an_authority_is_trusted_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a Pod with a read-only root: a service account's authority is all there is, in a bundle with remarks."""
    _certificate(tmp_path, "inner")
    _certificate(tmp_path, "user")
    bundle = (
        "Prüfstelle\n".encode() + (tmp_path / "user.crt").read_bytes() + (tmp_path / "inner.crt").read_bytes()
    )
    (tmp_path / "bundle.crt").write_bytes(bundle)

    def nowhere(**_: Any) -> Any:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryDirectory", nowhere)
    port, thread = _serve_once(tmp_path)
    trust = {"certificate-authority": "bundle.crt", "tls-server-name": "inner"}
    api = Api(connect(kubeconfig=_kubeconfig(tmp_path, port, trust, {})), 5.0)
    # The server wants a certificate of ours; that it was trusted shows in what it answers, or in why it hangs up.
    with pytest.raises(ApiError) as raised:
        api.get(asks.get_pod("shop", "web"), Pod)
    assert "not trusted" not in str(raised.value)
    api.close()
    thread.join()


def test_a_server_that_another_authority_signed(tmp_path: Path) -> None:
    for name in ("inner", "user"):
        _certificate(tmp_path, name)
    port, thread = _serve_once(tmp_path)
    trust = {"certificate-authority": "user.crt", "tls-server-name": "inner"}
    api = Api(connect(kubeconfig=_kubeconfig(tmp_path, port, trust, {})), 5.0)
    with pytest.raises(ApiError, match="not trusted") as raised:
        api.get(asks.get_pod("shop", "web"), Pod)
    assert "certificate-authority" in raised.value.hint
    thread.join()


def test_a_server_of_another_name(tmp_path: Path) -> None:
    for name in ("inner", "user"):
        _certificate(tmp_path, name)
    port, thread = _serve_once(tmp_path)
    api = Api(
        connect(kubeconfig=_kubeconfig(tmp_path, port, {"certificate-authority": "inner.crt"}, {})), 5.0
    )
    with pytest.raises(ApiError, match="not trusted"):
        api.get(asks.get_pod("shop", "web"), Pod)
    thread.join()


def test_a_key_that_does_not_fit(tmp_path: Path) -> None:
    for name in ("inner", "user"):
        _certificate(tmp_path, name)
    shown = {"client-certificate": "user.crt", "client-key": "inner.key"}
    config = _kubeconfig(tmp_path, 1, {"certificate-authority": "inner.crt"}, shown)
    with pytest.raises(TargetError, match="certificates cannot be used") as raised:
        Api(connect(kubeconfig=config), 5.0)
    assert "client-key" in raised.value.hint
