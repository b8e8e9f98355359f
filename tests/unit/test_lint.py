"""`podprobe lint`: findings of manifests, with their lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from podprobe.cli import podprobe
from podprobe.config import Config, Ignore
from podprobe.errors import TargetError
from podprobe.lint import Linted, lint
from podprobe.report.lint import FORMATS, render
from podprobe.targets.kubernetes.services import selects

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


def alone(text: str, file: str = "web.yaml", config: Config | None = None) -> Linted:
    (result,) = lint([(file, text)], config)
    return result


def found(text: str) -> set[tuple[str, int]]:
    result = alone(text)
    assert not result.problems
    return {(remark.finding.code, remark.line) for remark in result.remarks}


def problems(text: str) -> list[str]:
    return [str(problem) for problem in alone(text).problems]


def test_every_finding_has_its_line() -> None:
    assert found(WEB) == EXPECTED
    result = alone(WEB)
    assert (result.objects, result.pods) == (2, 1)
    assert {remark.object for remark in result.remarks} == {"Deployment/web"}


def test_json_is_yaml_too() -> None:
    documents = list(yaml.safe_load_all(WEB.replace("2026-01-01", '"x"')))
    whole = {"kind": "List", "apiVersion": "v1", "items": documents}
    remarks = alone(json.dumps(whole)).remarks
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
        "apiVersion: batch.volcano.sh/v1alpha1\nkind: Job\nspec: {tasks: []}",
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
    (remark,) = alone(f"kind: {kind}\nmetadata: {{name: x}}\n{wrap % template}\n").remarks
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
        ("a: ]", "web.yaml:1:4: this is not YAML"),
        (pod("{containers: [{name: a, ports: [{containerPort: http}]}]}"),
         "web.yaml:4:40: spec.containers.0.ports.0.containerPort: Expected `int`, got `str`"),
        (pod("{containers: [{image: a}]}"), "spec.containers.0: Object missing required field `name`"),
        ("kind: Service\nspec: {ports: 80}", "web.yaml:2:8: spec.ports: Expected `array"),
        (pod("{containers: [&a {name: a, command: [*a]}]}"),
         "web.yaml:4:44: this is not YAML: the alias *a is inside its own anchor"),
        ("kind: Deployment\nspec: {template: null}", "web.yaml:2:8: a Deployment without spec.template.spec"),
        ("kind: Deployment\nspec:\n  template: {metadata: {}}\n  containers: [{name: a}]\n",
         "web.yaml:4:3: a Deployment without spec.template.spec.containers: there is no Pod in it; it has spec.c"),
        ("kind: Pod\nmetadata: {name: p}\n", "web.yaml:1:1: a Pod without spec.containers"),
        (pod("{containers: [{name: a, resources: {limits: {cpu: 1}}},\n {name: b}, {name: a}]}"),
         "web.yaml:5:14: there is another container 'a' in this Pod"),
        (pod("{initContainers: [{name: a}], containers: [{name: a}]}"), "another container 'a'"),
    ],
)  # fmt: skip
def test_what_a_cluster_would_refuse_is_an_error_with_its_line(text: str, where: str) -> None:
    (problem,) = problems(text)
    assert where in problem


def test_of_a_key_that_is_there_twice_the_last_counts_and_both_are_told() -> None:
    text = pod("\n  containers:\n  - name: a\n    ports: [{containerPort: 80}]\n    ports: [{containerPort: 90}]\n"
               "  - {name: b, ports: [{containerPort: 90}]}")  # fmt: skip
    result = alone(text)
    assert [str(each) for each in result.problems] == [
        "web.yaml:8:5: the key 'ports' is there already, in line 7"
    ]
    assert [(each.finding.code, each.line) for each in result.remarks] == [("NET101", 8)]


def test_what_is_merged_in_or_an_alias_has_its_line_where_it_is_used() -> None:
    text = """\
kind: Pod
x: &x
  ports: &p [{containerPort: 80}]
  livenessProbe: {httpGet: {port: none}}
spec:
  containers:
  - name: a
    <<: *x
  - name: b
    image: b
    ports: *p
