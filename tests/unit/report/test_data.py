"""JSON and YAML: the snapshot itself, and nothing that a terminal would obey."""

from __future__ import annotations

import json

import yaml

from podprobe.model import Snapshot, from_json, to_json
from podprobe.report import render
from tests.support.hostile import ATTACK, poison
from tests.support.samples import healthy_pod, troubled_pod


def _plain(snapshot: Snapshot) -> object:
    return json.loads(to_json(snapshot))


def test_json_is_the_snapshot() -> None:
    text = render([troubled_pod()], "json")
    assert from_json(text) == troubled_pod()
    assert text.endswith("}\n")


def test_several_are_json_lines() -> None:
    lines = render([healthy_pod(), troubled_pod()], "json").splitlines()
    assert [from_json(line) for line in lines] == [healthy_pod(), troubled_pod()]


def test_yaml_is_the_snapshot() -> None:
    assert yaml.safe_load(render([troubled_pod()], "yaml")) == _plain(troubled_pod())
    documents = list(yaml.safe_load_all(render([healthy_pod(), troubled_pod()], "yaml")))
    assert documents == [_plain(healthy_pod()), _plain(troubled_pod())]


def test_a_hostile_pod_stays_data() -> None:
    hostile = poison(troubled_pod(), ATTACK + "\U000e0041")
    for text in (render([hostile], "json"), render([hostile], "yaml")):
        assert text.replace("\n", "").isprintable()
    assert from_json(render([hostile], "json")) == hostile
    assert yaml.safe_load(render([hostile], "yaml")) == _plain(hostile)
