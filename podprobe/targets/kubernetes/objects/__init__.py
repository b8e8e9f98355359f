"""The part of Kubernetes' objects that podprobe reads: validated, frozen, everything else ignored.

`kubernetes.client`'s own models would cost 0.4 s and 25 MiB to import.
"""

from __future__ import annotations

from podprobe.targets.kubernetes.objects.cluster import Namespace, Node, Version, Workload
from podprobe.targets.kubernetes.objects.containers import (
    Capabilities,
    ContainerPort,
    ContainerSpec,
    ContainerStatus,
    LinuxUser,
    ProbeSpec,
    SecurityContext,
    Terminated,
)
from podprobe.targets.kubernetes.objects.events import EventList, EventObject
from podprobe.targets.kubernetes.objects.pods import Pod, PodEvent, PodList, PodSpec
from podprobe.targets.kubernetes.objects.reviews import AccessReview, WhoAmI
from podprobe.targets.kubernetes.objects.services import (
    EndpointPort,
    EndpointSlice,
    EndpointSliceList,
    ServiceList,
    ServiceObject,
    ServicePortSpec,
)
from podprobe.targets.kubernetes.objects.wire import Meta, Selector, SelectorRequirement, Status, Wire, read

__all__ = [
    "AccessReview",
    "Capabilities",
    "ContainerPort",
    "ContainerSpec",
    "ContainerStatus",
    "EndpointPort",
    "EndpointSlice",
    "EndpointSliceList",
    "EventList",
    "EventObject",
    "LinuxUser",
    "Meta",
    "Namespace",
    "Node",
    "Pod",
    "PodEvent",
    "PodList",
    "PodSpec",
    "ProbeSpec",
    "SecurityContext",
    "Selector",
    "SelectorRequirement",
    "ServiceList",
    "ServiceObject",
    "ServicePortSpec",
    "Status",
    "Terminated",
    "Version",
    "WhoAmI",
    "Wire",
    "Workload",
    "read",
]
