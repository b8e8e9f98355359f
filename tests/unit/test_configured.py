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

_DOCS = Path(__file__).parents[2] / "docs"


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


@pytest.mark.parametrize(
    "page", ["reference/configuration", "explanation/findings", "how-to/gate-a-pipeline"]
)
def test_what_the_documentation_accepts_is_accepted(tmp_path: Path, page: str) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```", (_DOCS / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    ports = 0
    for number, block in enumerate(blocks):
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        config = load(file)
        for ignore in config.ignore:
            if ignore.subject is None:
                continue
            *name, _, _, port = ignore.subject.split()
            assert ignore.code == "NET103"
            container = name[0] if name else "web"
            listener = Listener(
                protocol="tcp", address="0.0.0.0", port=int(port), container=container, owner=owner(7, "x")
            )
            pod = network(listeners=(*healthy_pod().network.listeners, listener))
            assert [each.code for each in evaluate(pod)] == ["NET103"]
            assert evaluate(pod, (), config) == ()
            ports += 1
    assert ports == 1
