"""Targets as a user writes them."""

import pytest

from podprobe.errors import UsageError
from podprobe.targets.resolve import TargetRef, parse


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("web-7d9f", "pod", "web-7d9f"),
        ("pod/web", "pod", "web"),
        ("Deployment/web", "deploy", "web"),
        ("sts/db", "sts", "db"),
        ("local:42", "local", "42"),
        ("file:a b.json", "file", "a b.json"),
    ],
)
def test_forms(text: str, kind: str, name: str) -> None:
    assert parse(text) == TargetRef(kind, name)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    ["", "Web", "svc/web", "local:", "local:x", "local:0", "file:", "a/b/c", "-n", "a" * 300, "\x1b[31m"],
)
def test_rubbish(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)
