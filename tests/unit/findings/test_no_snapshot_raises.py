"""No snapshot, however odd, makes a rule or the channels raise."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from podprobe.analysis.channels import channels
from podprobe.analysis.proxies import with_mesh, with_paths
from podprobe.analysis.roles import with_roles
from podprobe.config import Config
from podprobe.findings import RULES, evaluate
from podprobe.model import Snapshot
from tests.support.anything import anything
from tests.support.samples import troubled_pod

SENSITIVE = Config(
    thresholds={f"{rule.code}.{name}": 0.0 for rule in RULES.values() for name in rule.thresholds}
)
SEEDS = st.integers(0, 2**32)


def odd_snapshot(random: Random) -> Snapshot:
    """A Pod full of trouble of which some parts, at any depth, are anything at all."""
    return mutated(troubled_pod(), random, 0.3)


def mutated(part: Any, random: Random, share: float) -> Any:
    if not isinstance(part, msgspec.Struct):
        return part
    changes = {}
    for field in msgspec.structs.fields(part):
        if field.name == "schema":
            continue
        value = getattr(part, field.name)
        if random.random() < share:
            changes[field.name] = anything(field.type, random)
        elif isinstance(value, tuple):
            changes[field.name] = tuple(mutated(each, random, share) for each in value[:8])
        else:
            changes[field.name] = mutated(value, random, share)
    return replace(part, **changes)


@settings(max_examples=200, deadline=None)
@given(seed=SEEDS, config=st.sampled_from([Config(), SENSITIVE]))
def test_no_rule_raises(seed: int, config: Config) -> None:
    random = Random(seed)
    history = [odd_snapshot(random) for _ in range(random.randrange(3))]
    for finding in evaluate(odd_snapshot(random), history, config):
        assert finding.evidence
        assert all(finding.evidence)
        assert finding.remedy


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS)
def test_channels_join_two_ends(seed: int) -> None:
    for channel in channels(odd_snapshot(Random(seed))):
        assert channel.a != channel.b


@pytest.mark.parametrize("seed", range(40))
def test_nothing_but_noise(seed: int) -> None:
    noise = anything(Snapshot, Random(seed))
    evaluate(noise, (noise, noise, noise), SENSITIVE)
    channels(noise)
    with_roles(noise)
    with_paths(with_mesh(noise), noise)


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS)
def test_paths_have_proxies_between_their_ends(seed: int) -> None:
    random = Random(seed)
    odd = odd_snapshot(random)
    for path in with_paths(with_mesh(odd), odd_snapshot(random)).paths:
        assert len(path.proxies) == len(path.legs) - 1 >= 1
        joints = zip(path.legs, path.legs[1:], strict=False)
        assert all(one.to_container == other.from_container for one, other in joints)
