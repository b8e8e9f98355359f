"""Looks at intervals, and what failures do to them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Self

import pytest

from podprobe.errors import AgentError, ConfigError, GoneError, LookError, PodprobeError
from podprobe.opening import Follower
from podprobe.watching import LONGEST_BACKOFF_SECONDS, watch
from tests.support.samples import healthy_pod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from podprobe.agents.client import Agent
    from podprobe.model import Snapshot


class _Scripted:
    """A looker whose looks take and yield what a test says, on a clock of its own."""

    def __init__(self, script: Sequence[tuple[float, PodprobeError | None]]) -> None:
        self._script = list(script)
        self.now = 0.0
        self.began: list[float] = []

    def look(self) -> Snapshot:
        self.began.append(self.now)
        seconds, error = self._script.pop(0)
        self.now += seconds
        if error:
            raise error
        return healthy_pod()

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def declared(self) -> Snapshot:
        return healthy_pod()

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


_OK = (0.5, None)
_LOST = (1.0, AgentError("gone"))


def _began(script: Sequence[tuple[float, PodprobeError | None]], interval: float = 2.0) -> list[float]:
    looker = _Scripted(script)
    looks = watch(looker, interval, sleep=looker.sleep, clock=lambda: looker.now)
    list(islice(looks, len(script)))
    return looker.began


def test_looks_begin_at_intervals() -> None:
    assert _began([_OK] * 4) == [0, 2, 4, 6]


def test_a_slow_look_delays_the_next_and_none_is_made_up_for() -> None:
    assert _began([_OK, (5.0, None), _OK, _OK]) == [0, 2, 7, 9]


def test_failures_wait_longer_each_time_and_success_resets() -> None:
    assert _began([_OK, _LOST, _LOST, _OK, _LOST, _OK]) == [0, 2, 7, 16, 18, 23]


def test_the_wait_is_bounded() -> None:
    began = _began([_OK, *[_LOST] * 50])
    assert began[-1] - began[-2] == LONGEST_BACKOFF_SECONDS + 1


def test_an_interval_longer_than_the_bound_is_kept() -> None:
    began = _began([_OK, _LOST, _LOST], interval=300)
    assert began[-1] - began[-2] == 301


def test_failures_are_yielded_and_do_not_count() -> None:
    looker = _Scripted([_OK, _LOST, _OK, _OK])
    results = list(watch(looker, 1, count=3, sleep=looker.sleep, clock=lambda: looker.now))
    assert [isinstance(result, LookError) for result in results] == [False, True, False, False]


def test_a_first_look_that_fails_is_raised() -> None:
    looker = _Scripted([_LOST])
    with pytest.raises(AgentError, match="gone"):
        next(watch(looker, 1, sleep=looker.sleep, clock=lambda: looker.now))


def test_a_mistake_of_the_users_is_not_tried_again() -> None:
    looker = _Scripted([_OK, (0, ConfigError("wrong"))])
    with pytest.raises(ConfigError):
        list(watch(looker, 1, sleep=looker.sleep, clock=lambda: looker.now))


class _Session(_Scripted):
    label = "shop/web"
    past: Sequence[Snapshot] = ()
    closed = False

    def close(self) -> None:
        self.closed = True

    def capturer(self) -> Agent:
        raise NotImplementedError


def test_a_workload_is_resolved_anew_when_its_pod_is_gone_and_only_then() -> None:
    first = _Session([_OK, _LOST, _OK, (0.1, GoneError("there is no Pod web"))])
    second = _Session([(0.1, GoneError("it is being deleted"))] * 2)
    third = _Session([_OK])
    sessions = iter((first, second, third))
    follower = Follower(lambda: next(sessions))
    follower.look()
    with pytest.raises(AgentError):
        follower.look()
    follower.look()
    assert not first.closed
    with pytest.raises(GoneError, match="being deleted"):
        follower.look()
    assert follower.look() == healthy_pod()
    assert (first.closed, second.closed, third.closed) == (True, True, False)
