"""What sockets had counted, kept from look to look. With real sockets: tests/local/test_retransmits.py."""

from __future__ import annotations

import msgspec

from podprobe.analysis.tally import MEASURED, Tally, count
from tests.support.samples import connection_pair
from tests.unit.analysis.answers import tcp

NOTHING = dict.fromkeys(MEASURED, 0)
(CLIENT, _) = connection_pair("nginx", "webapp", 40000, "127.0.0.1:5000")
SENT = MEASURED.index("bytes_sent")


def growth(earlier: dict[int, bytes] | None, cookie: int, sent: int) -> tuple[dict[int, bytes], int]:
    connection = msgspec.structs.replace(CLIENT, **NOTHING | {"bytes_sent": sent})
    counters, grew = count([(tcp("127.0.0.1:40000", "127.0.0.1:5000", cookie=cookie), connection)], earlier)
    return counters, sum(each[SENT] for each in grew.values())


def test_a_socket_grows_from_what_it_had_and_a_new_one_from_nothing() -> None:
    counters, grew = growth({}, 7, 1_000)
    assert grew == 1_000
    assert growth(counters, 7, 1_500)[1] == 500
    assert growth(counters, 7, 1_000)[1] == 0
    assert growth(counters, 8, 1_000)[1] == 1_000
    assert growth(None, 8, 1_000)[1] == 0


def test_what_never_sent_takes_no_room() -> None:
    assert growth({}, 7, 0) == ({}, 0)


def test_only_the_same_pod_at_an_earlier_time_is_compared_with() -> None:
    tally = Tally("u", 10.0, 40, {})
    assert tally.precedes("u", 11.0)
    assert not tally.precedes("other", 11.0)
    assert not tally.precedes("u", 10.0)
    assert Tally("u", 11.0, 50, {}).since(tally) == 10
    assert Tally("u", 11.0, 50, {}).since(None) == 50
    assert Tally("u", 11.0, 5, {}).since(tally) is None, "another namespace"
