"""The configuration, checked against the rules that there are: a misspelled threshold would be no threshold."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from podprobe import config as settings
from podprobe.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from podprobe.config import Config


def load(file: Path | None = None) -> Config:
    """Read the configuration, as `podprobe.config.load` does, for those who judge by it.

    Raises:
        ConfigError: also where it names a threshold or a finding that does not exist.
    """
    config = settings.load(file)
    if config.thresholds or config.ignore:
        _check(config, file or settings.path())
    return config


def _check(config: Config, file: Path) -> None:
    # Rules take time to import, which a configuration that names none need not wait for.
    from podprobe.findings import RULES

    thresholds = [f"{code}.{name}" for code, rule in RULES.items() for name in rule.thresholds]
    for name in config.thresholds:
        if name not in thresholds:
            # All of a code's where only that is known: `VOL101 = 1`.
            near = [known for known in thresholds if known.partition(".")[0] == name.upper()]
            raise ConfigError(
                f"{file}: thresholds.{name}: there is no such threshold",
                _hint(near or _near(name, thresholds), "podprobe explain CODE lists a finding's"),
            )
    for number, ignore in enumerate(config.ignore):
        if ignore.code.upper() not in RULES:
            raise ConfigError(
                f"{file}: ignore[{number}].code: there is no finding {ignore.code!r}",
                _hint(_near(ignore.code, list(RULES)), "podprobe explain lists every code"),
            )


def _near(name: str, known: list[str]) -> list[str]:
    by_upper = {each.upper(): each for each in known}
    return [by_upper[each] for each in get_close_matches(name.upper(), by_upper, n=3, cutoff=0.7)]


def _hint(near: list[str], otherwise: str) -> str:
    return f"did you mean {' or '.join(near[:3])}?" if near else otherwise
