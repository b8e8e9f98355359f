"""Settings of the user's: flags over `PODPROBE_*` over `$XDG_CONFIG_HOME/podprobe/config.toml`."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from podprobe.decoding import convert
from podprobe.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_IMAGE = "docker.io/library/python:3-slim"


class AgentConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[agent]`: how agents are started."""

    image: str = DEFAULT_IMAGE
    ttl_seconds: int = 900
    """An agent at rest ends by itself after this time."""


class DnsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[dns]`: what is looked up from inside a Pod."""

    outside: tuple[str, ...] = ()
    """Names beyond the cluster's own, such as `example.com`; none unless they are named here or by `--dns-name`."""


class Ignore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[ignore]]`: findings that are known and accepted."""

    code: str
    reason: str
    subject: str | None = None
    """Only findings whose subject contains this text; all of the code where absent."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration file."""

    agent: AgentConfig = AgentConfig()
    dns: DnsConfig = DnsConfig()
    thresholds: dict[str, float] = {}  # msgspec copies it
    """By name, as `podprobe explain CODE` lists them: `VOL101.warning_ratio = 0.9`."""
    ignore: tuple[Ignore, ...] = ()
    redact: tuple[str, ...] = ()
    """Regular expressions; what they match in a command line is redacted, besides what podprobe redacts anyway."""


def path() -> Path:
    """Where the configuration file is looked for: `$PODPROBE_CONFIG`, else the user's configuration directory."""
    if named := os.environ.get("PODPROBE_CONFIG"):
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_config_dir("podprobe", appauthor=False)) / "config.toml"


def load(file: Path | None = None) -> Config:
    """Read the configuration; the defaults where there is no file.

    Raises:
        ConfigError: the file cannot be read, is no TOML, or holds a setting that does not exist or a value that cannot
            be meant. Whether thresholds and codes exist is the findings' to know: `podprobe.configured`.
    """
    source = file or path()
    try:
        text = source.read_bytes()
    except FileNotFoundError:
        if file is not None or "PODPROBE_CONFIG" in os.environ:
            raise ConfigError(f"there is no configuration file {source}") from None
        return Config()
    except OSError as error:
        raise ConfigError(f"cannot read {source}: {error.strerror}") from None
    import tomllib

    try:
        settings: dict[str, Any] = tomllib.loads(text.decode())
        config = convert(_flatten_thresholds(settings), Config)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"{source}: {error}",
            "podprobe's documentation lists the settings: docs/reference/configuration.md",
        ) from None
    for key, wrong in _nonsense(config):
        raise ConfigError(f"{source}: {key}: {wrong}")
    return config


def _nonsense(config: Config) -> Iterator[tuple[str, str]]:
    """Settings of the right type whose value cannot be meant, each with what is wrong with it."""
    if not config.agent.image.strip():
        yield "agent.image", "it names no image"
    if config.agent.ttl_seconds < 1:
        yield "agent.ttl_seconds", f"{config.agent.ttl_seconds} is no lifetime; it takes a second at least"
    for name, value in config.thresholds.items():
        if not math.isfinite(value) or value < 0:
            yield f"thresholds.{name}", f"{value} is no bound; it takes a number from 0"
    for number, ignore in enumerate(config.ignore):
        if not ignore.reason.strip():
            yield (
                f"ignore[{number}].reason",
                f"why is {ignore.code} accepted? The reason is shown in every report",
            )
        if ignore.subject is not None and not ignore.subject.strip():
            yield (
                f"ignore[{number}].subject",
                "an empty one matches every subject; leave it out if that is meant",
            )
    for number, expression in enumerate(config.redact):
        try:
            re.compile(expression)
        except re.error as error:
            yield f"redact[{number}]", f"{expression!r} is no regular expression: {error}"


def _flatten_thresholds(settings: dict[str, Any]) -> dict[str, Any]:
    """TOML reads `VOL101.warning_ratio = 0.9` as a table in a table; thresholds are known by their full name."""
    thresholds = settings.get("thresholds")
    if not isinstance(thresholds, dict):
        return settings
    flat: dict[str, Any] = {}
    for code, value in thresholds.items():
        if isinstance(value, dict):
            flat.update({f"{code}.{name}": number for name, number in value.items()})
        else:
            flat[code] = value
    return {**settings, "thresholds": flat}
