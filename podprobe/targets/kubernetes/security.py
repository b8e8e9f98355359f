"""The security context of an agent: that of the container it looks at, and never more.

The kernel lets a process look into another's `/proc/PID/{fd,root,maps}` when both have the same user and group ids
and the looker holds at least the other's capabilities. So an agent that mirrors its container sees it fully, and asks
for nothing that the namespace's policy has not admitted already. Pure functions: a Pod in, a context out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from podprobe.targets.kubernetes.objects import Capabilities, LinuxUser, SecurityContext

if TYPE_CHECKING:
    from podprobe.targets.access import Profile
    from podprobe.targets.kubernetes.objects import Pod

T = TypeVar("T")

PTRACE = "--profile ptrace"
UNPRIVILEGED = 65532
"""The user id of an agent while its container's is not known: "nonroot" of the distroless images."""


@dataclass(frozen=True)
class Cost:
    """What an agent does not see because of the context it has, and what would let it."""

    reason: str
    allow: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A context that an agent may be given."""

    context: SecurityContext
    label: str
    """For progress and errors: `as web runs (uid 1000)`."""
    costs: tuple[Cost, ...] = ()
    guessed_user: bool = False
    """The container's user id is not known: ask its /proc, then look again as that user."""

    def to_json(self) -> dict[str, Any]:
        """`securityContext` of the ephemeral container."""
        built: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.context))
        return built


def candidates(
    pod: Pod, container: str, profile: Profile = "mirror", found: LinuxUser | None = None
) -> list[Candidate]:
    """The contexts to try for the agent of `container`, best first; the first that admission takes is used.

    Args:
        pod: as the API server has it.
        container: whose privileges to mirror.
        profile: `mirror`, or one capability more.
        found: the container's user as its own /proc told it, where the API server does not know.
    """
    mirrored = mirror(pod, container, found)
    if profile == "netraw":
        return _with_capability(mirrored, "NET_RAW", default=True)
    if profile == "ptrace":
        # What this profile opens is no cost of it.
        costs = tuple(cost for cost in mirrored.costs if cost.allow != PTRACE)
        mirrored = replace(mirrored, costs=costs)
        return _with_capability(mirrored, "SYS_PTRACE", default=False, also="DAC_READ_SEARCH")
    return [mirrored, _unprivileged(mirrored, container)]


def costs_of(
    pod: Pod, agent: SecurityContext | None, container: str, profile: Profile, found: LinuxUser | None = None
) -> tuple[Cost, ...]:
    """What an agent that runs already does not see, by the context it was given; nothing where it is none of ours."""
    if agent is None:
        return ()
    # Older API servers fill in `procMount`.
    context = _changed(agent, proc_mount=None)
    made = candidates(pod, container, profile, found)
    return next((one.costs for one in made if one.context == context), ())


def mirror(pod: Pod, container: str, found: LinuxUser | None = None) -> Candidate:
    """The context of the container itself, less what an agent that only reads does not need."""
    spec = next((one for one in pod.specs() if one.name == container), None)
    own = (spec.security_context if spec else None) or SecurityContext()
    whole = pod.spec.security_context or SecurityContext()
    costs: list[Cost] = []

    uid, gid, guessed = _identity(pod, container, own, whole, found)
    if guessed:
        costs.append(
            Cost(
                f"the user that {container} runs as is not known to the API server",
                "Kubernetes 1.33 or newer reports it",
            )
        )
    if own.privileged:
        costs.append(Cost(
            f"{container} is privileged and its agent is not: its files and memory maps stay closed",
            PTRACE,
        ))  # fmt: skip
    non_root = _first(own.run_as_non_root, whole.run_as_non_root)
    if uid is not None:
        # Said outright even where nothing asks for it: the policy engines that do ask are satisfied, too.
        non_root = uid != 0 if uid or non_root is not None else None
    # What the Pod's own context says holds for an agent, too; only the container's part must be repeated.
    context = SecurityContext(
        run_as_user=uid,
        run_as_group=gid,
        run_as_non_root=non_root,
        capabilities=_normal(own.capabilities) if not own.privileged else None,
        seccomp_profile=_seccomp(own, whole),
        app_armor_profile=own.app_armor_profile or _annotated_app_armor(pod, container),
        se_linux_options=own.se_linux_options,
        allow_privilege_escalation=_escalation(own),
        read_only_root_filesystem=True,
    )
    return Candidate(context, f"as {container} runs{_words(uid)}", tuple(costs), guessed)


def _identity(
    pod: Pod, container: str, own: SecurityContext, whole: SecurityContext, found: LinuxUser | None
) -> tuple[int | None, int | None, bool]:
    """User id, group id, and whether they are a guess."""
    status = pod.statuses().get(container)
    known = found or (status.user.linux if status and status.user else None)
    if known:
        return known.uid, known.gid, False
    uid = _first(own.run_as_user, whole.run_as_user)
    gid = _first(own.run_as_group, whole.run_as_group)
    if uid is not None:
        # Without a group said anywhere it is what the image's /etc/passwd says of the user, else root's.
        return uid, gid, gid is None and uid != 0
    # It could be root, but as root an agent might have more than its container: /proc/1/status is open to anyone.
    return UNPRIVILEGED, gid if gid is not None else UNPRIVILEGED, True


