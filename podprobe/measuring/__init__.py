"""`podprobe latency`: what to probe, the probes, and what a sidecar costs."""

from podprobe.measuring.survey import Asked, Found, survey

__all__ = ["Asked", "Found", "survey"]
