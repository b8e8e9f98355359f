"""How TCP fares: loss, standstill, delay, resets, and channels that would be cheaper otherwise."""

from podprobe.findings.tcp import delay, loss, traffic

__all__ = ["delay", "loss", "traffic"]
