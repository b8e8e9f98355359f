"""Services, NetworkPolicies and meshes: how the outside gets to the Pod."""

from podprobe.findings.services import mesh, policies, ports

__all__ = ["mesh", "policies", "ports"]
