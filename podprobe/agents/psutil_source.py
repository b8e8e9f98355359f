"""Where the agent's psutil comes from: for another machine or libc than the client's, it is another binary."""

from __future__ import annotations

import hashlib
import importlib.util
import platform as host
import re
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BUNDLED = Path(__file__).parent.parent / "_bundle"
"""Wheels that came with podprobe; put there when its own wheel is built (`scripts/bundle_psutil.py`)."""

VERSION = "7.2.2"


@dataclass(frozen=True)
class Wheel:
    """A wheel of psutil on the package index."""

    tag: str
    """Its platform tag for pip."""
    sha256: str


WHEELS = {
    ("x86_64", "glibc"): Wheel(
        "manylinux_2_28_x86_64", "076a2d2f923fd4821644f5ba89f059523da90dc9014e85f8e45a5774ca5bc6f9"
    ),
    ("aarch64", "glibc"): Wheel(
        "manylinux_2_28_aarch64", "b0726cecd84f9474419d67252add4ac0cd9811b04d61123054b9fb6f57df6e9e"
    ),
    ("x86_64", "musl"): Wheel(
        "musllinux_1_2_x86_64", "b58fabe35e80b264a4e3bb23e6b96f9e45a3df7fb7eed419ac0e5947c61e47cc"
    ),
    ("aarch64", "musl"): Wheel(
        "musllinux_1_2_aarch64", "fd04ef36b4a6d599bbdb225dd1d3f51e00105f6d48a28f006da7f9822f2606d8"
    ),
}
"""By machine and libc. The wheels are for the stable ABI: one serves every Python."""

_NOT_LINUX = frozenset(
    f"psutil/{name}.py" for name in ("_psaix", "_psbsd", "_psosx", "_pssunos", "_pswindows")
)
_DOWNLOAD_SECONDS = 60


@dataclass(frozen=True)
class Psutil:
    """psutil for one platform."""

    version: str
    modules: dict[str, bytes]
    """Source by file name, `psutil/__init__.py`."""
    extension: bytes


class MissingError(Exception):
    """There is no psutil for a platform, and why."""


def find(machine: str, libc: str, bits: int = 64) -> Psutil:
    """Find psutil for a platform: out of podprobe's own package, the client's installation, or the package index.

    The package index is asked once for each platform; the wheel is kept in the user's cache.

    Raises:
        MissingError: there is none, or it could not be had.
    """
    found = _find(machine, libc) if bits == 64 else f"psutil has no ready-made build for {bits}-bit Python"
    if isinstance(found, str):
        raise MissingError(found)
    return found


@cache
def _find(machine: str, libc: str) -> Psutil | str:
    wheel = WHEELS.get((machine, libc))
    if wheel is None:
        return f"psutil has no ready-made build for {machine} with {libc}"
    for directory in (BUNDLED, _cache()):
        found = _from_directory(directory, wheel)
        if found:
            return found
        if directory == BUNDLED and (installed := _installed(machine, libc)):
            return installed
    return _download(wheel)


def _cache() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("podprobe", appauthor=False)) / "psutil"


def _from_directory(directory: Path, wheel: Wheel) -> Psutil | None:
    for path in directory.glob(f"psutil-{VERSION}-*{wheel.tag}*.whl"):
        # A cache is a place that others may write to: what runs in the Pod is what was pinned, or nothing.
        if hashlib.sha256(path.read_bytes()).hexdigest() == wheel.sha256:
            return _from_wheel(path)
    return None


def _from_wheel(path: Path) -> Psutil:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        modules = {name: archive.read(name) for name in names if _is_wanted(name)}
        extension = next(name for name in names if name.endswith("/_psutil_linux.abi3.so"))
        return Psutil(VERSION, modules, archive.read(extension))


def _is_wanted(name: str) -> bool:
    return (
        name.startswith("psutil/")
        and name.endswith(".py")
        and name not in _NOT_LINUX
        and name.count("/") == 1
    )


def _installed(machine: str, libc: str) -> Psutil | None:
    """The client's own psutil, where client and agent are of one kind."""
    if sys.platform != "linux" or host.machine() != machine or (host.libc_ver()[0] or "musl") != libc:
        return None
    # Not imported: only its files are wanted.
    spec = importlib.util.find_spec("psutil")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    extension = package / "_psutil_linux.abi3.so"
    if not extension.is_file():  # built for one version of Python, as distributions do
        return None
    files = {f"psutil/{path.name}": path for path in package.glob("*.py")}
    modules = {name: path.read_bytes() for name, path in sorted(files.items()) if _is_wanted(name)}
    version = re.search(rb'^__version__ = "([\w.]+)"', modules["psutil/__init__.py"], re.MULTILINE)
    return Psutil(version[1].decode() if version else "?", modules, extension.read_bytes())


def _download(wheel: Wheel) -> Psutil | str:
    directory = _cache()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        download(wheel, directory)
        found = _from_directory(directory, wheel)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        return f"psutil {VERSION} for {wheel.tag} could not be downloaded: {said.strip()[-300:]}"
    return found or f"psutil {VERSION} for {wheel.tag} was downloaded, but is not the pinned one"


def download(wheel: Wheel, directory: Path) -> None:
    """Download a wheel with pip, which is told its hash.

    Raises:
        OSError, subprocess.SubprocessError: pip is missing, failed or was too slow; its words are in `stderr`.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="ascii") as requirements:
        requirements.write(f"psutil=={VERSION} --hash=sha256:{wheel.sha256}\n")
        requirements.flush()
        program = "-m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all:"
        abi = f"--platform {wheel.tag} --python-version 3.11 --implementation cp --abi abi3 --require-hashes"
        subprocess.run(
            [
                sys.executable,
                *program.split(),
                *abi.split(),
                "--dest",
                str(directory),
                "-r",
                requirements.name,
            ],
            check=True,
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
        )
