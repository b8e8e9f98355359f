"""What is sent to a Pod: one zip and one extension, for its platform and no other."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import sys
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest

from podprobe.agents import bootstrap, bundle, psutil_source
from podprobe.agents.bootstrap import Platform
from podprobe.agents.psutil_source import MissingError, Wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No caches, an empty bundle, and no package index."""

    def refuse(wheel: Wheel, directory: Path) -> None:
        raise OSError("no package index in this test")

    monkeypatch.setattr(psutil_source, "BUNDLED", tmp_path / "bundle")
    monkeypatch.setattr(psutil_source, "_cache", lambda: tmp_path / "cache")
    monkeypatch.setattr(psutil_source, "download", refuse)
    psutil_source._find.cache_clear()
    bundle._built.cache_clear()
    yield
    psutil_source._find.cache_clear()
    bundle._built.cache_clear()


def unpack(sent: bytes) -> tuple[zipfile.ZipFile, bytes, dict[str, str]]:
    head, _, rest = sent.partition(b"\n")
    code, extension, arguments = map(int, head.split())
    assert len(rest) == code + extension + arguments
    return (
        zipfile.ZipFile(io.BytesIO(rest[:code])),
        zlib.decompress(rest[code : code + extension]),
        json.loads(rest[code + extension :]),
    )


def fake_wheel(directory: Path, tag: str, content: bytes = b"\x7fELF extension") -> str:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"psutil-{psutil_source.VERSION}-cp36-abi3-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("__init__", "_common", "_pslinux", "_pswindows", "_psosx"):
            archive.writestr(f"psutil/{name}.py", f"# {name}\n")
        archive.writestr("psutil/_psutil_linux.abi3.so", content)
        archive.writestr("psutil-7.dist-info/METADATA", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.skipif(
    sys.platform != "linux", reason="the client's own psutil serves Linux agents on Linux only"
)
def test_the_clients_own_psutil_serves_its_own_kind() -> None:
    libc = platform.libc_ver()[0] or "musl"
    archive, extension, arguments = unpack(bundle.build(Platform(platform.machine(), libc, (3, 13), 64)))
    names = archive.namelist()
    assert extension.startswith(b"\x7fELF")
    assert arguments["psutil"].startswith("7.")
    assert {"podprobe_agent/serve.py", "podprobe_agent/collectors/sockets.py", "psutil/_pslinux.py"} <= set(
        names
    )
    assert not any("windows" in name or "test" in name or name.startswith("podprobe/") for name in names)
    assert len(bundle.build(Platform(platform.machine(), libc, (3, 13), 64))) < 400_000


def test_a_bundled_wheel_comes_before_all_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    digest = fake_wheel(tmp_path / "bundle", "musllinux_1_2_aarch64")
    monkeypatch.setitem(psutil_source.WHEELS, ("aarch64", "musl"), Wheel("musllinux_1_2_aarch64", digest))
    archive, extension, arguments = unpack(bundle.build(Platform("aarch64", "musl", (3, 9), 64)))
    assert extension == b"\x7fELF extension"
    assert arguments == {"psutil": psutil_source.VERSION}
    assert {name for name in archive.namelist() if name.startswith("psutil")} == {
        "psutil/__init__.py",
        "psutil/_common.py",
        "psutil/_pslinux.py",
    }


@pytest.mark.parametrize("where", ["bundle", "cache"])
def test_what_is_not_the_pinned_wheel_is_not_sent(tmp_path: Path, where: str) -> None:
    fake_wheel(tmp_path / where, "musllinux_1_2_aarch64", b"\x7fELF tampered with")
    with pytest.raises(MissingError, match="could not be downloaded: no package index"):
        psutil_source.find("aarch64", "musl")


def test_a_download_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    digests = []

    def download(wheel: Wheel, directory: Path) -> None:
        digests.append(fake_wheel(directory, wheel.tag))

    digest = fake_wheel(tmp_path / "elsewhere", "musllinux_1_2_aarch64")
    monkeypatch.setitem(psutil_source.WHEELS, ("aarch64", "musl"), Wheel("musllinux_1_2_aarch64", digest))
    monkeypatch.setattr(psutil_source, "download", download)
    assert psutil_source.find("aarch64", "musl").extension == b"\x7fELF extension"
    psutil_source._find.cache_clear()
    assert psutil_source.find("aarch64", "musl").version == psutil_source.VERSION
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("machine", "libc", "bits", "reason"),
    [
        ("riscv64", "glibc", 64, "no ready-made build for riscv64 with glibc"),
        ("aarch64", "glibc", 32, "no ready-made build for 32-bit Python"),
        ("aarch64", "musl", 64, "could not be downloaded"),
    ],
)
def test_without_psutil_the_agent_is_sent_all_the_same(
    machine: str, libc: str, bits: int, reason: str
) -> None:
    archive, extension, arguments = unpack(bundle.build(Platform(machine, libc, (3, 13), bits)))
    assert "podprobe_agent/serve.py" in archive.namelist()
    assert extension == b""
    assert reason in arguments["psutil_error"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"podprobe-bootstrap 1 x86_64 glibc 3.13 64\n", Platform("x86_64", "glibc", (3, 13), 64)),
        (b"podprobe-bootstrap 1 aarch64 musl 3.9 64\n", Platform("aarch64", "musl", (3, 9), 64)),
        (b"podprobe-bootstrap 2 aarch64 musl 3.9 64\n", None),
        (b"podprobe-bootstrap 1 aarch64 musl 3.9\n", None),
        (b"podprobe-bootstrap 1 aarch64 musl three 64\n", None),
        (b"\x1b[31mhello\n", None),
    ],
)
def test_greetings(line: bytes, expected: Platform | None) -> None:
    assert bootstrap.parse(line) == expected
