"""A one-node Kubernetes of the tests' own, from binaries on this machine, in a network namespace of its own.

    python -m tests.e2e.cluster up      start it; prints what a shell exports to use it
    python -m tests.e2e.cluster down    stop it, its Pods with it
    python -m tests.e2e.cluster env     print the exports again

Needs root and, in $KUBE_BIN or on PATH: kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl
containerd containerd-shim-runc-v2 ctr. From Debian: etcd-server runc containernetworking-plugins iproute2 openssl; and
to build the images once: gcc libc6-dev busybox-static debootstrap. Where Pods are to reach Services, kube-proxy too,
with nftables and conntrack. Works under cgroup v1 and v2.

Everything of it is apart from other clusters on the machine: state directory, network namespace, addresses, the
kubelet's cgroup root and log directory.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e import images

if TYPE_CHECKING:
    from collections.abc import Callable

NETNS = "podprobe-e2e"
NODE, HOST = "10.87.0.1", "10.87.0.2"
PODS, SERVICES = "10.88.0.0/24", "10.89.0.0/16"
CGROUP = "podprobe-e2e"
USERS = {"admin": "system:masters", "viewer": "", "looker": ""}
"""Users with their groups: everything, nothing, and what deploy/rbac.yaml grants once a test binds it."""
PARTS = ("kubelet", "kube-proxy", "scheduler", "controller-manager", "apiserver", "containerd", "etcd")
BINARIES = (
    "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl", "containerd",
    "containerd-shim-runc-v2", "ctr", "etcd", "runc", "openssl", "ip", "nsenter",
)  # fmt: skip
_CNI = Path("/usr/lib/cni")


class Cluster:
    """The cluster, whether it runs or not.

    Args:
        state: its directory; made by `up`, kept by `down`.
    """

    def __init__(self, state: Path | None = None) -> None:
        self.state = state or Path(
            os.environ.get("PODPROBE_E2E_STATE") or images.cache_directory().parent / "cluster"
        )
        self.path = os.pathsep.join(filter(None, (os.environ.get("KUBE_BIN"), os.environ.get("PATH"))))

    def obstacle(self) -> str | None:
        """Why it cannot be started here, in words for a skipped test."""
        if os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() != 0:
            return "the test cluster needs root"
        gone = [name for name in BINARIES if shutil.which(name, path=self.path) is None]
        if gone:
            return f"the test cluster needs {', '.join(gone)} (set KUBE_BIN)"
        if not (_CNI / "bridge").exists():
            return f"the test cluster needs CNI plugins in {_CNI} (Debian: containernetworking-plugins)"
        if tools := images.missing(images.cache_directory()):
            return f"the test cluster's images need {', '.join(tools)}"
        return None

    @property
    def running(self) -> bool:
        """Every part of it runs."""
        return all(self._pid(part) for part in PARTS if part != "kube-proxy" or self.routes_services)

    @property
    def routes_services(self) -> bool:
        """A Pod can reach a Service: there is what kube-proxy takes."""
        return all(shutil.which(name, path=self.path) for name in ("kube-proxy", "nft", "conntrack"))

    @property
    def containerd(self) -> str:
        """containerd's socket."""
        return f"{self.state}/containerd.sock"

    def kubeconfig(self, user: str = "admin") -> Path:
        """A user's kubeconfig."""
        return self.state / f"{user}.kubeconfig"

    def up(self) -> None:
        """Start what does not run, and wait until the node is ready."""
        for name in ("pki", "etcd", "log", "kubelet", "manifests", "containerd", "cni", "pod-logs"):
            (self.state / name).mkdir(parents=True, exist_ok=True)
        archives = images.build(images.cache_directory())
        self._network()
        self._cgroups()
        self._write_configuration()
        self._start(
            "etcd", "etcd", "--data-dir", f"{self.state}/etcd", "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379", "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
        )  # fmt: skip
        self.start_api_server()
        self._start("containerd", "containerd", "-c", f"{self.state}/containerd.toml")
        _await("containerd", lambda: self._quiet("ctr", "-a", self.containerd, "version"))
        for archive in archives:
            self.load_image(archive)
        # The agent's default image, so that the tests need no --image.
        self.ctr("images", "tag", "--force", "localhost/python:3-slim", "docker.io/library/python:3-slim")
        self._await_api_server()
        admin = f"--kubeconfig={self.kubeconfig()}"
        self._start(
            "controller-manager", "kube-controller-manager", admin, "--leader-elect=false", "--bind-address=127.0.0.1",
            f"--service-account-private-key-file={self.state}/pki/sa.key", f"--root-ca-file={self._authority}",
        )  # fmt: skip
        self._start("scheduler", "kube-scheduler", admin, "--leader-elect=false", "--bind-address=127.0.0.1")
        self.start_kubelet()
        if self.routes_services:
            self._start(
                "kube-proxy", "kube-proxy", admin, "--proxy-mode=nftables", f"--cluster-cidr={PODS}",
                "--hostname-override=e2e-node", "--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0",
                "--conntrack-tcp-timeout-close-wait=0",
            )  # fmt: skip
        _await("the node", lambda: " Ready " in self.kubectl("get", "nodes"))
        _await("the service account", lambda: bool(self.kubectl("get", "serviceaccount", "default")))

    def down(self) -> None:
        """Stop it. Images and keys stay for the next time."""
        if self._pid("apiserver") and self._pid("kubelet"):
            with contextlib.suppress(subprocess.SubprocessError):
                self.kubectl("delete", "pods", "-A", "--all", "--grace-period=1", "--timeout=40s")
        for part in PARTS:
            self.stop(part)
        self._clear_mounts()
        self._remove_cgroups()
        shutil.rmtree(self.state / "etcd", ignore_errors=True)
        subprocess.run(["ip", "link", "delete", "pp-e2e-host"], capture_output=True, check=False)
        subprocess.run(["ip", "netns", "delete", NETNS], capture_output=True, check=False)

    def kubectl(self, *arguments: str, user: str = "admin", stdin: str | None = None) -> str:
        """Run kubectl; its standard output.

        Raises:
            subprocess.CalledProcessError: it failed; its words are in `stderr`.
        """
        return self._run("kubectl", f"--kubeconfig={self.kubeconfig(user)}", *arguments, stdin=stdin)

    def ctr(self, *arguments: str) -> str:
        """Run containerd's client where the kubelet's images are; its standard output."""
        return self._run("ctr", "-a", self.containerd, "-n", "k8s.io", *arguments)

    def load_image(self, archive: Path) -> None:
        """Give the node an image: an archive as of OCI or of `docker save`."""
        self.ctr("images", "import", str(archive))

    def stop(self, part: str, hard: bool = False) -> None:
        """End one part, and wait until it has ended."""
        pid = self._pid(part)
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL if hard else signal.SIGTERM)
        for _ in range(120):
            if self._pid(part) is None:
                break
            time.sleep(0.25)
        else:
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.5)
        self._pid_file(part).unlink(missing_ok=True)

    def start_api_server(self) -> None:
        """Start the API server; what is running goes on running."""
        self._start(
            "apiserver", "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379", f"--cert-dir={self.state}/pki",
            "--bind-address=0.0.0.0", f"--advertise-address={NODE}", "--secure-port=6443",
            f"--token-auth-file={self.state}/tokens.csv", "--authorization-mode=RBAC",
            f"--service-account-key-file={self.state}/pki/sa.pub",
            f"--service-account-signing-key-file={self.state}/pki/sa.key",
            "--service-account-issuer=https://kubernetes.default.svc", f"--service-cluster-ip-range={SERVICES}",
            "--allow-privileged=true", "--kubelet-preferred-address-types=InternalIP",
        )  # fmt: skip

    def start_kubelet(self) -> None:
        """Start the kubelet; Pods that run go on running."""
        self._start(
            "kubelet", "kubelet", f"--kubeconfig={self.kubeconfig()}", f"--config={self.state}/kubelet.yaml",
            f"--root-dir={self.state}/kubelet", "--hostname-override=e2e-node", f"--node-ip={NODE}",
        )  # fmt: skip

    def restart_api_server(self) -> None:
        """Stop the API server, start it, and wait until it answers."""
        self.stop("apiserver")
        self.start_api_server()
        self._await_api_server()

    def _await_api_server(self) -> None:
        import ssl

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        request = urllib.request.Request(  # https
            f"https://{NODE}:6443/readyz", headers={"Authorization": "Bearer admin-token"}
        )

        def ready() -> bool:
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:
                return bool(answer.read() == b"ok")

        _await("the API server", ready)

    @property
    def _authority(self) -> Path:
        # The API server signs its own certificate; the file holds its authority, too.
        return self.state / "pki/apiserver.crt"

    def _network(self) -> None:
        if not Path(f"/run/netns/{NETNS}").exists():
            self._run("ip", "netns", "add", NETNS)
        if not Path("/sys/class/net/pp-e2e-host").exists():
            self._run(
                "ip", "link", "add", "pp-e2e-host", "type", "veth", "peer", "name", "node", "netns", NETNS
            )
            self._run("ip", "address", "add", f"{HOST}/24", "dev", "pp-e2e-host")
            self._run("ip", "link", "set", "pp-e2e-host", "up")
            inside = ("ip", "-n", NETNS)
            self._run(*inside, "link", "set", "lo", "up")
            self._run(*inside, "address", "add", f"{NODE}/24", "dev", "node")
            self._run(*inside, "link", "set", "node", "up")
            self._run(*inside, "route", "add", "default", "via", HOST)
        self._run("ip", "route", "replace", PODS, "via", NODE)

    def _cgroups(self) -> None:
        # A root of its own: a kubelet ends every Pod below its root that it does not know.
        for root in _cgroup_roots():
            (root / CGROUP).mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                inherited, ours = root / name, root / CGROUP / name
                if inherited.exists() and ours.exists() and not ours.read_text().strip():
                    ours.write_text(inherited.read_text())

    def _remove_cgroups(self) -> None:
        for root in _cgroup_roots():
            for directory, _, _ in os.walk(root / CGROUP, topdown=False):
                with contextlib.suppress(OSError):
                    Path(directory).rmdir()

    def _clear_mounts(self) -> None:
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in sorted((one for one in mounts if one.startswith(f"{self.state}/")), reverse=True):
            subprocess.run(["umount", "-l", mount], capture_output=True, check=False)

    def _write_configuration(self) -> None:
        state = self.state
        if not (state / "pki/sa.key").exists():
            self._run("openssl", "genrsa", "-out", f"{state}/pki/sa.key", "2048")
            self._run(
                "openssl", "rsa", "-in", f"{state}/pki/sa.key", "-pubout", "-out", f"{state}/pki/sa.pub"
            )
        (state / "tokens.csv").write_text(
            "".join(
                f"{user}-token,{user},{user}{',' + group if group else ''}\n" for user, group in USERS.items()
            )
        )
        for user in USERS:
            self.kubeconfig(user).write_text(json.dumps(self._kubeconfig(user), indent=1))
        (state / "containerd.toml").write_text(
            f"""version = 3
root = "{state}/containerd"
state = "{state}/containerd-state"
[grpc]
  address = "{state}/containerd.sock"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{_CNI}"]
    conf_dir = "{state}/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "localhost/pause:3"
"""
        )
        bridge = {
            "type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": PODS}]], "routes": [{"dst": "0.0.0.0/0"}],
                     "dataDir": f"{state}/cni-addresses"},
        }  # fmt: skip
        (state / "cni/10-bridge.conflist").write_text(
            json.dumps({"cniVersion": "1.0.0", "name": "podprobe-e2e", "plugins": [bridge]})
        )
        (state / "kubelet.yaml").write_text(
            json.dumps({
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "address": "0.0.0.0",  # in a network namespace of its own
                "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
                "authorization": {"mode": "AlwaysAllow"},
                "cgroupDriver": "cgroupfs",
                "cgroupRoot": f"/{CGROUP}",
                "podLogsDir": f"{state}/pod-logs",
                "failCgroupV1": False,
                "failSwapOn": False,
                "containerRuntimeEndpoint": f"unix://{state}/containerd.sock",
                "staticPodPath": f"{state}/manifests",
                "featureGates": {"KubeletInUserNamespace": True},
                "evictionHard": {"memory.available": "100Mi"},
                "imageGCHighThresholdPercent": 100,
                "maxPods": 160,
            })
        )  # fmt: skip

    def _kubeconfig(self, user: str) -> dict[str, object]:
        cluster = {"server": f"https://{NODE}:6443", "certificate-authority": str(self._authority)}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": f"{user}-token"}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": user}}],
            "current-context": "e2e",
        }

    def _start(self, part: str, program: str, *arguments: str) -> None:
        if self._pid(part):
            return
        with (self.state / "log" / f"{part}.log").open("ab") as log:
            process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{NETNS}", program, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "PATH": self.path},
            )  # fmt: skip
        # nsenter becomes the program: its PID is the program's.
        self._pid_file(part).write_text(str(process.pid))
        process.returncode = 0  # It is to outlive us: no ResourceWarning for that.

    def _pid_file(self, part: str) -> Path:
        return self.state / f"{part}.pid"

    def _pid(self, part: str) -> int | None:
        try:
            pid = int(self._pid_file(part).read_text())
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            return None
        return pid if state != "Z" else None

    def _run(self, *command: str, stdin: str | None = None) -> str:
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PATH": self.path},
        ).stdout

    def _quiet(self, *command: str) -> bool:
        return (
            subprocess.run(
                command, capture_output=True, check=False, env={**os.environ, "PATH": self.path}
            ).returncode
            == 0
        )


def _cgroup_roots() -> list[Path]:
    top = Path("/sys/fs/cgroup")
    if (top / "cgroup.controllers").exists():
        there = (top / "cgroup.controllers").read_text().split()
        wanted = [name for name in ("cpuset", "cpu", "io", "memory", "hugetlb", "pids") if name in there]
        with contextlib.suppress(OSError):
            (top / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in wanted))
        return [top]
    return [path for path in top.iterdir() if path.is_dir() and not path.is_symlink()]


def _await(what: str, done: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            if done():
                return
        time.sleep(0.25)
    raise TimeoutError(
        f"{what} of the test cluster did not come up in {seconds:.0f} s; see its log directory"
    )


def _main() -> None:
    cluster, verb = Cluster(), sys.argv[1] if len(sys.argv) == 2 else ""
    if verb == "up":
        if obstacle := cluster.obstacle():
            sys.exit(obstacle)
        cluster.up()
    elif verb == "down":
        cluster.down()
    elif verb != "env":
        sys.exit(__doc__)
    if verb != "down":
        print(f"export KUBECONFIG={cluster.kubeconfig()} PATH={cluster.path}")


if __name__ == "__main__":
    _main()
