"""What is around Pods: workloads, nodes, namespaces, the API server's version."""

from __future__ import annotations

from podprobe.targets.kubernetes.objects.wire import Condition, Meta, Selector, Wire


class WorkloadSpec(Wire, frozen=True):
    """`spec` of a Deployment, StatefulSet, DaemonSet or Job."""

    selector: Selector | None = None


class Workload(Wire, frozen=True):
    """What makes Pods."""

    metadata: Meta = Meta()
    spec: WorkloadSpec = WorkloadSpec()


class NodeInfo(Wire, frozen=True):
    """What a node runs."""

    kernel_version: str = ""
    container_runtime_version: str = ""
    kubelet_version: str = ""
    architecture: str = ""
    operating_system: str = ""
    os_image: str = ""


class NodeImage(Wire, frozen=True):
    """An image that a node holds."""

    names: tuple[str, ...] | None = None


class NodeStatus(Wire, frozen=True):
    """`status` of a node; it lists at most 50 images."""

    conditions: tuple[Condition, ...] | None = None
    node_info: NodeInfo = NodeInfo()
    images: tuple[NodeImage, ...] | None = None


class Node(Wire, frozen=True):
    """A node."""

    metadata: Meta = Meta()
    status: NodeStatus = NodeStatus()

    @property
    def ready(self) -> Condition | None:
        """Its Ready condition."""
        return next((one for one in self.status.conditions or () if one.type == "Ready"), None)


class Namespace(Wire, frozen=True):
    """A namespace; its labels say which Pod Security level it enforces."""

    metadata: Meta = Meta()


class Version(Wire, frozen=True):
    """What `/version` says."""

    git_version: str = ""
