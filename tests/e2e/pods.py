"""The Pods that the tests look at."""

from __future__ import annotations

from typing import Any

_IPC = """
import ctypes, os, time
libc = ctypes.CDLL(None)
libc.shmget(0x1234, 1 << 20, 0o1666), libc.semget(0x55, 3, 0o1666), libc.msgget(0x77, 0o1666)
ring = os.open("/dev/shm/ring", os.O_RDWR | os.O_CREAT)
os.ftruncate(ring, 4 << 20)
os.write(ring, b"x" * (2 << 20))
time.sleep(1e9)
"""
_APP = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"hello\\n"
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
ThreadingHTTPServer(("127.0.0.1", 5000), App).serve_forever()
"""
_NGINX = """
worker_processes 1; error_log /dev/stderr warn; pid /tmp/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d;
  scgi_temp_path /tmp/e;
  upstream app { server 127.0.0.1:5000; keepalive 8; }
  server { listen 80; location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
"""


def container(name: str, image: str, *command: str, **more: Any) -> dict[str, Any]:
    """A container that never pulls its image."""
    made: dict[str, Any] = {"name": name, "image": image, "imagePullPolicy": "IfNotPresent", **more}
    if command:
        made["command"] = list(command)
    return made


def pod(
    name: str, namespace: str, *containers: dict[str, Any], labels: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    """A Pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {"terminationGracePeriodSeconds": 5, "containers": list(containers), **spec},
    }


def sleeper(name: str, images: dict[str, str], **more: Any) -> dict[str, Any]:
    """A container that ends at SIGTERM, and does nothing."""
    return container(name, images["busybox"], "sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait", **more)


def volumes_and_ipc(namespace: str, images: dict[str, str]) -> dict[str, Any]:
    """One container writes a page, one serves it on :8080, one holds every kind of IPC object."""
    write = (
        "while true; do date >>/html/index.html; wget -qO- http://localhost:8080/ >/dev/null; sleep 1; done"
    )
    return pod(
        "mc1", namespace,
        container("web", images["busybox"], "httpd", "-f", "-p", "8080", "-h", "/www",
                  ports=[{"containerPort": 8080}], volumeMounts=[{"name": "html", "mountPath": "/www"}]),
        container("writer", images["busybox"], "sh", "-c", write,
                  volumeMounts=[{"name": "html", "mountPath": "/html"}, {"name": "cache", "mountPath": "/cache"}]),
        container("ipc", images["python"], "python3", "-c", _IPC),
        volumes=[{"name": "html", "emptyDir": {}},
                 {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}],
    )  # fmt: skip


def reverse_proxy(namespace: str, images: dict[str, str]) -> list[dict[str, Any]]:
    """nginx on :80 before an application on 127.0.0.1:5000, and a Service before both."""
    configuration = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "nginx", "namespace": namespace},
        "data": {"nginx.conf": _NGINX},
    }  # fmt: skip
    made = pod(
        "mc3", namespace,
        container("webapp", images["python"], "python3", "-c", _APP),
        container("nginx", images["nginx"], "nginx", "-c", "/conf/nginx.conf", "-g", "daemon off;",
                  ports=[{"containerPort": 80, "name": "http"}], volumeMounts=[{"name": "conf", "mountPath": "/conf"}],
                  readinessProbe={"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 2}),
        labels={"app": "mc3"}, volumes=[{"name": "conf", "configMap": {"name": "nginx"}}],
    )  # fmt: skip
    ports = [
        {"name": "http", "port": 80, "targetPort": "http"},
        {"name": "forgotten", "port": 5000, "targetPort": 5000},
    ]
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "mc3", "namespace": namespace},
        "spec": {"selector": {"app": "mc3"}, "ports": ports},
    }  # fmt: skip
    return [configuration, made, service]


def strict(namespace: str, images: dict[str, str]) -> dict[str, Any]:
    """What `restricted` admits: three containers, each with a user id of its own, one without a shell."""

    def security(uid: int) -> dict[str, Any]:
        return {
            "runAsUser": uid,
            "runAsGroup": uid,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }

    return pod(
        "s1", namespace,
        container("web", images["busybox"], "httpd", "-f", "-p", "8080", "-h", "/tmp", securityContext=security(1000)),
        container("side", images["python"], "python3", "-m", "http.server", "9000", "--bind", "127.0.0.1",
                  securityContext=security(2000)),
        container("static", images["distroless"], securityContext=security(65532)),
        securityContext={"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    )  # fmt: skip
