"""A /proc of one's own: recorded files, laid out as the kernel does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from podprobe_agent import procfs
from podprobe_agent.collectors.context import Context

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str | bytes]], Path]:
    """Lay files below a /proc that the agent's readers take for the kernel's; `-> TARGET` makes a link."""
    root = tmp_path / "proc"
    root.mkdir()
    monkeypatch.setattr(procfs, "ROOT", str(root))

    def lay(files: dict[str, str | bytes]) -> Path:
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str) and content.startswith("-> "):
                path.symlink_to(content[3:])
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return lay


@pytest.fixture
def context() -> Context:
    context = Context()
    context.area = "tested"
    return context
