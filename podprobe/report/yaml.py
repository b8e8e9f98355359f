"""`-o yaml`: the snapshot as YAML; several are several documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from podprobe.model import to_builtins

if TYPE_CHECKING:
    from podprobe.model import Snapshot
    from podprobe.report import Look, Missed

_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Documents:
    def __init__(self, explicit_start: bool) -> None:
        self._explicit_start = explicit_start

    def add(self, snapshot: Snapshot) -> str:
        # allow_unicode stays off: YAML would print bidirectional overrides as they are.
        text: str = yaml.dump(
            to_builtins(snapshot),
            Dumper=_Dumper,
            sort_keys=False,
            width=120,
            explicit_start=self._explicit_start,
        )
        return text

    def failed(self, missed: Missed) -> str:  # noqa: ARG002
        return ""

    def end(self) -> str:
        return ""


def make(look: Look) -> _Documents:
    """See `podprobe.report.renderer`."""
    return _Documents(look.many)
