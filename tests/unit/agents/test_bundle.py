"""What is sent to a Pod: modules and one extension, for its platform and its Python and no other."""

from __future__ import annotations

import hashlib
import json
import marshal
import platform
import sys
import zipfile
import zlib
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

import pytest

import podprobe_agent
from podprobe.agents import bootstrap, bundle, psutil_source
from podprobe.agents.bootstrap import Platform
from podprobe.agents.psutil_source import MissingError, Wheel

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def unpack(sent: bytes) -> tuple[bool, dict[str, bytes], bytes, dict[str, str]]:
    """Whether modules are compiled, each by its name, the extension, and the arguments."""
    head, _, rest = sent.partition(b"\n")
    code, extension, arguments = map(int, head.split())
    assert len(rest) == code + extension + arguments
    compiled, first, modules = marshal.loads(rest[:code])
    contents = {name: zlib.decompress(content) for name, _, content in modules}
    return (
        compiled,
        {"podprobe_agent.loader": first, **contents},
        zlib.decompress(rest[code : code + extension]),
        json.loads(rest[code + extension :]),
    )


def platform_of(
    machine: str, libc: str, python: tuple[int, int] = (3, 13), bits: int = 64, code: str = "cpython-313/00"
) -> Platform:
    return Platform(machine, libc, python, bits, code)


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
    _, names, extension, arguments = unpack(bundle.build(platform_of(platform.machine(), libc)))
    assert extension.startswith(b"\x7fELF")
    assert arguments["psutil"].startswith("7.")
    assert {"podprobe_agent.serve", "podprobe_agent.collectors.sockets", "psutil._pslinux"} <= set(names)
    assert not any("windows" in name or "test" in name or name.startswith("podprobe.") for name in names)
    assert len(bundle.build(platform_of(platform.machine(), libc))) < 400_000


def test_only_the_same_kind_of_python_is_sent_code() -> None:
    own = bootstrap.own_code()
    compiled, modules, _, _ = unpack(bundle.build(platform_of("x86_64", "glibc", code=own)))
    assert compiled
    assert all(isinstance(marshal.loads(content), CodeType) for content in modules.values())
    tag, _, magic = own.partition("/")
    for other in (f"{tag}/00{magic[2:]}", f"pypy311-pp73/{magic}", f"{tag}/", "", own.upper()):
        compiled, modules, _, _ = unpack(bundle.build(platform_of("x86_64", "glibc", code=other)))
        assert not compiled
        assert (
            modules["podprobe_agent.serve"]
            == Path(podprobe_agent.__file__).with_name("serve.py").read_bytes()
        )
        assert b"def install(" in modules["podprobe_agent.loader"]


def test_a_bundled_wheel_comes_before_all_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    digest = fake_wheel(tmp_path / "bundle", "musllinux_1_2_aarch64")
    monkeypatch.setitem(psutil_source.WHEELS, ("aarch64", "musl"), Wheel("musllinux_1_2_aarch64", digest))
    _, names, extension, arguments = unpack(bundle.build(platform_of("aarch64", "musl", (3, 9))))
    assert extension == b"\x7fELF extension"
    assert arguments == {"psutil": psutil_source.VERSION}
    assert {name for name in names if name.startswith("psutil")} == {
        "psutil",
        "psutil._common",
        "psutil._pslinux",
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
    _, names, extension, arguments = unpack(bundle.build(platform_of(machine, libc, bits=bits)))
    assert "podprobe_agent.serve" in names
    assert extension == b""
    assert reason in arguments["psutil_error"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            b"podprobe-bootstrap 2 x86_64 glibc 3.13 64 cpython-313/f30d0d0a\n",
            Platform("x86_64", "glibc", (3, 13), 64, "cpython-313/f30d0d0a"),
        ),
        (
            b"podprobe-bootstrap 2 aarch64 musl 3.9 64 None/\n",
            Platform("aarch64", "musl", (3, 9), 64, "None/"),
        ),
        (b"podprobe-bootstrap 1 aarch64 musl 3.9 64 cpython-39/00\n", None),
        (b"podprobe-bootstrap 2 aarch64 musl 3.9 64\n", None),
        (b"podprobe-bootstrap 2 aarch64 musl three 64 cpython-39/00\n", None),
        (b"\x1b[31mhello\n", None),
    ],
)
def test_greetings(line: bytes, expected: Platform | None) -> None:
    assert bootstrap.parse(line) == expected
