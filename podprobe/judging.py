"""From what a look brought in to a snapshot with channels, verdicts and findings.

Apart from the session, which has it imported while agents start: analysis and findings take as long to import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from podprobe.analysis.activity import with_activity
from podprobe.analysis.assemble import assemble
from podprobe.analysis.channels import channels
from podprobe.analysis.policies import reach
from podprobe.analysis.proxies import with_mesh, with_paths
from podprobe.analysis.rates import with_rates
from podprobe.analysis.remembered import with_remembered, with_seen_channels
from podprobe.analysis.roles import with_roles
from podprobe.analysis.services import services
from podprobe.config import Config
from podprobe.findings import judge
from podprobe.findings.verdicts import with_verdicts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from podprobe.analysis.assemble import Look
    from podprobe.model import ProxyAdmin, Snapshot


def judged(look: Look, history: Sequence[Snapshot], config: Config) -> Snapshot:
    """The snapshot of a look, with what follows from it and from the looks before.

    Args:
        look: what was answered.
        history: the looks before, oldest first.
        config: thresholds, and findings to ignore.
    """
    return concluded(assemble(look), history, config, look.admins)


def concluded(
    snapshot: Snapshot,
    history: Sequence[Snapshot] = (),
    config: Config | None = None,
    admins: Mapping[str, ProxyAdmin] | None = None,
) -> Snapshot:
    """A snapshot of what was seen, with all that follows from it: rates, Services' ends, channels, paths, findings.

    Args:
        snapshot: as `assemble` makes it; what follows already is told anew.
        history: the looks before, oldest first.
        config: thresholds, and findings to ignore.
        admins: what proxies' administration ports said, by container.
    """
    settings = config or Config()
    before = history[-1] if history else None
    snapshot = with_remembered(with_rates(snapshot, before), before)
    if not snapshot.network.traffic:
        snapshot = with_activity(snapshot, before)
    snapshot = msgspec.structs.replace(snapshot, services=services(snapshot), reach=reach(snapshot))
    snapshot = msgspec.structs.replace(snapshot, channels=channels(snapshot, settings.thresholds))
    snapshot = with_seen_channels(snapshot, before)
    snapshot = with_paths(with_roles(with_mesh(snapshot, admins)), before, settings.thresholds)
    found = judge(snapshot, history, settings)
    snapshot = msgspec.structs.replace(snapshot, findings=found.findings, ignored=found.ignored)
    return with_verdicts(snapshot)
