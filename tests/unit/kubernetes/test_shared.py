"""Targets that are open at the same time share one connection; the last one closes it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from podprobe.targets.access import Access
from podprobe.targets.kubernetes.shared import _open, shared_api

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    counter = tmp_path / "asked"
    plugin = tmp_path / "plugin.sh"
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": "t", "expirationTimestamp": "2999-01-01T00:00:00Z"},
    }  # fmt: skip
    plugin.write_text(f"#!/bin/sh\necho x >> {counter}\necho '{json.dumps(credential)}'\n")
    plugin.chmod(0o755)
    path = tmp_path / "config"
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "shop"}}],
    }))  # fmt: skip
    return path


def _lease(kubeconfig: Path, **more: Any) -> Any:
    return shared_api(Access(kubeconfig=str(kubeconfig), request_timeout=5.0, **more))


def test_many_at_once_ask_the_credential_plugin_once(kubeconfig: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: _lease(kubeconfig), range(16)))
    assert len(set(map(id, found))) == 1
    assert (kubeconfig.parent / "asked").read_text().count("x") == 1
    for api in found:
        assert api in _open.values()
        api.close()
    assert not _open


def test_another_user_is_another_connection(kubeconfig: Path) -> None:
    one, other = _lease(kubeconfig), _lease(kubeconfig, as_user="jane")
    assert one is not other
    one.close()
    assert list(_open.values()) == [other]
    other.close()


def test_after_the_last_a_new_one_is_made(kubeconfig: Path) -> None:
    first = _lease(kubeconfig)
    first.close()
    second = _lease(kubeconfig)
    assert second is not first
    second.close()
