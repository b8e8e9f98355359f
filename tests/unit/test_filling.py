"""How many probes an accept queue is given: what one look says, and what it takes two to say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podprobe.analysis.filling import MOST_WAITING, Filling, Queue

_STUCK = "not probed: its accept queue was not seen to empty"


def _looked(filling: Filling, queues: list[Queue], wanted: int = 5) -> list[tuple[int, str | None]]:
    told = []
    for number, queue in enumerate(queues):
        told.append(filling.allow(str(number), queue, wanted))
        filling.sent(told[-1][0])
    return told


def test_a_connection_on_its_way_is_no_queue_that_fills() -> None:
    """Whoever looks at a server at the moment when a client connects sees one wait."""
    now_and_then = [Queue(waiting, 128, own) for waiting, own in ((0, 0), (1, 1), (0, 0), (1, 0), (0, 0))]
    told = _looked(Filling(), now_and_then)
    assert [reason for _, reason in told] == [None] * 5
    assert [number for number, _ in told] == [5, 0, 5, 0, 5]


def test_a_queue_that_keeps_what_it_has_is_told_at_the_second_look() -> None:
    filling = Filling()
    told = _looked(filling, [Queue(0, 128, 0), *[Queue(5, 128, 5)] * 4])
    assert told == [(5, None), (0, None), (0, _STUCK), (0, _STUCK), (0, _STUCK)]
    assert filling.allow("later", Queue(0, 128, 0), 5) == (5, None)


def test_probes_found_waiting_at_the_first_look_are_told_at_once() -> None:
    """Somebody else's session has sent them: a single look has no second one to wait for."""
    assert Filling().allow("0", Queue(5, 128, 5), 5) == (0, _STUCK)


@pytest.mark.parametrize("limit", [None, 0, 1, 5, 128, 4096])
@given(st.lists(st.integers(0, 40), min_size=1, max_size=40))
def test_a_server_that_accepts_nothing_is_never_given_more(limit: int | None, wanted: list[int]) -> None:
    """What was sent waits: it stays within half of the queue, and within the most that may be on their way."""
    filling, waiting = Filling(), 0
    for number, many in enumerate(wanted):
        sent, _ = filling.allow(str(number), Queue(waiting, limit, waiting), many)
        assert sent <= many
        filling.sent(sent)
        waiting += sent
    assert waiting <= MOST_WAITING
    if limit is not None:
        assert waiting <= (limit + 1) // 2