"""
    assert found(text) == {("NET101", 8), ("NET105", 8)}
    swapped = text.replace("  - name: a\n    <<: *x\n", "").replace(
        "    ports: *p\n", "    ports: *p\n  - name: a\n    <<: *x\n"
    )
    assert found(swapped) == {("NET101", 9), ("NET105", 11)}


def test_services_of_other_files_are_held_against_a_pod() -> None:
    service, deployment = WEB.split("---\n")
    first, second = lint([("dir/pod.yaml", deployment), ("svc.yaml", service)])
    assert {(each.finding.code, each.line) for each in second.remarks} == {("SVC102", 8)}
    assert {each.object for each in second.remarks} == {"Deployment/web"}
    assert {each.finding.code for each in first.remarks} == {code for code, _ in EXPECTED} - {"SVC102"}


def test_an_object_that_is_refused_hides_no_other() -> None:
    broken = pod("{containers: [{image: a}]}")
    result = alone(f"{broken}---\n{WEB}")
    assert len(result.problems) == 1
    assert {each.finding.code for each in result.remarks} == {code for code, _ in EXPECTED}


def nested(line: str, levels: int) -> str:
    return "".join(line.format(own=number, below=number - 1) for number in range(1, levels))


@pytest.mark.parametrize(
    ("bottom", "line", "top"),
    [
        ("b0: &b0 {kind: List, items: [{kind: Pod, spec: {containers: [{name: a}]}}]}\n",
         f"b{{own}}: &b{{own}} {{{{kind: List, items: [{', '.join(['*b{below}'] * 10)}]}}}}\n",
         "kind: List\nitems: [*b8]\n"),
        ("b0: &b0 {a: b}\n", "b{own}: &b{own} {{<<: [*b{below}, *b{below}]}}\n", pod("{containers: [{name: a}]}")),
    ],
    ids=["lists", "merge keys"],
)  # fmt: skip
def test_aliases_stand_for_so_much_and_no_more(bottom: str, line: str, top: str) -> None:
    (problem,) = problems(bottom + nested(line, 24 if "<<" in line else 9) + top)
    assert "its aliases stand for more than" in problem
    assert not problems(bottom + nested(line, 3) + pod("{containers: [{name: a}]}"))


def test_what_is_deeper_than_any_object_is_refused() -> None:
    (problem,) = problems(pod("[" * 20_000))
    assert "it is more than 200 levels deep" in problem


def test_a_pod_is_held_against_the_services_that_may_be_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def counted(*pair: Any) -> bool:
        nonlocal asked
        asked += 1
        return selects(*pair)

    monkeypatch.setattr("podprobe.targets.manifest.pods.selects", counted)
    many = "---\n".join(WEB.replace("web", f"web{number}") for number in range(40))
    assert len([each for each in alone(many).remarks if each.finding.code == "SVC102"]) == 40
    assert asked == 40


def test_findings_can_be_ignored() -> None:
    config = Config(ignore=(Ignore(code="VOL104", reason="scratch"),))
    assert "VOL104" not in {remark.finding.code for remark in alone(WEB, config=config).remarks}


def test_formats() -> None:
    result = [alone(WEB, "dir/web app.yaml")]
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


def test_the_command_tells_what_it_can_of_a_directory_with_broken_files(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: ]")
    (tmp_path / "b.yaml").write_bytes(b"\xff")
    (tmp_path / "web.yaml").write_text(WEB)
    missing = str(tmp_path / "no.yaml")
    names = ["-f", str(tmp_path), "-f", missing]
    result = CliRunner().invoke(podprobe, ["lint", *names, "-o", "sarif", "--fail-on", "warning"])
    assert result.exit_code == 1, result.output
    (run,) = json.loads(result.stdout)["runs"]
    assert {each["ruleId"] for each in run["results"]} == {code for code, _ in EXPECTED}
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert len(invocation["toolExecutionNotifications"]) == 3
    for words in (
        "a.yaml:1:4: this is not YAML",
        "b.yaml: this is not UTF-8",
        f"{missing}: cannot be read",
        "3 errors",
    ):
        assert words in result.stderr


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
def test_odd_manifests_are_judged_or_refused(kind: str, spec: object, metadata: object, nested: bool) -> None:
    value = {"kind": kind, "metadata": metadata, "spec": {"template": {"spec": spec}} if nested else spec}
    for output in FORMATS:
        render([alone(json.dumps(value))], output)
