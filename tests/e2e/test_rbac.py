"""deploy/rbac.yaml is enough, and every verb of it is one that doctor misses."""

import copy
import json
from typing import Any

import yaml

from tests.e2e import pods
from tests.e2e.conftest import ROOT, Kube

_GROUP = "rbac.authorization.k8s.io"


def _roles(suffix: str) -> list[dict[str, Any]]:
    """The roles of deploy/rbac.yaml under names of this test's: a cluster may have the real ones."""
    made = list(yaml.safe_load_all((ROOT / "deploy/rbac.yaml").read_text()))
    for role in made:
        role["metadata"]["name"] += f"-{suffix}"
    return made


def _bindings(roles: list[dict[str, Any]], namespace: str, user: str) -> list[dict[str, Any]]:
    subject = {"kind": "User", "name": user, "apiGroup": _GROUP}
    here, everywhere = (role["metadata"]["name"] for role in roles)
    reference = {"apiGroup": _GROUP, "kind": "ClusterRole"}
    return [
        {"apiVersion": f"{_GROUP}/v1", "kind": "RoleBinding", "metadata": {"name": here, "namespace": namespace},
         "roleRef": {**reference, "name": here}, "subjects": [subject]},
        {"apiVersion": f"{_GROUP}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": everywhere},
         "roleRef": {**reference, "name": everywhere}, "subjects": [subject]},
    ]  # fmt: skip


def _doctor(kube: Kube, user: str, namespace: str) -> tuple[int, dict[str, str]]:
    done = kube.podprobe("doctor", "-n", namespace, "--as", user, "-o", "json")
    answer = json.loads(done.stdout)
    assert answer["works"] == (done.returncode == 0)
    return done.returncode, {check["name"]: check["level"] for check in answer["checks"]}


def test_the_role_is_enough_and_each_verb_is_needed_by_somebody(kube: Kube, namespace: str) -> None:
    user = f"looker-{namespace}"
    roles = _roles(namespace)
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images), pods.sleeper("b", kube.images)))

    code, levels = _doctor(kube, user, namespace)
    assert code == 1
    missing = {name for name, level in levels.items() if level == "missing"}
    assert missing == {
        f"may {verb} in namespace {namespace}"
        for verb in ("get pods", "patch pods/ephemeralcontainers", "get pods/exec", "create pods/exec")
    }

    kube.apply(*roles, *_bindings(roles, namespace, user))
    try:
        kube.ready(namespace, "one")
        code, levels = _doctor(kube, user, namespace)
        assert code == 0
        assert {level for name, level in levels.items() if name.startswith("may ")} == {"ok"}
        seen = kube.snapshot("one", "-n", namespace, "--as", user)
        assert all(one["agent"] for one in seen["containers"])
        assert not [note for note in seen["visibility"] if note["area"] in ("agent", "services")]
        assert kube.podprobe("doctor", "one", "-n", namespace, "--as", user).returncode == 0

        for number, role in enumerate(roles):
            for place, rule in enumerate(role["rules"]):
                for verb in rule["verbs"]:
                    for resource in rule["resources"]:
                        less = copy.deepcopy(role)
                        less["rules"][place]["resources"].remove(resource)
                        verbs = [one for one in rule["verbs"] if one != verb]
                        if verbs:
                            less["rules"].append({**rule, "resources": [resource], "verbs": verbs})
                        less["rules"] = [one for one in less["rules"] if one["resources"]]
                        kube.apply(less)
                        name = _name(verb, resource, rule["apiGroups"][0], namespace, cluster=number == 1)
                        noticed = kube.wait(name, lambda name=name: _noticed(kube, user, namespace, name), 10)
                        assert noticed in ("missing", "optional")
            kube.apply(role)
    finally:
        for role in roles:
            kube.kubectl("delete", "clusterrole", role["metadata"]["name"])
        kube.kubectl("delete", "clusterrolebinding", roles[1]["metadata"]["name"])


def test_without_a_verb_nothing_is_half_made(kube: Kube, namespace: str) -> None:
    kube.apply(pods.pod("one", namespace, pods.sleeper("a", kube.images)))
    kube.ready(namespace, "one")
    for resource, verb in (
        ("pods/ephemeralcontainers", "patch"),
        ("pods/exec", "get"),
        ("pods/exec", "create"),
    ):
        user = f"{verb}less-{namespace}"
        role, _ = _roles(user)
        for rule in role["rules"]:
            if rule["resources"] == [resource]:
                rule["verbs"] = [one for one in rule["verbs"] if one != verb]
        role["rules"] = [rule for rule in role["rules"] if rule["verbs"]]
        # In the namespace, so that it goes with it.
        role |= {"kind": "Role", "metadata": {"name": user, "namespace": namespace}}
        subject = {"kind": "User", "name": user, "apiGroup": _GROUP}
        binding = {
            "apiVersion": f"{_GROUP}/v1", "kind": "RoleBinding", "metadata": {"name": user, "namespace": namespace},
            "roleRef": {"apiGroup": _GROUP, "kind": "Role", "name": user}, "subjects": [subject],
        }  # fmt: skip
        kube.apply(role, binding)
        kube.wait(
            "the binding", lambda user=user: not kube.refuses("get", "pods", "-n", namespace, "--as", user)
        )
        done = kube.podprobe("snapshot", "one", "-n", namespace, "--as", user)
        assert done.returncode == 1
        assert f"you may not {verb} {resource} in namespace {namespace}" in done.stderr
        assert "podprobe doctor --role" in done.stderr
        assert not kube.agents(namespace, "one")


def _name(verb: str, resource: str, group: str, namespace: str, *, cluster: bool) -> str:
    full, slash, subresource = resource.partition("/")
    where = "in the whole cluster" if cluster else f"in namespace {namespace}"
    return f"may {verb} {full}{'.' + group if group else ''}{slash}{subresource} {where}"


def _noticed(kube: Kube, user: str, namespace: str, name: str) -> str | None:
    """The level of the one check that is not well, if it is the expected one and no other."""
    _, levels = _doctor(kube, user, namespace)
    unwell = {check: level for check, level in levels.items() if check.startswith("may ") and level != "ok"}
    return unwell[name] if unwell.keys() == {name} else None
