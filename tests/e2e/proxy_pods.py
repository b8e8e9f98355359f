"""Pods with real proxies in front of an application: nginx, haproxy, socat, Envoy, and Envoy as a mesh runs it."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.pods import container, pod

_APP = """
import os, socketserver, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/narrow": time.sleep(0.5)
        body = b"hello\\n"
        self.send_response(503 if self.path == "/broken" else 200)
        self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def address_string(self): return "local"
    def log_message(self, *_): pass
ThreadingHTTPServer.request_queue_size = 128
class Unix(ThreadingHTTPServer):
    import socket
    address_family = socket.AF_UNIX
    def server_bind(self): socketserver.TCPServer.server_bind(self)
if os.path.isdir("/run/shared"):
    threading.Thread(target=Unix("/run/shared/app.sock", App).serve_forever, daemon=True).start()
ThreadingHTTPServer((os.environ.get("BIND", "127.0.0.1"), int(os.environ.get("PORT", "5000"))), App).serve_forever()
"""
_CALLER = """
import http.client, os, sys, time
held = {}
while True:
    for place in sys.argv[1:]:
        try:
            if place not in held:
                held[place] = http.client.HTTPConnection(place, timeout=2)
            held[place].request("GET", "/")
            held[place].getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            print(place, error, flush=True)
            held.pop(place).close()
    if len(held) == len(sys.argv) - 1:
        open("/tmp/connected", "w").close()
    time.sleep(0.2)
"""
_NGINX = """
user root; worker_processes 1; error_log /dev/stderr warn; pid /tmp/nginx.pid;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path /tmp/a; proxy_temp_path /tmp/b; fastcgi_temp_path /tmp/c; uwsgi_temp_path /tmp/d;
  scgi_temp_path /tmp/e;
  upstream app { server unix:/run/shared/app.sock; keepalive 8; }
  server { listen 80; location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
"""
_HAPROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend web
  bind :8080
  default_backend app
backend app
  http-reuse always
  server app 127.0.0.1:5000
"""


NARROW_PENDING = 12
"""Requests to `narrow` that may wait; of more, the proxy refuses the rest."""


def envoy_configuration(
    listen: int, upstream: int, admin: int = 9901, address: str = "127.0.0.1"
) -> dict[str, Any]:
    """Envoy's configuration: HTTP at one port, passed on to another; `nobody` serves /nobody, and `ill`, whose health
    is checked, neither. To `narrow` there is one connection, on which requests wait for each other.
    """
    check = {
        "timeout": "1s",
        "interval": "1s",
        "unhealthy_threshold": 1,
        "healthy_threshold": 1,
        "tcp_health_check": {},
    }
    ill = {**_cluster("ill", 8, address), "health_checks": [check]}
    few = {"max_connections": 1, "max_pending_requests": NARROW_PENDING}
    narrow = {**_cluster("narrow", upstream, address), "circuit_breakers": {"thresholds": [few]}}
    return {
        "admin": {"address": _at(admin)},
        "static_resources": {
            "listeners": [
                {
                    "name": "web",
                    "address": _at(listen, "0.0.0.0"),
                    "filter_chains": [{"filters": [_http_manager("app")]}],
                }
            ],
            "clusters": [_cluster("app", upstream, address), _cluster("nobody", 9, address), ill, narrow],
        },
    }


def mesh_configuration() -> dict[str, Any]:
    """As a mesh's sidecar: it takes what is redirected to it, and connects on to where that was meant to go."""

    def listener(name: str, port: int, cluster: str) -> dict[str, Any]:
        relay = {
            "name": "envoy.filters.network.tcp_proxy",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                "stat_prefix": name,
                "cluster": cluster,
            },
        }
        original = {
            "name": "envoy.filters.listener.original_dst",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.listener.original_dst.v3.OriginalDst"
            },
        }
        return {
            "name": name,
            "address": _at(port, "0.0.0.0"),
            "listener_filters": [original],
            "filter_chains": [{"filters": [relay]}],
        }

    def original_cluster(name: str, **more: Any) -> dict[str, Any]:
        made = {
            "name": name,
            "type": "ORIGINAL_DST",
            "lb_policy": "CLUSTER_PROVIDED",
            "connect_timeout": "2s",
        }
        return {**made, **more}

    # Inbound connections come to the application from 127.0.0.6, which is not redirected again.
    source = {"upstream_bind_config": {"source_address": {"address": "127.0.0.6", "port_value": 0}}}
    return {
        "admin": {"address": _at(15000)},
        "static_resources": {
            "listeners": [
                listener("virtualOutbound", 15001, "PassthroughCluster"),
                listener("virtualInbound", 15006, "InboundPassthroughCluster"),
            ],
            "clusters": [
                original_cluster("PassthroughCluster"),
                original_cluster("InboundPassthroughCluster", **source),
            ],
        },
    }


