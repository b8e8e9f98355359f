"""A configuration that says what cannot be meant is refused; the documented one does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from podprobe.configured import load
from podprobe.errors import ConfigError
from podprobe.findings import evaluate
from podprobe.model import Listener
from tests.support.changes import network
from tests.support.samples import healthy_pod, owner

_PAGE = Path(__file__).parents[2] / "docs/reference/configuration.md"


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        (
            "[thresholds]\nVOL101.warnign_ratio = 0.5",
            "thresholds.VOL101.warnign_ratio",
            "VOL101.warning_ratio",
        ),
        (
            "[thresholds]\nvol101.warning_ratio = 0.5",
            "thresholds.vol101.warning_ratio",
            "VOL101.warning_ratio",
        ),
        ("[thresholds]\nVOL101 = 1", "thresholds.VOL101", "VOL101.warning_ratio or VOL101.critical_ratio"),
        ("[thresholds]\nXXX.y = 1", "thresholds.XXX.y", "podprobe explain"),
        ("[thresholds]\nVOL101.warning_ratio = -1", "thresholds.VOL101.warning_ratio", ""),
        ("[thresholds]\nVOL101.warning_ratio = nan", "thresholds.VOL101.warning_ratio", ""),
        ("[thresholds]\nVOL101.warning_ratio = inf", "thresholds.VOL101.warning_ratio", ""),
        ("[[ignore]]\ncode = 'NOPE'\nreason = 'x'", "ignore[0].code", "podprobe explain"),
        ("[[ignore]]\ncode = 'NET1O3'\nreason = 'x'", "ignore[0].code", "NET103"),
        ("[[ignore]]\ncode = 'NET103'\nreason = ''", "ignore[0].reason", ""),
        ("[[ignore]]\ncode = 'NET103'\nreason = 'x'\nsubject = ''", "ignore[0].subject", ""),
        ("redact = ['fine', '(']", "redact[1]", ""),
        ("[agent]\nttl_seconds = -5", "agent.ttl_seconds", ""),
        ("[agent]\nimage = ''", "agent.image", ""),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str, key: str, hint: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(file)
    assert error.value.message.startswith(f"{file}: {key}: ")
    assert hint in error.value.hint


def test_the_documented_example_does_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    (example,) = re.findall(r"^```toml\n(.*?)^```", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    file.write_text(example)
    config = load(file)
    assert config.thresholds
    listener = Listener(protocol="tcp", address="0.0.0.0", port=9102, container="web", owner=owner(7, "web"))
    pod = network(listeners=(*healthy_pod().network.listeners, listener))
    assert [(each.code, each.subject) for each in evaluate(pod)] == [("NET103", "web tcp port 9102")]
    assert evaluate(pod, (), config) == ()
