"""What a rule is, and where rules are registered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from podprobe.analysis.words import micros, percent, size
from podprobe.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from podprobe.model import Severity, Snapshot


@dataclass(frozen=True)
class Threshold:
    """A number that a rule goes by; the configuration may set another."""

    default: float
    meaning: str
    """What it bounds, and in what unit."""


@dataclass(frozen=True)
class Hit:
    """One thing that a rule found."""

    subject: str
    """What it is about, stable between looks: no counts, no ephemeral ports."""
    evidence: Sequence[str]
    """Sentences with their numbers."""
    remedy: str
    """What one person can do about this very case."""
    pointers: Sequence[str] = ()
    """JSON pointers into the snapshot."""
    containers: Sequence[str | None] = ()
    severity: Severity | None = None
    """Where the rule has several: which."""


@dataclass(frozen=True)
class Look:
    """What a rule gets to see."""

    snapshot: Snapshot
    history: Sequence[Snapshot] = ()
    """The looks before this one, oldest first."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """The rule's own, by name."""

    def __getitem__(self, threshold: str) -> float:
        """A threshold's value."""
        return self.thresholds[threshold]

    @property
    def previous(self) -> Snapshot | None:
        """The look before this one."""
        return self.history[-1] if self.history else None


@dataclass(frozen=True)
class Rule:
    """A judgement: when it is made, by what it is measured, why it matters, and what to do."""

    code: str
    severities: tuple[Severity, ...]
    """The gravest first."""
    title: str
    when: str
    """The condition in a sentence; `{name}` stands for a threshold."""
    measured: str
    """Where the numbers come from."""
    why: str
    remedy: str
    check: Callable[[Look], Iterable[Hit]]
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    manifest: bool = False
    """A manifest alone can answer it."""
    of_channels: bool = False
    """What it finds tells how the channels at its pointers fare: they are shown with it, and no healthier than it."""
    looks: int = 1
    """How many looks, one after the other, it takes by default: fewer never show it."""

    @property
    def area(self) -> str:
        """The module that holds it: `network`, `tcp`, …"""
        return self.check.__module__.removeprefix("podprobe.findings.").partition(".")[0]

    def condition(self, configured: Mapping[str, float]) -> str:
        """`when`, with the thresholds' values in it."""
        values = {name: _Shown(value) for name, value in self.limits(configured).items()}
        return self.when.format_map(values)

    def limits(self, configured: Mapping[str, float]) -> dict[str, float]:
        """The thresholds' values, with those of the configuration (`CODE.name`) in place of the defaults."""
        return {
            name: configured.get(f"{self.code}.{name}", threshold.default)
            for name, threshold in self.thresholds.items()
        }


class _Shown(float):
    """A threshold in a sentence: `{name:percent}`, `{name:size}`, `{name:us}`, or as a plain number."""

    def __format__(self, kind: str) -> str:
        words = {"percent": percent, "size": size, "us": micros}
        return words[kind](self) if kind in words else f"{float(self):,g}"


RULES: dict[str, Rule] = {}
"""Every rule by its code; filled when the modules of `podprobe.findings` are imported."""


def rule(
    code: str,
    *severities: Severity,
    title: str,
    when: str,
    measured: str,
    why: str,
    remedy: str,
    thresholds: Mapping[str, Threshold] | None = None,
    manifest: bool = False,
    of_channels: bool = False,
    looks: int = 1,
) -> Callable[[Callable[[Look], Iterable[Hit]]], Callable[[Look], Iterable[Hit]]]:
    """Register the decorated function as the check of a rule; the arguments are those of `Rule`."""

    def register(check: Callable[[Look], Iterable[Hit]]) -> Callable[[Look], Iterable[Hit]]:
        if code in RULES:
            raise ValueError(f"two rules are called {code}")
        RULES[code] = Rule(
            code=code,
            severities=severities,
            title=title,
            when=when,
            measured=measured,
            why=why,
            remedy=remedy,
            check=check,
            thresholds=thresholds or {},
            manifest=manifest,
            of_channels=of_channels,
            looks=looks,
        )
        return check

    return register


def find(code: str) -> Rule:
    """The rule of a code, in upper or lower case.

    Raises:
        UsageError: there is none; the hint names the nearest.
    """
    if known := RULES.get(code.upper()):
        return known
    import difflib

    # Codes of one area differ by a digit only, so the nearest is no better a guess than its neighbours.
    near = sorted(known for known in RULES if known[:3] == code.upper()[:3])
    near = near or difflib.get_close_matches(code.upper(), RULES, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "podprobe explain lists every code"
    raise UsageError(f"there is no finding {code!r}", hint)