def _at(port: int, address: str = "127.0.0.1") -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def _http_manager(cluster: str) -> dict[str, Any]:
    filters = "envoy.filters.http.router"
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
            "HttpConnectionManager",
            "stat_prefix": "web",
            "http_filters": [
                {
                    "name": filters,
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
                    },
                }
            ],
            "route_config": {
                "virtual_hosts": [
                    {
                        "name": "all",
                        "domains": ["*"],
                        "routes": [
                            {"match": {"prefix": "/nobody"}, "route": {"cluster": "nobody"}},
                            {"match": {"prefix": "/ill"}, "route": {"cluster": "ill"}},
                            {"match": {"prefix": "/narrow"}, "route": {"cluster": "narrow"}},
                            {"match": {"prefix": "/"}, "route": {"cluster": cluster}},
                        ],
                    }
                ]
            },
        },
    }


def _cluster(name: str, port: int, address: str) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _at(port, address)}}
    return {
        "name": name,
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def proxied(namespace: str, images: dict[str, str], *, envoy: bool) -> list[dict[str, Any]]:
    """An application behind nginx (over a unix socket), haproxy, socat and, where there is one, Envoy; a Service."""
    shared = {"name": "run", "mountPath": "/run/shared"}
    conf = {"name": "conf", "mountPath": "/conf"}
    fronts = {"nginx": 80, "haproxy": 8080, "socat": 9000, **({"envoy": 10000} if envoy else {})}
    containers = [
        container("app", images["python"], "python3", "-c", _APP, volumeMounts=[shared]),
        container("nginx", images["nginx"], "nginx", "-c", "/conf/nginx.conf", "-g", "daemon off;",
                  ports=[{"containerPort": 80, "name": "http"}], volumeMounts=[shared, conf]),
        container("haproxy", images["haproxy"], "haproxy", "-db", "-f", "/conf/haproxy.cfg",
                  volumeMounts=[conf]),
        container("socat", images["socat"], "socat", "TCP-LISTEN:9000,fork,reuseaddr", "TCP:127.0.0.1:5000"),
    ]  # fmt: skip
    if envoy:
        containers.append(
            container("envoy", images["envoy"], "envoy", "-c", "/conf/envoy.json", "--concurrency", "1",
                      volumeMounts=[conf])
        )  # fmt: skip
    configuration = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "proxies", "namespace": namespace},
        "data": {"nginx.conf": _NGINX, "haproxy.cfg": _HAPROXY,
                 "envoy.json": json.dumps(envoy_configuration(10000, 5000))},
    }  # fmt: skip
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"app": "proxied"}, "ports": [
            {"name": name, "port": port + 1, "targetPort": port} for name, port in fronts.items()]},
    }  # fmt: skip
    volumes = [
        {"name": "run", "emptyDir": {"medium": "Memory"}},
        {"name": "conf", "configMap": {"name": "proxies"}},
    ]
    made = pod("proxied", namespace, *containers, labels={"app": "proxied"}, volumes=volumes)
    return [configuration, service, made]


