"""Differences in words."""

from __future__ import annotations

import pytest

from podprobe.analysis.diff import Change, Scalar
from podprobe.report.changed import field_words, transition
from podprobe.report.changes import sentence


def _change(field: str, before: Scalar, after: Scalar) -> Change:
    return Change(kind="changed", area="container", subject="web", field=field, before=before, after=after)


@pytest.mark.parametrize(
    ("field", "before", "after", "said"),
    [
        ("restarts", 1, 2, "1 → 2"),
        ("ready", True, None, "yes → –"),
        ("cgroup.memory_limit_bytes", 1 << 20, 2 << 20, "1 MiB → 2 MiB"),
        ("search", '["a","b","c"]', '["a","c","d"]', "- b, + d"),
        ("search", '["a","b"]', '["b","a"]', "a, b → b, a"),
        ("search", None, '["a","b"]', "– → a, b"),
        ("ingress", '[{"ports":[],"peers":["app=x"]}]', "[]", "- peers app=x"),
        ("image", "[nonsense", "b", "[nonsense → b"),
    ],
)
def test_values(field: str, before: Scalar, after: Scalar, said: str) -> None:
    assert transition(_change(field, before, after)) == said


def test_fields_are_words() -> None:
    assert field_words("last_exit.exit_code") == "last exit code"
    assert field_words("user.uid") == "user uid"


def test_a_sentence_names_what_came_and_what_went() -> None:
    assert sentence(_change("search", '["a"]', '["b"]')) == "container web: search: - a, + b"
    assert sentence(_change("restarts", 1, 2)) == "container web: restarts was 1, is 2"
