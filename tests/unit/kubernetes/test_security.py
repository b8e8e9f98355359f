"""An agent has the privileges of the container it looks at, and never more."""

from typing import Any

import msgspec
import pytest

from podprobe.targets.kubernetes.objects import LinuxUser, SecurityContext
from podprobe.targets.kubernetes.security import UNPRIVILEGED, candidates, costs_of, mirror
from tests.unit.kubernetes.recorded import pod

ALWAYS = {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False}
ROOT = {"runAsUser": 0, "runAsGroup": 0}
USER = {"runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": True}


@pytest.mark.parametrize(
    ("container", "whole", "user", "expected"),
    [
        pytest.param(None, None, (0, 0), ROOT, id="root by the image"),
        pytest.param(
            None,
            None,
            (33, 33),
            {"runAsUser": 33, "runAsGroup": 33, "runAsNonRoot": True},
            id="user of the image",
        ),
        pytest.param(
            {"runAsUser": 7},
            {"runAsUser": 8},
            (7, 0),
            {"runAsUser": 7, "runAsGroup": 0, "runAsNonRoot": True},
            id="reported over declared",
        ),
        pytest.param(
            {"runAsUser": 7, "runAsGroup": 9},
            {"runAsUser": 8},
            None,
            {"runAsUser": 7, "runAsGroup": 9, "runAsNonRoot": True},
            id="container over Pod",
        ),
        pytest.param(
            None,
            {"runAsUser": 8, "runAsGroup": 9},
            None,
            {"runAsUser": 8, "runAsGroup": 9, "runAsNonRoot": True},
            id="Pod over image",
        ),
        pytest.param(
            None, {"runAsNonRoot": True}, (1000, 1000), USER, id="runAsNonRoot with the user reported"
        ),
        pytest.param(
            {"runAsNonRoot": False},
            {"runAsNonRoot": True},
            (0, 0),
            {**ROOT, "runAsNonRoot": False},
            id="root that overrides the Pod",
        ),
        pytest.param(
            None,
            {"fsGroup": 5, "supplementalGroups": [6]},
            (0, 0),
            ROOT,
            id="groups are the Pod's own, not repeated",
        ),
        pytest.param(
            {"capabilities": {"drop": ["ALL"]}},
            None,
            (1000, 1000),
            {**USER, "capabilities": {"drop": ["ALL"]}},
            id="drop ALL",
        ),
        pytest.param(
            {"capabilities": {"drop": ["ALL"], "add": ["CAP_NET_BIND_SERVICE", "chown"]}},
            None,
            (0, 0),
            {**ROOT, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "CHOWN"]}},
            id="added capabilities",
        ),
        pytest.param(
            {"capabilities": {"add": ["ALL"]}}, None, (0, 0), ROOT, id="all capabilities are not mirrored"
        ),
        pytest.param(
            {"capabilities": {"add": ["SYS_ADMIN"]}},
            None,
            (0, 0),
            {**ROOT, "capabilities": {"add": ["SYS_ADMIN"]}, "allowPrivilegeEscalation": None},
            id="SYS_ADMIN implies escalation",
        ),
        pytest.param(
            {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
            None,
            (0, 0),
            {**ROOT, "seccompProfile": {"type": "RuntimeDefault"}},
            id="privileged",
        ),
        pytest.param(
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}},
            None,
            (0, 0),
            {**ROOT, "seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}},
            id="seccomp of its own",
        ),
        pytest.param(
            None,
            {"seccompProfile": {"type": "RuntimeDefault"}},
            (0, 0),
            ROOT,
            id="seccomp of the Pod, inherited",
        ),
        pytest.param(
            {"seccompProfile": {"type": "Unconfined"}},
            {"seccompProfile": {"type": "RuntimeDefault"}},
            (0, 0),
            {**ROOT, "seccompProfile": {"type": "RuntimeDefault"}},
            id="unconfined",
        ),
        pytest.param(
            None,
            {"seccompProfile": {"type": "Unconfined"}},
            (0, 0),
            {**ROOT, "seccompProfile": {"type": "RuntimeDefault"}},
            id="unconfined by the Pod",
        ),
        pytest.param(
            {"appArmorProfile": {"type": "Unconfined"}, "seLinuxOptions": {"level": "s0:c1,c2"}},
            None,
            (0, 0),
            {**ROOT, "appArmorProfile": {"type": "Unconfined"}, "seLinuxOptions": {"level": "s0:c1,c2"}},
            id="AppArmor and SELinux",
        ),
        pytest.param(
            {"procMount": "Unmasked", "allowPrivilegeEscalation": True, "readOnlyRootFilesystem": False},
            None,
            (0, 0),
            ROOT,
            id="what an agent never needs",
        ),
    ],
)
def test_mirrors(
    container: dict[str, Any] | None,
    whole: dict[str, Any] | None,
    user: tuple[int, int] | None,
    expected: dict[str, Any],
) -> None:
    made = mirror(pod(container, whole=whole, user=user), "web")
    assert made.to_json() == {
        name: value for name, value in {**ALWAYS, **expected}.items() if value is not None
    }
    assert not made.guessed_user


