"""`podprobe lint`: findings of manifests, with their lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from podprobe.cli import podprobe
from podprobe.config import Config, Ignore
from podprobe.errors import TargetError
from podprobe.lint import lint
from podprobe.report.lint import render

if TYPE_CHECKING:
    from pathlib import Path

WEB = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - {port: 80, targetPort: http}
  - port: 81
    targetPort: admin
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {at: 2026-01-01}}
    spec:
      shareProcessNamespace: true
      containers:
      - name: nginx
        image: nginx
        ports:
        - {containerPort: 80, name: http}
        - containerPort: 9090
        readinessProbe: {httpGet: {port: web}}
        livenessProbe:
          tcpSocket: {port: 81}
        resources: {limits: {cpu: 1, memory: 64Mi}}
        volumeMounts:
        - {name: cache, mountPath: /cache}
        - name: conf
          mountPath: /etc/nginx
      - name: metrics
        image: exporter
        ports: [{containerPort: 9090}]
      volumes:
      - name: cache
        emptyDir: {medium: Memory}
"""
EXPECTED = {
    ("SVC102", 8),
    ("PRC102", 20),
    ("NET101", 26),
    ("NET105", 27),
    ("NET112", 28),
    ("VOL108", 33),
    ("RES104", 35),
    ("VOL104", 39),
    ("VOL105", 39),
}


def found(text: str) -> set[tuple[str, int]]:
    return {(remark.finding.code, remark.line) for remark in lint(text, "web.yaml").remarks}


def test_every_finding_has_its_line() -> None:
    assert found(WEB) == EXPECTED
    result = lint(WEB, "web.yaml")
    assert (result.objects, result.pods) == (2, 1)
    assert {remark.object for remark in result.remarks} == {"Deployment/web"}


def test_json_is_yaml_too() -> None:
    documents = list(yaml.safe_load_all(WEB.replace("2026-01-01", '"x"')))
    whole = {"kind": "List", "apiVersion": "v1", "items": documents}
    remarks = lint(json.dumps(whole), "list.json").remarks
    assert {remark.finding.code for remark in remarks} == {code for code, _ in EXPECTED}
    assert {remark.line for remark in remarks} == {1}


def pod(spec: str) -> str:
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec: {spec}\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---\n---\n",
        "just text",
        "- a list",
        "kind: ConfigMap\ndata: {spec: x}",
        "kind: Deployment\nspec: {template: null}",
        pod("{containers: [{name: a, image: x, ports: [{containerPort: 80}]}]}"),
        pod(
            "{containers: [{name: a}, {name: b, ports: [{containerPort: 80}]}], volumes: [{name: v, secret: {}}]}"
        ),
    ],
)
def test_nothing_to_find(text: str) -> None:
    assert found(text) == set()


@pytest.mark.parametrize(
    ("kind", "wrap"),
    [
        ("StatefulSet", "spec: {template: %s}"),
        ("DaemonSet", "spec: {template: %s}"),
        ("ReplicaSet", "spec: {template: %s}"),
        ("Job", "spec: {template: %s}"),
        ("Rollout", "spec: {template: %s}"),
        ("CronJob", "spec: {jobTemplate: {spec: {template: %s}}}"),
    ],
)
def test_everything_with_a_template(kind: str, wrap: str) -> None:
    template = "{spec: {hostNetwork: true, containers: [{name: a}]}}"
    (remark,) = lint(f"kind: {kind}\nmetadata: {{name: x}}\n{wrap % template}\n", "x.yaml").remarks
    assert (remark.finding.code, remark.line, remark.object) == ("NET111", 3, f"{kind}/x")


def test_a_stateful_sets_claims_are_volumes() -> None:
    text = """\
kind: StatefulSet
metadata: {name: db}
spec:
  volumeClaimTemplates: [{metadata: {name: data}}]
  template:
    spec: {containers: [{name: db, volumeMounts: [{name: data, mountPath: /d}]}]}
"""
    assert found(text) == set()
    assert found(text.replace("name: data}}", "name: other}}")) == {("VOL108", 6)}


def test_services_of_other_pods_and_namespaces_are_not_judged() -> None:
    assert ("SVC102", 8) not in found(WEB.replace("selector: {app: web}", "selector: {app: db}"))
    assert ("SVC102", 8) not in found(WEB.replace("{name: web}", "{name: web, namespace: other}"))


