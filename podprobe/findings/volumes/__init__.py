"""Volumes and other mounts: bytes, inodes, limits, deleted files, locks."""

from podprobe.findings.volumes import files, filling, limits

__all__ = ["files", "filling", "limits"]
