"""A snapshot survives JSON, and its schema describes it."""

from podprobe.model import Snapshot, Target, Tool, from_json, to_json


def test_round_trip() -> None:
    snapshot = Snapshot(
        tool=Tool(version="1"),
        taken_at="2026-01-01T00:00:00Z",
        duration_ms=1.5,
        target=Target(kind="pod", pod="web"),
    )
    assert from_json(to_json(snapshot)) == snapshot
    assert from_json(to_json(snapshot, indent=0)) == snapshot
