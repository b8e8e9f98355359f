"""The file systems of the Pod: one base of the host's programs, volumes, and a root for every container."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from . import linux
from .quantity import amount

HERE = Path(__file__).resolve().parent
CODE = "/opt/demo/inside"
"""Where containers find this folder."""
PYTHON = str(Path(sys.executable).resolve())
"""The interpreter, past a virtual environment's link to it; containers have it at the same path."""
_SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "nix", "gnu")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_COPIED = ("passwd", "group", "nsswitch.conf", "localtime")


def make_sandbox_root(plan: dict[str, Any]) -> None:
    """Make the sandbox's root, with what the containers' roots are made of, and move into it.

    Args:
        plan: a `faults.Plan`. The Pod's emptyDir volumes become tmpfs of their sizeLimit, where it says nothing else.
    """
    pod = plan["pod"]
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    scratch = _scratch()
    linux.mount("sandbox", str(scratch), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=16m,mode=755")
    for name in ("base", "containers", "volumes", "logs", "dev/shm", "dev/mqueue", "proc"):
        (scratch / name).mkdir(parents=True)
    _bind_programs(scratch / "base")
    _bind(HERE, scratch / "base" / CODE.lstrip("/"))
    for name in _DEVICES:
        _bind(Path("/dev", name), scratch / "base/dev" / name)
    _copy_settings(scratch / "base/etc", pod["spec"]["hostname"], plan["etc"])
    linux.mount(
        "shm", str(scratch / "dev/shm"), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=64m,mode=1777"
    )
    linux.mount("mqueue", str(scratch / "dev/mqueue"), "mqueue", linux.MS_NOSUID | linux.MS_NODEV)
    linux.mount("proc", str(scratch / "proc"), "proc")
    for volume in pod["spec"].get("volumes", []):
        name = volume["name"]
        size = plan["sizes"].get(name) or (volume["emptyDir"] or {}).get("sizeLimit", "16Mi")
        _make_volume(scratch / "volumes" / name, int(amount(size)), plan["inodes"].get(name))
    linux.pivot_root(str(scratch))


def make_container_root(container: dict[str, Any]) -> None:
    """Give the calling process, in a PID and a mount namespace of its own, the root of a container."""
    name = container["name"]
    root = Path("/containers", name)
    root.mkdir(exist_ok=True)
    linux.mount(name, str(root), "tmpfs", 0, "size=4m,mode=755")
    for source in Path("/base").iterdir():
        if source.is_symlink():
            (root / source.name).symlink_to(source.readlink())
        elif source.name != "etc" and source.name != "dev":
            _bind(source, root / source.name)
    shutil.copytree("/base/etc", root / "etc")
    for path in ("proc", "dev/shm", "dev/mqueue", "tmp", "run"):
        (root / path).mkdir(parents=True)
    linux.mount("proc", str(root / "proc"), "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    for device in _DEVICES:
        _bind(Path("/base/dev", device), root / "dev" / device)
    (root / "dev/fd").symlink_to("/proc/self/fd")
    mounted = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
    if "/dev/shm" not in mounted:
        _bind(Path("/dev/shm"), root / "dev/shm")
    _bind(Path("/dev/mqueue"), root / "dev/mqueue")
    for mount in container.get("volumeMounts", []):
        target = root / mount["mountPath"].lstrip("/")
        _bind(Path("/volumes", mount["name"]), target)
        if mount.get("readOnly"):
            _make_read_only(target)
    linux.pivot_root(str(root))


def _scratch() -> Path:
    """A directory that every system has and that hides nothing we need when it is mounted over."""
    needed = (*_python_directories(), HERE)
    for candidate in map(
        Path, ("/mnt", "/media", "/srv", "/tmp", "/var/tmp", "/opt")
    ):  # mounted over, not written to
        if candidate.is_dir() and not any(path.is_relative_to(candidate) for path in needed):
            return candidate
    raise FileNotFoundError("no directory such as /mnt to mount the demo's files on")


def _python_directories() -> list[Path]:
    """Where Python and the libraries that it has loaded are, outside the system's own directories."""
    directories = {Path(sys.base_prefix).resolve(), Path(PYTHON).parent}
    for line in Path("/proc/self/maps").read_text().splitlines():
        fields = line.split(None, 5)
        if len(fields) == 6 and fields[5].startswith("/") and ".so" in fields[5]:
            directories.add(Path(fields[5]).resolve().parent)
    system = tuple(Path("/", name).resolve() for name in _SYSTEM)
    return sorted(path for path in directories if not path.is_relative_to("/usr") and path not in system)


def _bind_programs(base: Path) -> None:
    for name in _SYSTEM:
        source = Path("/", name)
        if source.is_symlink():
            (base / name).symlink_to(source.readlink())
        elif source.is_dir():
            _bind(source, base / name)
            _make_read_only(base / name)
    bound: list[Path] = []
    for path in _python_directories():
        if not any(path.is_relative_to(other) for other in bound):
            _bind(path, base / str(path).lstrip("/"))
            bound.append(path)


def _copy_settings(etc: Path, hostname: str, special: dict[str, str]) -> None:
    """An /etc with what programs read, and with the files that the kubelet would write."""
    etc.mkdir(parents=True)
    for source in (
        *map(Path("/etc").joinpath, _COPIED),
        *Path("/etc").glob("ld*.cache"),
        *Path("/etc").glob("ld-*.path"),
    ):
        if source.is_file():
            shutil.copyfile(source, etc / source.name)
    files = {
        "hostname": f"{hostname}\n",
        "hosts": f"127.0.0.1\tlocalhost\n127.0.1.1\t{hostname}\n::1\tip6-localhost ip6-loopback\n",
        "resolv.conf": "# The demo has no name server.\n",
    }
    for name, text in (files | special).items():
        (etc / name).write_text(text)


def _make_volume(path: Path, size: int, inodes: int | None) -> None:
    path.mkdir()
    options = f"size={size},mode=1777" + (f",nr_inodes={inodes}" if inodes else "")
    linux.mount(path.name, str(path), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)


def _bind(source: Path, target: Path) -> None:
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    # Recursively: in a user namespace the kernel refuses to show what lies beneath somebody else's mounts.
    linux.mount(str(source), str(target), None, linux.MS_BIND | linux.MS_REC)


def _make_read_only(target: Path) -> None:
    flags = linux.MS_BIND | linux.MS_REMOUNT | linux.MS_RDONLY
    for kept in (0, linux.MS_NOSUID, linux.MS_NODEV, linux.MS_NOSUID | linux.MS_NODEV):
        # A user namespace may not lift nosuid or nodev from a mount that it has inherited; it need not know which.
        try:
            linux.mount("none", str(target), None, flags | kept)
        except PermissionError:
            continue
        return
