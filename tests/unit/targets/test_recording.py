"""Recordings: written, rotated, cut off, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from podprobe.errors import SnapshotError
from podprobe.model import Snapshot, to_json
from podprobe.opening import Recorded
from podprobe.targets.recording import Recorder, Recording, in_time, rotated_names, with_rotated
from podprobe.tui.sources import RecordingSource
from tests.support.samples import healthy_pod, troubled_pod

if TYPE_CHECKING:
    from pathlib import Path


def _at(second: int) -> Snapshot:
    return msgspec.structs.replace(healthy_pod(), taken_at=f"2026-01-01T00:00:{second:02}Z")


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "web.jsonl"
    with Recorder(path) as recorder:
        recorder.write(healthy_pod())
        recorder.write(troubled_pod())
        assert list(Recording(path)) == [healthy_pod(), troubled_pod()], "each line is there at once"
    assert len(Recording(path)) == 2
    assert Recording(path)[-1] == troubled_pod()
    with pytest.raises(IndexError):
        Recording(path)[2]


@pytest.mark.parametrize("indent", [0, 2])
def test_a_single_snapshot_is_a_recording_of_one(tmp_path: Path, indent: int) -> None:
    path = tmp_path / "one.json"
    path.write_text(to_json(troubled_pod(), indent=indent))
    assert list(Recording(path)) == [troubled_pod()]


def test_several_files_are_one_recording(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a", "b")]
    for second, path in enumerate(paths):
        path.write_text(to_json(_at(second), indent=0))
    assert [found.taken_at[-3:-1] for found in Recording(*paths)] == ["00", "01"]


def test_it_rotates_and_keeps_so_many(tmp_path: Path) -> None:
    path = tmp_path / "web.jsonl"
    size = len(to_json(_at(0), indent=0)) + 1
    with Recorder(path, rotate_bytes=2 * size, keep=2) as recorder:
        for second in range(9):
            recorder.write(_at(second))
    files = [*rotated_names(path, 2)[::-1], path]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 2 * size for file in files)
    assert [found.taken_at[-3:-1] for found in Recording(*files)] == ["04", "05", "06", "07", "08"]


def test_a_snapshot_larger_than_the_bound_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "web.jsonl"
    with Recorder(path, rotate_bytes=10, keep=1) as recorder:
        recorder.write(_at(1))
        recorder.write(_at(2))
    assert list(Recording(path)) == [_at(2)]
    assert list(Recording(rotated_names(path, 1)[0])) == [_at(1)]


def test_nothing_is_kept_where_nothing_shall_be(tmp_path: Path) -> None:
    path = tmp_path / "web.jsonl"
    with Recorder(path, rotate_bytes=10, keep=0) as recorder:
        recorder.write(_at(1))
        recorder.write(_at(2))
    assert list(tmp_path.iterdir()) == [path]
    assert list(Recording(path)) == [_at(2)]


def test_a_cut_off_line_is_left_out_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "web.jsonl"
    whole = to_json(_at(1), indent=0) + "\n"
    path.write_text(whole + whole[:-100])
    assert list(Recording(path)) == [_at(1)]
    with Recorder(path) as recorder:
        recorder.write(_at(2))
    assert list(Recording(path)) == [_at(1), _at(2)]


def test_a_last_line_without_an_end_is_continued_on_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "web.jsonl"
    path.write_text(to_json(_at(1), indent=0))
    with Recorder(path) as recorder:
        recorder.write(_at(2))
    assert list(Recording(path)) == [_at(1), _at(2)]


@pytest.mark.parametrize(
    "text", ["", "\n\n", "hello\n", '{"schema": "podprobe.snapshot/v2"}\n', "[]\n", "{\n"]
)
def test_what_is_no_recording_is_an_error_that_names_the_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(SnapshotError, match=r"odd\.json"):
        list(Recording(path))


def test_a_file_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="No such file"):
        Recording(tmp_path / "absent")
    with pytest.raises(SnapshotError, match="not a file"):
        Recording(tmp_path)
    with pytest.raises(SnapshotError, match="cannot write"):
        Recorder(tmp_path / "no" / "folder")


def test_another_programs_file_is_not_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("milk, eggs\n")
    with pytest.raises(SnapshotError):
        Recorder(path)
    assert path.read_text() == "milk, eggs\n"


def test_a_single_snapshot_is_not_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(to_json(troubled_pod()) + "\n")
    with pytest.raises(SnapshotError, match="is a single snapshot") as told:
        Recorder(path)
    assert "another file" in told.value.hint
    assert list(Recording(path)) == [troubled_pod()]


def test_a_rotated_recording_is_read_in_the_order_of_its_times(tmp_path: Path) -> None:
    path = tmp_path / "web.jsonl"
    size = len(to_json(_at(0), indent=0)) + 1
    with Recorder(path, rotate_bytes=2 * size, keep=12) as recorder:
        for second in range(25):
            recorder.write(_at(second))
    (tmp_path / "web.jsonl.3.gz").write_text("packed")
    (tmp_path / "web.jsonl.99").write_text("another program's\n")
    times = [f"{second:02}" for second in range(25)]
    named = sorted(file for file in tmp_path.iterdir() if file.name not in ("web.jsonl.3.gz", "web.jsonl.99"))
    assert len(named) > 10, "or .10 is not there to come before .2"
    for files in (with_rotated(path), in_time([path]), in_time(named), in_time(reversed(named))):
        assert [found.taken_at[-3:-1] for found in Recording(*files)] == times
    assert Recorded(path).look() == _at(24)
    assert len(list(Recorded(path).past)) == 24
    assert len(RecordingSource([path])) == 25


def test_a_file_that_is_asked_for_and_holds_no_snapshot_is_told_of(tmp_path: Path) -> None:
    for name in ("absent", "notes"):
        (tmp_path / "notes").write_text("milk, eggs\n")
        assert in_time([tmp_path / name]) == [tmp_path / name]
