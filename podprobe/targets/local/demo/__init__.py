"""A Pod made of Linux namespaces on this machine, with real programs and real faults in it."""

from podprobe.targets.local.demo.demo import Demo, FaultInfo, faults, manifest
from podprobe.targets.local.demo.inside.faults import DEFAULT

__all__ = ["DEFAULT", "Demo", "FaultInfo", "faults", "manifest"]
