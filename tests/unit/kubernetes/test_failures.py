"""Every failure of the API server is one error with its cause and its way out."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from podprobe.errors import AccessError, LookError, TargetError
from podprobe.targets.kubernetes import asks
from podprobe.targets.kubernetes.api import Api
from podprobe.targets.kubernetes.failures import ApiError, refused
from podprobe.targets.kubernetes.kubeconfig import Connection
from podprobe.targets.kubernetes.objects import Pod, PodEvent
from podprobe.targets.kubernetes.tls import Tls

ASK = asks.get_pod("shop", "web")


def _status(code: int, reason: str, message: str) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "reason": reason, "message": message}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (401, _status(401, "Unauthorized", "Unauthorized"), AccessError, ("who you are", "log in")),
        (
            403,
            _status(
                403,
                "Forbidden",
                'pods "web" is forbidden: User "v" cannot get resource "pods" in API group ""',
            ),
            AccessError,
            ("get pods", "namespace shop", "grant"),
        ),
        (
            403,
            _status(403, "Forbidden", 'admission webhook "policy" denied the request: no'),
            AccessError,
            ("admission", "denied", "doctor"),
        ),
        (
            404,
            _status(404, "NotFound", 'pods "web" not found'),
            TargetError,
            ("no pod web", "namespace shop"),
        ),
        (
            404,
            b"404 page not found\n",
            TargetError,
            ("not a Kubernetes API server", "page not found", "server:"),
        ),
        (
            409,
            _status(409, "Conflict", "the object has been modified"),
            LookError,
            ("another change", "try again"),
        ),
        (422, _status(422, "Invalid", "spec: Forbidden"), LookError, ("refuses", "Forbidden")),
        (429, b"slow down", LookError, ("throttling", "7 s", "--request-timeout")),
        (500, b"", LookError, ("HTTP 500", "readyz")),
        (503, b"<html>bad gateway</html>", LookError, ("HTTP 503", "bad gateway")),
    ],
)
def test_refusals(status: int, body: bytes, kind: type[LookError], words: tuple[str, ...]) -> None:
    error = refused(ASK, status, body, {"Retry-After": "7"})
    assert isinstance(error, kind)
    assert error.status == status
    for word in words:
        assert word in f"{error.message} {error.hint}"


@pytest.mark.parametrize(
    ("status", "message", "kind", "words"),
    [
        (
            500,
            "error dialing backend: dial tcp 10.0.0.7:10250: connect: connection refused",
            LookError,
            ("kubelet on the node of Pod web", "10.0.0.7:10250", "kubectl get nodes"),
        ),
        (404, 'nodes "worker-3" not found', TargetError, ("node worker-3 of Pod web is gone", "another")),
        (404, 'pods "worker-3" not found', TargetError, ("node worker-3 of Pod web is gone", "another")),
        (404, 'pods "web" not found', TargetError, ("no exec of pod web",)),
    ],
)
def test_an_exec_that_ends_on_the_way_to_the_node(
    status: int, message: str, kind: type[LookError], words: tuple[str, ...]
) -> None:
    error = refused(asks.exec_in("shop", "web"), status, _status(status, "", message), {})
    assert isinstance(error, kind)
    assert error.status == status
    for word in words:
        assert word in f"{error.message} {error.hint}"


class _Server:
    """A real HTTP server; each request is answered with the next of a list of (status, headers, body)."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append((self.path, dict(self.headers), body))
                status, headers, answer = outer.answers.pop(0)
                if status == 0:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answer)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PATCH = do_POST = handle_one  # noqa: N815  # the library's names

            def log_message(self, *_: object) -> None:
                pass

            def finish(self) -> None:
                if not self.connection._closed:  # type: ignore[attr-defined]
                    super().finish()

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_port}"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server() -> Iterator[_Server]:
    made = _Server()
    yield made
    made.close()


def _api(url: str, timeout: float = 5.0, **more: Any) -> Api:
    return Api(Connection(url, Tls(wanted=url.startswith("https")), "shop", None, **more), timeout)


POD = json.dumps({"metadata": {"name": "web"}}).encode()


