"""Outside: Services, NetworkPolicies, the kubelet's probes, names, interfaces, and the network namespace's counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from podprobe.tui.views import names, paths, policies, starts
from podprobe.tui.views.outside import counters, interfaces, probes, services

if TYPE_CHECKING:
    from podprobe.tui.state import State
    from podprobe.tui.views.table import Section


def sections(state: State) -> list[Section]:
    """Services, paths through proxies and NetworkPolicies where there are any, probes, names, interfaces, counters."""
    return [
        services.section(state),
        *paths.sections(state),
        *policies.sections(state),
        probes.section(state),
        *names.sections(state),
        *starts.sections(state),
        interfaces.section(state),
        counters.section(state),
    ]
