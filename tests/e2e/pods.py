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


_POSTGRES = """
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
initdb -D /data/pg -A trust >/dev/null || exit
exec postgres -D /data/pg -c listen_addresses=127.0.0.1 -c unix_socket_directories=/run/shared \\
  -c shared_memory_type=sysv
"""
_CALLER = """
import socket, time
def connect(family, address, hello=b""):
    while True:
        s = socket.socket(family)
        try:
            s.connect(address); s.sendall(hello)
            return s
        except OSError:
            s.close(); time.sleep(0.2)
TCP, UNIX = socket.AF_INET, socket.AF_UNIX
held = [
    connect(TCP, ("127.0.0.1", 80), b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"),
    connect(TCP, ("127.0.0.1", 6379), b"PING\\r\\n"),
    connect(TCP, ("127.0.0.1", 7000), b"PING\\r\\n"),
    connect(TCP, ("127.0.0.1", 5432)),
    connect(UNIX, "/run/shared/redis.sock"),
    connect(UNIX, "/run/shared/.s.PGSQL.5432"),
]
open("/tmp/connected", "w")
time.sleep(1e9)
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


def real_programs(namespace: str, images: dict[str, str]) -> dict[str, Any]:
    """nginx, redis, PostgreSQL and socat as a user would run them together, and a client that holds them all.

    nginx is started as root and serves as another user; the others have users of their own and no capability.
    """
    shared = {"name": "run", "mountPath": "/run/shared"}
    plain = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    prepare = "chmod 1777 /run/shared && mkdir -m 700 /data/pg && chown 5001:5001 /data/pg"
    return pod(
        "real", namespace,
        container("nginx", images["nginx"], "nginx", "-c", "/conf/nginx.conf", "-g", "daemon off;",
                  ports=[{"containerPort": 80}], volumeMounts=[{"name": "conf", "mountPath": "/conf"}]),
        container("redis", images["redis"], "redis-server", "--port", "6379", "--save", "",
                  "--unixsocket", "/run/shared/redis.sock", "--unixsocketperm", "777", "--dir", "/tmp",
                  securityContext={"runAsUser": 5000, "runAsGroup": 5000, **plain}, volumeMounts=[shared]),
        container("postgres", images["postgres"], "sh", "-c", _POSTGRES, volumeMounts=[
                      shared, {"name": "data", "mountPath": "/data"}, {"name": "users", "mountPath": "/etc/passwd",
                      "subPath": "passwd"}],
                  securityContext={"runAsUser": 5001, "runAsGroup": 5001, **plain}),
        container("socat", images["socat"], "socat", "TCP-LISTEN:7000,fork,reuseaddr",
                  "UNIX-CONNECT:/run/shared/redis.sock", volumeMounts=[shared],
                  securityContext={"runAsUser": 5002, "runAsGroup": 5002, **plain}),
        container("client", images["python"], "python3", "-c", _CALLER, volumeMounts=[shared],
                  readinessProbe={"exec": {"command": ["ls", "/tmp/connected"]}, "periodSeconds": 1}),
        initContainers=[container("prepare", images["busybox"], "sh", "-c", prepare, volumeMounts=[
            shared, {"name": "data", "mountPath": "/data"}])],
        volumes=[
            {"name": "run", "emptyDir": {"medium": "Memory"}}, {"name": "data", "emptyDir": {}},
            {"name": "conf", "configMap": {"name": "real"}}, {"name": "users", "configMap": {"name": "real"}},
        ],
    )  # fmt: skip


def real_configuration(namespace: str) -> dict[str, Any]:
    """What `real_programs` needs: nginx without an application, and a user for initdb, which wants a name."""
    served = _NGINX.replace("proxy_pass http://app;", 'return 200 "ok";').replace(
        "upstream app", "upstream unused"
    )
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "real", "namespace": namespace},
        "data": {"nginx.conf": served, "passwd": "root:x:0:0::/:/bin/sh\npostgres:x:5001:5001::/data:/bin/sh\n"},
    }  # fmt: skip