def test_an_answer_and_who_asked(server: _Server) -> None:
    server.answers = [(200, {}, POD)]
    api = _api(
        server.url,
        impersonation=(("Impersonate-User", "jāne"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b")),
    )
    assert api.get(ASK, Pod).metadata.name == "web"
    path, headers, _ = server.requests[0]
    assert path == "/api/v1/namespaces/shop/pods/web"
    # As UTF-8, which Python's server shows as Latin-1.
    assert headers["Impersonate-User"].encode("latin-1").decode() == "jāne"
    api.close()


def test_a_token_that_was_refused_is_renewed_once(server: _Server) -> None:
    class Refreshed:
        token: str | None = None

        def authorization(self) -> str | None:
            return self.token

        def renew(self, asked: float) -> bool:
            before, self.token = self.token, "Bearer new"
            return before != self.token

    server.answers = [(401, {}, b"who?"), (200, {}, POD), (401, {}, b"who?")]
    api = _api(server.url, credentials=Refreshed())
    assert api.get(ASK, Pod).metadata.name == "web"
    assert [headers.get("Authorization") for _, headers, _ in server.requests] == [None, "Bearer new"]
    with pytest.raises(ApiError, match="who you are"):
        api.get(ASK, Pod)
    assert len(server.requests) == 3
    api.close()


def test_throttling_is_waited_for_within_the_timeout(server: _Server) -> None:
    server.answers = [
        (429, {"Retry-After": "0"}, b"busy"),
        (429, {"Retry-After": "0"}, b"busy"),
        (200, {}, POD),
    ]
    api = _api(server.url)
    assert api.get(ASK, Pod).metadata.name == "web"
    server.answers = [(429, {"Retry-After": "60"}, b"busy")]
    with pytest.raises(ApiError, match="throttling") as raised:
        api.get(ASK, Pod)
    assert raised.value.status == 429
    api.close()


def test_a_kept_connection_that_was_closed_is_opened_again_for_a_read_only(server: _Server) -> None:
    server.answers = [(0, {}, b""), (200, {}, POD), (0, {}, b"")]
    api = _api(server.url)
    assert api.get(ASK, Pod).metadata.name == "web"
    with pytest.raises(ApiError, match="broke"):
        api.patch(asks.patch_agents("shop", "web"), {}, Pod)
    assert len(server.requests) == 3
    api.close()


def test_a_patch_is_a_strategic_merge(server: _Server) -> None:
    server.answers = [(200, {}, POD)]
    api = _api(server.url)
    api.patch(asks.patch_agents("shop", "web"), {"spec": {}}, Pod, dryRun="All")
    path, headers, body = server.requests[0]
    assert path == "/api/v1/namespaces/shop/pods/web/ephemeralcontainers?dryRun=All"
    assert headers["Content-Type"] == "application/strategic-merge-patch+json"
    assert body == b'{"spec":{}}'
    api.close()


def test_an_answer_that_is_none(server: _Server) -> None:
    api = _api(server.url)
    for answer in (b"<html>log in</html>", b'{"metadata": 5}', b""):
        server.answers = [(200, {}, answer)]
        with pytest.raises(TargetError, match="not a Pod"):
            api.get(ASK, Pod)
    api.close()


def test_a_watch_reads_line_by_line(server: _Server) -> None:
    lines = b"".join(
        json.dumps({"type": kind, "object": {"metadata": {"name": name}}}).encode() + b"\n"
        for kind, name in (("ADDED", "web"), ("MODIFIED", "web2"))
    )
    server.answers = [(200, {}, lines)]
    api = _api(server.url)
    events = list(
        api.watch(asks.list_pods("shop").to("watch"), PodEvent, 5.0, fieldSelector="metadata.name=web")
    )
    assert [(event.type, event.object.metadata.name) for event in events] == [
        ("ADDED", "web"),
        ("MODIFIED", "web2"),
    ]
    assert "watch=true" in server.requests[0][0]
    api.close()


def test_a_watch_ends_with_an_error_whose_object_is_no_pod(server: _Server) -> None:
    """`status` of a Status is a word, of a Pod a struct: an expired resource version must not look like rubbish."""
    added = json.dumps({"type": "ADDED", "object": {"metadata": {"name": "web"}}})
    expired = json.dumps(
        {"type": "ERROR", "object": {"kind": "Status", "status": "Failure", "reason": "Expired", "code": 410}}
    )
    server.answers = [(200, {}, f"{added}\n{expired}\n{added}\n".encode())]
    api = _api(server.url)
    assert [event.type for event in api.watch(asks.list_pods("shop").to("watch"), PodEvent, 5.0)] == ["ADDED"]
    api.close()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ApiError, match="refuses connections") as raised:
        _api(f"http://127.0.0.1:{port}").get(ASK, Pod)
    assert "context" in raised.value.hint


def test_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api = _api(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
        with pytest.raises(ApiError, match=r"did not answer within 0\.3 s") as raised:
            api.get(ASK, Pod)
        assert "--request-timeout" in raised.value.hint
        api.close()


def test_a_name_that_does_not_resolve() -> None:
    with pytest.raises(ApiError, match="does not resolve"):
        _api("http://no-such-host.invalid:6443").get(ASK, Pod)


def test_plain_http_where_tls_is_spoken(server: _Server) -> None:
    server.answers = []
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def answer() -> None:
            conn, _ = plain.accept()
            conn.recv(100)
            conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            conn.close()

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ApiError, match="no TLS"):
            _api(f"https://127.0.0.1:{plain.getsockname()[1]}").get(ASK, Pod)
        thread.join()
