from __future__ import annotations

import ctypes
import os
import sys

import pytest


def _reason() -> str | None:
    """Why no namespaces can be had here, by trying."""
    if sys.platform != "linux":
        return "no Linux"
    child = os.fork()
    if child == 0:
        libc = ctypes.CDLL(None)
        new_net, new_user = 0x40000000, 0x10000000
        os._exit(0 if libc.unshare(new_net) == 0 or libc.unshare(new_net | new_user) == 0 else 1)
    return "the kernel does not allow namespaces" if os.waitpid(child, 0)[1] else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("namespaces")]
    if marked and (reason := _reason()):
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=reason))