def meshed(namespace: str, images: dict[str, str], outside: str) -> list[dict[str, Any]]:
    """A Pod as Istio injects it: an init container that redirects, an Envoy that is redirected to, an application.

    Port 9000 is left out of what is redirected, as is the address `outside` at port 9999.
    """
    conf = {"name": "conf", "mountPath": "/conf"}
    redirect = " && ".join(
        [
            "iptables -t nat -N IN && iptables -t nat -N OUT",
            "iptables -t nat -A PREROUTING -p tcp -j IN && iptables -t nat -A OUTPUT -p tcp -j OUT",
            "iptables -t nat -A IN -p tcp -m multiport --dports 9000,15020,15021,15090 -j RETURN",
            "iptables -t nat -A IN -p tcp -j REDIRECT --to-ports 15006",
            "iptables -t nat -A OUT -s 127.0.0.6/32 -o lo -j RETURN",
            "iptables -t nat -A OUT -m owner --uid-owner 1337 -j RETURN",
            "iptables -t nat -A OUT -d 127.0.0.1/32 -j RETURN",
            "iptables -t nat -A OUT -p tcp --dport 9999 -j RETURN",
            "iptables -t nat -A OUT -p tcp -j REDIRECT --to-ports 15001",
        ]
    )
    # As istio-iptables is called: what it would do is done by a shell here.
    told = [
        "-p", "15001", "-z", "15006", "-u", "1337", "-m", "REDIRECT", "-i", "*", "-x", "", "-b", "*",
        "-d", "9000,15090,15021,15020", "-o", "9999",
    ]  # fmt: skip
    init = container(
        "istio-init", images["iptables"], "sh", "-c", redirect, "istio-iptables", *told,
        securityContext={"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
    )  # fmt: skip
    app = container(
        "app", images["python"], "python3", "-c", _APP, ports=[{"containerPort": 8080}],
        env=[{"name": "BIND", "value": "0.0.0.0"}, {"name": "PORT", "value": "8080"}],
    )  # fmt: skip
    plain = container(
        "plain", images["python"], "python3", "-c", _APP,
        env=[{"name": "BIND", "value": "0.0.0.0"}, {"name": "PORT", "value": "9000"}],
    )  # fmt: skip
    caller = container(
        "caller", images["python"], "python3", "-c", _CALLER, f"{outside}:7777", f"{outside}:9999",
        readinessProbe={"exec": {"command": ["ls", "/tmp/connected"]}, "periodSeconds": 1},
    )  # fmt: skip
    proxy = container(
        "istio-proxy", images["envoy"], "envoy", "-c", "/conf/envoy.json", "--concurrency", "1",
        volumeMounts=[conf], securityContext={"runAsUser": 1337, "runAsGroup": 1337}, restartPolicy="Always",
    )  # fmt: skip
    configuration = {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mesh", "namespace": namespace},
        "data": {"envoy.json": json.dumps(mesh_configuration())},
    }  # fmt: skip
    service = {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "meshed", "namespace": namespace},
        "spec": {"selector": {"app": "meshed"}, "ports": [
            {"name": "http", "port": 80, "targetPort": 8080}, {"name": "plain", "port": 9000}]},
    }  # fmt: skip
    made = pod(
        "meshed", namespace, app, plain, caller, labels={"app": "meshed"}, initContainers=[init, proxy],
        volumes=[{"name": "conf", "configMap": {"name": "mesh"}}],
    )  # fmt: skip
    made["metadata"]["annotations"] = {
        "sidecar.istio.io/status": json.dumps(
            {"initContainers": ["istio-init"], "containers": ["istio-proxy"]}
        ),
        "traffic.sidecar.istio.io/excludeInboundPorts": "9000",
        "example.com/secret": "not read",
    }
    return [configuration, service, made]


def server(namespace: str, images: dict[str, str]) -> dict[str, Any]:
    """A Pod that others connect to, at two ports."""

    def one(name: str, port: int) -> dict[str, Any]:
        return container(
            name, images["python"], "python3", "-c", _APP,
            env=[{"name": "BIND", "value": "0.0.0.0"}, {"name": "PORT", "value": str(port)}],
        )  # fmt: skip

    return pod("server", namespace, one("a", 7777), one("b", 9999))


def caller(namespace: str, images: dict[str, str], *places: str) -> dict[str, Any]:
    """A Pod that keeps a connection to each place, and asks over it five times a second."""
    return pod(
        "caller", namespace,
        container("caller", images["python"], "python3", "-c", _CALLER, *places,
                  readinessProbe={"exec": {"command": ["ls", "/tmp/connected"]}, "periodSeconds": 1}),
    )  # fmt: skip


if __name__ == "__main__":
    import sys

    own = {
        "python": "localhost/python:3-slim", "nginx": "localhost/services:1", "socat": "localhost/services:1",
        "haproxy": "localhost/proxies:1", "iptables": "localhost/proxies:1", "envoy": "localhost/envoy:1",
    }  # fmt: skip
    kind, where, *rest = sys.argv[1:]
    objects = {
        "proxied": lambda: proxied(where, own, envoy=True),
        "meshed": lambda: meshed(where, own, rest[0]),
        "server": lambda: [server(where, own)],
        "caller": lambda: [caller(where, own, *rest)],
    }[kind]()
    print(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
