"""Services, NetworkPolicies, meshes and names: how the outside gets to the Pod, and the Pod to it."""

from podprobe.findings.services import mesh, names, policies, ports, upstreams

__all__ = ["mesh", "names", "policies", "ports", "upstreams"]
