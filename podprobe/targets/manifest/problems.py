"""Why a manifest, or an object in it, cannot be judged."""

from __future__ import annotations

from podprobe.model.base import Model

REFUSED = "correct the manifest: a cluster would refuse it"


class Problem(Model, frozen=True, kw_only=True):
    """What a cluster would refuse, or what cannot be read."""

    file: str
    line: int | None = None
    """From 1; `None` where it is the file as a whole."""
    column: int | None = None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f":{self.line}:{self.column}" if self.line is not None else ""
        return f"{self.file}{where}: {self.message}"


class Refused(Exception):  # noqa: N818  # a refusal is what it is; it never leaves this package
    """An object that a cluster would refuse."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem
