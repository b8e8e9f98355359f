"""The manifests in deploy/: their commands exist, their role is the least, and `restricted` admits them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from podprobe.cli import podprobe

_DEPLOY = Path(__file__).parents[2] / "deploy"


def _documents(*names: str) -> list[dict[str, Any]]:
    return [document for name in names for document in yaml.safe_load_all((_DEPLOY / name).read_text())]


def _granted(documents: list[dict[str, Any]], kinds: set[str]) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for document in documents
        if document["kind"] in kinds
        for rule in document["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _pods() -> list[dict[str, Any]]:
    (job,) = _documents("scheduled/cronjob.yaml")
    (deployment,) = _documents("metrics/deployment.yaml")
    return [job["spec"]["jobTemplate"]["spec"]["template"]["spec"], deployment["spec"]["template"]["spec"]]


def test_the_roles_grant_nothing_that_the_documented_role_does_not() -> None:
    documented = _granted(_documents("rbac.yaml"), {"ClusterRole"})
    scheduled = _granted(_documents("access/role.yaml"), {"Role"})
    workloads = _granted(_documents("metrics/role.yaml"), {"Role"})
    assert scheduled | workloads <= documented
    assert ("", "pods/exec", "create") in scheduled
    assert not scheduled & workloads


@pytest.mark.parametrize("pod", _pods(), ids=["scheduled", "metrics"])
def test_the_commands_exist(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    name, *arguments = container["args"]
    group = click.Context(podprobe)
    command = podprobe.get_command(group, name)
    assert command
    command.make_context(name, arguments, parent=group)


@pytest.mark.parametrize("pod", _pods(), ids=["scheduled", "metrics"])
def test_the_restricted_level_admits_them(pod: dict[str, Any]) -> None:
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["serviceAccountName"] in {
        found["metadata"]["name"] for found in _documents("access/serviceaccount.yaml")
    }


@pytest.mark.parametrize("folder", ["access", "scheduled", "metrics"])
def test_every_manifest_is_listed(folder: str) -> None:
    (listed,) = _documents(f"{folder}/kustomization.yaml")
    here = {path.name for path in (_DEPLOY / folder).glob("*.yaml")} - {"kustomization.yaml"}
    assert here == {name for name in listed["resources"] if not name.startswith("..")}


def test_the_role_that_doctor_prints_is_the_one_documented() -> None:
    from click.testing import CliRunner

    done = CliRunner().invoke(podprobe, ["doctor", "--role"])
    assert (done.exit_code, done.output) == (0, (_DEPLOY / "rbac.yaml").read_text())