@pytest.mark.parametrize("whole", [None, {"runAsNonRoot": True}])
def test_a_user_that_nobody_knows_is_guessed_unprivileged_and_found_out(whole: dict[str, Any] | None) -> None:
    unknown = pod(whole=whole)
    scout = mirror(unknown, "web")
    assert scout.guessed_user
    assert scout.to_json()["runAsUser"] == UNPRIVILEGED
    assert scout.to_json()["runAsNonRoot"] is True
    found = mirror(unknown, "web", LinuxUser(uid=70, gid=71))
    assert not found.guessed_user
    assert (found.context.run_as_user, found.context.run_as_group) == (70, 71)


def test_a_user_without_a_group_is_a_guess() -> None:
    made = mirror(pod({"runAsUser": 5}), "web")
    assert made.guessed_user
    assert "runAsGroup" not in made.to_json()


def test_app_armor_by_annotation_is_mirrored_as_a_field() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/web"
    for said, expected in {
        "runtime/default": {"type": "RuntimeDefault"},
        "unconfined": {"type": "Unconfined"},
        "localhost/mine": {"type": "Localhost", "localhostProfile": "mine"},
    }.items():
        assert (
            mirror(pod(user=(0, 0), annotations={key: said}), "web").to_json()["appArmorProfile"] == expected
        )


def test_a_privileged_container_costs_sight() -> None:
    (cost,) = mirror(pod({"privileged": True}, user=(0, 0)), "web").costs
    assert "privileged" in cost.reason
    assert cost.allow == "--profile ptrace"


def test_the_ladder_ends_without_privileges_and_says_what_it_costs() -> None:
    first, last = candidates(pod(user=(0, 0)), "web")
    assert not first.costs
    assert "root" in last.costs[0].reason
    made = last.to_json()
    assert made["runAsNonRoot"] is True
    assert made["capabilities"] == {"drop": ["ALL"]}
    assert made["seccompProfile"] == {"type": "RuntimeDefault"}
    # As the same user it sees as much: no cost.
    assert not candidates(pod(user=(1000, 1000)), "web")[1].costs


def test_netraw_is_kept_where_the_container_has_it() -> None:
    first = candidates(pod(user=(0, 0)), "web", "netraw")[0]
    assert first.to_json() == {**ALWAYS, **ROOT}


@pytest.mark.parametrize("profile", ["mirror", "netraw", "ptrace"])
@pytest.mark.parametrize("container", [None, {"privileged": True}, {"capabilities": {"drop": ["ALL"]}}])
@pytest.mark.parametrize("user", [None, (0, 0), (1000, 1000)])
def test_no_candidate_is_ever_privileged(
    profile: Any, container: dict[str, Any] | None, user: tuple[int, int] | None
) -> None:
    made = candidates(pod(container, user=user), "web", profile)
    assert made
    for candidate in made:
        context = candidate.to_json()
        assert "privileged" not in context
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        if (context.get("capabilities") or {}).get("add"):
            assert profile != "mirror"
            # The kernel gives added capabilities only to root.
            assert context["runAsUser"] == 0


def test_ptrace_is_one_capability_and_the_right_to_search() -> None:
    last = candidates(pod(user=(1000, 1000)), "web", "ptrace")[-1].to_json()
    assert last["capabilities"] == {"add": ["SYS_PTRACE", "DAC_READ_SEARCH"], "drop": ["ALL"]}


@pytest.mark.parametrize(
    "container", [{"privileged": True}, {"privileged": True, "capabilities": {"add": ["SYS_PTRACE"]}}]
)
def test_what_ptrace_opens_is_no_cost_of_it(container: dict[str, Any]) -> None:
    privileged = pod(container, user=(0, 0))
    assert [cost.allow for cost in mirror(privileged, "web").costs] == ["--profile ptrace"]
    assert all(not one.costs for one in candidates(privileged, "web", "ptrace"))


def test_root_with_ptrace_may_search_too() -> None:
    first = candidates(pod({"capabilities": {"drop": ["ALL"]}}, user=(0, 0)), "web", "ptrace")[0]
    assert first.to_json()["capabilities"]["add"] == ["SYS_PTRACE", "DAC_READ_SEARCH"]
    assert "SYS_PTRACE and DAC_READ_SEARCH" in first.label


def test_the_costs_of_an_agent_that_runs_already() -> None:
    privileged = pod({"privileged": True}, user=(0, 0))
    given = mirror(privileged, "web")
    # As an older API server gives it back.
    returned = msgspec.convert({**given.to_json(), "procMount": "Default"}, SecurityContext)
    assert costs_of(privileged, returned, "web", "mirror") == given.costs
    assert costs_of(privileged, SecurityContext(), "web", "mirror") == ()