def _seccomp(own: SecurityContext, whole: SecurityContext) -> dict[str, Any] | None:
    # An agent needs no system call that the runtime's default profile forbids.
    if (
        own.privileged
        or (_first(own.seccomp_profile, whole.seccomp_profile) or {}).get("type") == "Unconfined"
    ):
        return {"type": "RuntimeDefault"}
    return own.seccomp_profile


def _escalation(own: SecurityContext) -> bool | None:
    # Never needed. But the API server refuses `false` beside CAP_SYS_ADMIN, which implies the contrary.
    added = (_normal(own.capabilities) or Capabilities()).add or ()
    return None if not own.privileged and "SYS_ADMIN" in added else False


def _annotated_app_armor(pod: Pod, container: str) -> dict[str, Any] | None:
    # Before Kubernetes 1.30 the profile was an annotation, which an ephemeral container cannot be given.
    # Profiles differ by name for the kernel's ptrace rules: without the same one, the container stays closed.
    said = (pod.metadata.annotations or {}).get(f"container.apparmor.security.beta.kubernetes.io/{container}")
    if said == "runtime/default":
        return {"type": "RuntimeDefault"}
    if said == "unconfined":
        return {"type": "Unconfined"}
    if said and said.startswith("localhost/"):
        return {"type": "Localhost", "localhostProfile": said.removeprefix("localhost/")}
    return None


def _normal(capabilities: Capabilities | None) -> Capabilities | None:
    """Names without `CAP_`; `None` where nothing is said. Added `ALL` is left out: it is privileged by another name."""
    if capabilities is None:
        return None
    add = tuple(dict.fromkeys(name.upper().removeprefix("CAP_") for name in capabilities.add or ()))
    drop = tuple(dict.fromkeys(name.upper().removeprefix("CAP_") for name in capabilities.drop or ()))
    add = tuple(name for name in add if name != "ALL")
    return Capabilities(add=add or None, drop=drop or None) if add or drop else None


def _unprivileged(mirrored: Candidate, container: str) -> Candidate:
    """What the strictest policy takes: for a Pod that is older than its namespace's policy."""
    uid, gid = mirrored.context.run_as_user, mirrored.context.run_as_group
    costs = mirrored.costs
    if not uid:
        uid, gid = UNPRIVILEGED, UNPRIVILEGED
        costs += (Cost(
            f"the cluster's policy refuses an agent that runs as root like {container}: files and memory maps of its "
            "processes stay closed",
            "a policy that takes a container like the one that is looked at",
        ),)  # fmt: skip
    return replace(
        mirrored, label=f"without privileges (uid {uid})", costs=costs,
        context=_changed(
            mirrored.context, run_as_user=uid, run_as_group=gid, run_as_non_root=True,
            allow_privilege_escalation=False, capabilities=Capabilities(drop=("ALL",)),
            seccomp_profile={"type": "RuntimeDefault"}, app_armor_profile=None,
        ),
    )  # fmt: skip


def _with_capability(
    mirrored: Candidate, name: str, *, default: bool, also: str | None = None
) -> list[Candidate]:
    """Contexts that hold a capability in effect; the kernel gives added ones only to root."""
    ready: list[Candidate] = []
    context = mirrored.context
    said = context.capabilities or Capabilities()
    dropped = set(said.drop or ())
    held = name in (said.add or ()) or (default and not dropped & {"ALL", name})
    if context.run_as_user == 0 and held:
        ready.append(replace(mirrored, label=f"{mirrored.label}, which has {name} already"))
    elif context.run_as_user == 0:
        more = tuple(one for one in (name, also) if one and one not in (said.add or ()))
        wider = Capabilities(
            add=(*(said.add or ()), *more),
            drop=tuple(one for one in said.drop or () if one not in more) or None,
        )
        ready.append(
            replace(
                mirrored,
                context=_changed(context, capabilities=wider),
                label=f"{mirrored.label}, with {' and '.join(more)}",
            )
        )
    narrow = Candidate(
        _changed(
            context, run_as_user=0, run_as_group=0, run_as_non_root=False, allow_privilege_escalation=False,
            capabilities=Capabilities(add=(name, also) if also else (name,), drop=("ALL",)),
        ),
        f"as root with {f'{name} and {also}' if also else name} alone",
        () if name == "SYS_PTRACE" else (Cost(
            f"an agent with {name} alone does not see into processes of its container", "--profile mirror"),),
    )  # fmt: skip
    if context.run_as_user != 0 or name == "SYS_PTRACE":
        ready.append(narrow)
    if default:
        # `baseline` refuses NET_RAW to be added, but not to be kept among the runtime's defaults.
        kept = _changed(narrow.context, capabilities=None)
        ready.append(
            Candidate(
                kept, f"as root with the runtime's default capabilities, {name} among them", narrow.costs
            )
        )
    return ready


def _changed(context: SecurityContext, **changes: Any) -> SecurityContext:
    return msgspec.structs.replace(context, **changes)


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def _words(uid: int | None) -> str:
    return f" (uid {uid})" if uid is not None else ""
