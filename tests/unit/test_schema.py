"""The snapshot's schema: it describes what is written, the page of it is current, and old snapshots stay readable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from podprobe import __version__
from podprobe.errors import SnapshotError
from podprobe.model import from_json, json_schema, to_json
from podprobe.report import FORMATS, render
from podprobe.report.metrics import page
from tests.support.hostile import poison
from tests.support.samples import healthy_pod, large_pod, troubled_pod

if TYPE_CHECKING:
    from collections.abc import Callable

    from podprobe.model import Snapshot

_ROOT = Path(__file__).parents[2]
_OLD = sorted((_ROOT / "tests/data/snapshots").glob("*.json"))


@pytest.fixture(scope="module")
def validate() -> Callable[[Any], None]:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    return validator.validate


def test_the_published_schema_is_the_codes() -> None:
    published = json.loads((_ROOT / "docs/reference/snapshot.schema.json").read_text())
    assert published == json.loads(json.dumps(json_schema())), "run: make docs"


def test_the_page_of_metrics_is_current() -> None:
    assert (_ROOT / "docs/reference/metrics.md").read_text().endswith(page()), "run: make docs"


@pytest.mark.parametrize(
    "make", [healthy_pod, troubled_pod, lambda: large_pod(500), lambda: poison(troubled_pod())]
)
def test_what_is_written_is_valid(make: Callable[[], Snapshot], validate: Callable[[Any], None]) -> None:
    validate(json.loads(to_json(make())))


def test_what_is_not_a_snapshot_is_not_valid(validate: Callable[[Any], None]) -> None:
    wrong = json.loads(to_json(healthy_pod()))
    wrong["containers"][0]["kind"] = "spaceship"
    with pytest.raises(jsonschema.ValidationError):
        validate(wrong)


@pytest.mark.parametrize("path", _OLD, ids=lambda path: path.stem)
def test_an_older_snapshot_loads_shows_and_is_valid(path: Path, validate: Callable[[Any], None]) -> None:
    text = path.read_text()
    snapshot = from_json(text)
    assert snapshot.findings
    validate(json.loads(text))
    for output in FORMATS:
        assert render([snapshot], output)


def test_nothing_of_an_older_snapshot_is_lost() -> None:
    for path in _OLD:
        old = json.loads(path.read_text())
        assert _within(old, json.loads(to_json(from_json(path.read_text()))))


def test_what_a_newer_minor_version_adds_is_no_obstacle() -> None:
    newer = json.loads(to_json(troubled_pod()))
    newer["weather"] = {"rain": True}
    newer["containers"][0]["mood"] = "good"
    assert from_json(json.dumps(newer)) == troubled_pod()


def test_another_major_version_is_refused() -> None:
    other = json.loads(to_json(troubled_pod())) | {"schema": "podprobe.snapshot/v2"}
    with pytest.raises(SnapshotError, match="v2"):
        from_json(json.dumps(other))


@pytest.mark.parametrize("text", [b'"\xff"', b'{"x":' + b"[" * 5000, b"", b"[]", b"\x89PNG"])
def test_a_file_of_something_else_is_refused(text: bytes) -> None:
    with pytest.raises(SnapshotError, match="is not a podprobe snapshot"):
        from_json(text)


def _within(old: Any, new: Any) -> bool:
    """Everything of `old` is in `new`, which may have more fields."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(
            key in new and _within(value, new[key]) for key, value in old.items()
        )
    if isinstance(old, list):
        return isinstance(new, list) and len(old) == len(new) and all(map(_within, old, new))
    return bool(old == new)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("99.1.0", r"was written by a newer podprobe \(99\.1\.0; .*'dbus'"),
        (__version__, "does not know.*'dbus'"),
    ],
)
def test_a_value_that_is_not_known_is_told_with_who_wrote_it(version: str, said: str) -> None:
    snapshot = json.loads(to_json(troubled_pod()))
    snapshot["channels"][0]["kind"] = "dbus"
    snapshot["channels"][0]["weather"] = "fine"
    snapshot["tool"]["version"] = version
    with pytest.raises(SnapshotError, match=said):
        from_json(json.dumps(snapshot))
    snapshot["channels"][0]["kind"] = troubled_pod().channels[0].kind
    assert from_json(json.dumps(snapshot)).channels == troubled_pod().channels
