"""Ports that are declared, listened on and used; queues and tables of the network namespace."""

from podprobe.findings.network import names, ports, probes, queues, reach

__all__ = ["names", "ports", "probes", "queues", "reach"]
