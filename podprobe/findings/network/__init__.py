"""Ports that are declared, listened on and used; queues and tables of the network namespace."""

from podprobe.findings.network import failing, names, ports, probes, queues, reach

__all__ = ["failing", "names", "ports", "probes", "queues", "reach"]
