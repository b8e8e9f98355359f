"""What is asked once for many."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from podprobe.targets.kubernetes.failures import ApiError
from podprobe.targets.kubernetes.recent import Recent


def test_many_at_once_ask_once() -> None:
    recent, asked, go = Recent(), [], threading.Event()

    def slow() -> str:
        asked.append(1)
        go.wait(10)
        return "services"

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(recent.get, "key", slow) for _ in range(8)]
        other = pool.submit(recent.get, "another", lambda: "nodes") if not futures[0].done() else None
        go.set()
        assert {future.result() for future in futures} == {"services"}
        assert other is None or other.result() == "nodes"
    assert len(asked) == 1


def test_a_failure_is_everybodys() -> None:
    recent, asked = Recent(), []

    def refused() -> str:
        asked.append(1)
        raise ApiError("no", status=403)

    for _ in range(3):
        with pytest.raises(ApiError, match="no"):
            recent.get("key", refused)
    assert len(asked) == 1


def test_it_is_asked_again_after_a_while() -> None:
    recent, asked = Recent(seconds=0.05), []

    def count() -> int:
        asked.append(1)
        return len(asked)

    assert [recent.get("key", count), recent.get("key", count)] == [1, 1]
    time.sleep(0.06)
    assert recent.get("key", count) == 2
    assert list(recent._known) == ["key"]