def test_a_sidecars_named_port_counts() -> None:
    text = pod(
        "{initContainers: [{name: s, restartPolicy: Always, ports: [{name: http, containerPort: 1}]}], "
        "containers: [{name: a}]}"
    )
    service = "kind: Service\nmetadata: {name: s}\nspec: {selector: {a: b}, ports: [{port: 80, targetPort: http}]}\n"
    assert found(f"{service}---\n{text.replace('{name: p}', '{name: p, labels: {a: b}}')}") == set()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: [1", "web.yaml:1:6: this is not YAML"),
        (pod("{containers: [{name: a, ports: [{containerPort: http}]}]}"),
         "web.yaml:4:40: spec.containers.0.ports.0.containerPort: Expected `int`, got `str`"),
        (pod("{containers: [{image: a}]}"), "spec.containers.0: Object missing required field `name`"),
        ("kind: Service\nspec: {ports: 80}", "web.yaml:2:8: spec.ports: Expected `array"),
        (pod("{containers: [&a {name: a, command: [*a]}]}"), "web.yaml:4"),
    ],
)  # fmt: skip
def test_what_a_cluster_would_refuse_is_an_error_with_its_line(text: str, where: str) -> None:
    with pytest.raises(TargetError) as error:
        lint(text, "web.yaml")
    assert where in error.value.message


def test_findings_can_be_ignored() -> None:
    config = Config(ignore=(Ignore(code="VOL104", reason="scratch"),))
    assert "VOL104" not in {remark.finding.code for remark in lint(WEB, "x", config).remarks}


def test_formats() -> None:
    result = [lint(WEB, "dir/web app.yaml")]
    table = render(result, "table")
    assert "dir/web app.yaml:26:11: ✖ critical: NET101 Two containers want the same port" in table
    assert "\x1b" not in table
    assert "\x1b[" in render(result, "table", color=True, width=100)
    assert {each["line"] for each in json.loads(render(result, "json"))[0]["remarks"]} == {
        line for _, line in EXPECTED
    }
    run = json.loads(render(result, "sarif"))["runs"][0]
    assert {each["ruleId"] for each in run["results"]} == {
        each["id"] for each in run["tool"]["driver"]["rules"]
    }
    for each in run["results"]:
        assert run["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] == each["ruleId"]
        place = each["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "dir/web%20app.yaml"
        assert (each["ruleId"], place["region"]["startLine"]) in EXPECTED


@pytest.mark.parametrize(("fail_on", "code"), [("none", 0), ("warning", 3), ("critical", 3)])
def test_the_command_gates(tmp_path: Path, fail_on: str, code: int) -> None:
    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / "notes.txt").write_text("{")
    result = CliRunner().invoke(podprobe, ["lint", "-f", str(tmp_path), "--fail-on", fail_on])
    assert result.exit_code == code, result.output
    assert "2 objects, 1 of them with Pods: 3 critical, 1 warning, 5 info" in result.stderr


def test_the_command_reads_stdin() -> None:
    only_info = pod("{hostNetwork: true, containers: [{name: a}]}")
    result = CliRunner().invoke(podprobe, ["lint", "-f", "-", "--fail-on", "warning"], input=only_info)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("<stdin>:4:8: · info: NET111")


@pytest.mark.parametrize("text", ["", "root:x:0:0:root:/root:/bin/sh\n", "replicas: 3\n", "---\n---\n"])
def test_a_file_without_objects_is_an_error(text: str) -> None:
    """A gate that was given the wrong file must not pass."""
    result = CliRunner().invoke(podprobe, ["lint", "-f", "-"], input=text)
    assert isinstance(result.exception, TargetError), result.output
    assert "no Kubernetes object in -" in result.exception.message


TREE = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "a", "http", "80", "\x1b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "ports", "containerPort", "emptyDir", "httpGet", "port", "limits", "cpu", "items"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)
SPEC = st.fixed_dictionaries(
    {},
    optional={
        name: TREE | st.lists(TREE, max_size=2)
        for name in (
            "containers",
            "initContainers",
            "volumes",
            "hostNetwork",
            "ports",
            "selector",
            "template",
        )
    },
)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["Pod", "Deployment", "Service", "List", ""]),
    spec=SPEC,
    metadata=TREE,
    nested=st.booleans(),
)
def test_odd_manifests_end_in_an_error_of_ours_or_none(
    kind: str, spec: object, metadata: object, nested: bool
) -> None:
    value = {"kind": kind, "metadata": metadata, "spec": {"template": {"spec": spec}} if nested else spec}
    try:
        result = lint(json.dumps(value), "odd.json")
    except TargetError:
        return
    render([result], "table")
